import type { TaskName } from '../tasks/taskFor.ts';

/** What a card may be for. */
export type CardTask = TaskName | 'feature-extraction';

/** What is asked of each task's pipeline, in Python and in JavaScript. */
const questions: Readonly<Record<CardTask, { readonly python: string; readonly javascript: string }>> = {
  'text-classification': { python: '"A text."', javascript: "'A text.'" },
  'question-answering': {
    python: 'question="Who wrote it?", context="Ada wrote it."',
    javascript: "'Who wrote it?', 'Ada wrote it.'",
  },
  'token-classification': { python: '"Ada lives in London."', javascript: "'Ada lives in London.'" },
  'fill-mask': { python: '"Paris is in [MASK]."', javascript: "'Paris is in [MASK].'" },
  'feature-extraction': { python: '"A text."', javascript: "'A text.', { pooling: 'mean', normalize: true }" },
};

/** Python's classes, where an adapter is put on a base model. */
const classes: Readonly<Record<CardTask, string>> = {
  'text-classification': 'AutoModelForSequenceClassification',
  'question-answering': 'AutoModelForQuestionAnswering',
  'token-classification': 'AutoModelForTokenClassification',
  'fill-mask': 'AutoModelForMaskedLM',
  'feature-extraction': 'AutoModel',
};

/** How a model is used in Python, with transformers.js and with Fettle: programs for a card. */
export function usage(card: {
  readonly name: string;
  readonly task: CardTask;
  readonly baseModel?: string | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly adapter?: boolean | undefined;
  readonly files?: { readonly weights: boolean; readonly onnx: boolean } | undefined;
}): string {
  const { name, task, adapter = false, files: { weights, onnx } = { weights: true, onnx: false } } = card;
  const { python, javascript } = questions[task];
  const labels = task === 'fill-mask' || task === 'question-answering' ? undefined : card.labels?.length;
  const base = card.baseModel?.replace(/^\.\//, '') ?? 'the base model';
  const fettleQuestion =
    task === 'question-answering' ? "{ question: 'Who wrote it?', context: 'Ada wrote it.' }" : javascript;
  const inPython = adapter
    ? [
        'from peft import PeftModel',
        `from transformers import AutoTokenizer, ${classes[task]}, pipeline`,
        '',
        `base = ${classes[task]}.from_pretrained("${base}"${labels === undefined ? '' : `, num_labels=${labels}`})`,
        `model = PeftModel.from_pretrained(base, "${name}").merge_and_unload()`,
        `ask = pipeline("${task}", model=model, tokenizer=AutoTokenizer.from_pretrained("${name}"))`,
        `print(ask(${python}))`,
      ]
    : ['from transformers import pipeline', '', `ask = pipeline("${task}", model="${name}")`, `print(ask(${python}))`];
  const inPage = [
    "import { pipeline } from '@huggingface/transformers';",
    '',
    `const ask = await pipeline('${task}', '${name}');`,
    `console.log(await ask(${javascript}));`,
  ];
  const inNode = [
    "import { pipeline } from 'fettle';",
    '',
    `const ask = await pipeline('${task}', '${name}');`,
    `console.log(await ask(${fettleQuestion}));`,
  ];
  const inPageTitle = `In a page or in Node with [transformers.js](https://huggingface.co/docs/transformers.js)${onnx ? '' : ', once `npx fettle export` has written `onnx/model.onnx`'}:`;
  return [
    ...(weights ? ['In Python:', fenced('python', inPython)] : []),
    inPageTitle,
    fenced('js', inPage),
    ...(weights ? ['With Fettle:', fenced('js', inNode)] : []),
  ].join('\n\n');
}

function fenced(language: string, lines: readonly string[]): string {
  return `\`\`\`${language}\n${lines.join('\n')}\n\`\`\``;
}
