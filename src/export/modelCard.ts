import { stringify } from 'yaml';
import { baseName, joinPath, kindOf, makeDirectory, writeAtomic } from '#platform/files';
import type { TaskName } from '../tasks/taskFor.ts';
import { type CardTask, usage } from './modelCardUsage.ts';

/** The data that a model was trained on. */
export interface CardDataset {
  /** A name on the Hub (`nyu-mll/glue`), or a file's or folder's path. */
  readonly name: string;
  readonly config?: string | undefined;
  /** The split that the metrics are of. */
  readonly evalSplit?: string | undefined;
  /** Rows that were trained on. */
  readonly trainRows?: number | undefined;
}

/** What a model card says; what is left out is not spoken of. */
export interface ModelCard {
  readonly task: TaskName | 'feature-extraction';
  /** What the model is called; the directory's name by default. */
  readonly name?: string | undefined;
  /** What it was made from: a name on the Hub, or a path. */
  readonly baseModel?: string | undefined;
  readonly dataset?: CardDataset | undefined;
  /** Metrics as the Trainer gives them: `eval_loss`, `eval_accuracy`. Times and counts among them are left out. */
  readonly metrics?: Readonly<Record<string, number>> | undefined;
  /** Options of the training by name, as `TrainingArguments.toJSON` gives them. */
  readonly hyperparameters?: Readonly<Record<string, unknown>> | undefined;
  readonly labels?: readonly string[] | undefined;
  /** Whether the directory holds an adapter (LoRA), not a whole model. */
  readonly adapter?: boolean | undefined;
  /** What the directory holds: weights for Python and Fettle, ONNX files. {@link writeModelCard} looks itself. */
  readonly files?: { readonly weights: boolean; readonly onnx: boolean } | undefined;
}

/** Names that Hub and people have for tasks, and for metrics where ours is another. */
const taskTitles: Readonly<Record<CardTask, string>> = {
  'text-classification': 'Text Classification',
  'question-answering': 'Question Answering',
  'token-classification': 'Token Classification',
  'fill-mask': 'Fill-Mask',
  'feature-extraction': 'Feature Extraction',
};
const hubMetrics: Readonly<Record<string, string>> = {
  pearson: 'pearsonr',
  spearman: 'spearmanr',
  mean_squared_error: 'mse',
  mean_absolute_error: 'mae',
};

/** What no two runs share, or no reader wants of a metric. */
const notMetrics = /(^|_)(runtime|per_second|samples|steps|epoch)$/;

/** What every card says of a training; anything else only where it is not the default. */
const mainOptions = [
  'learning_rate',
  'per_device_train_batch_size',
  'per_device_eval_batch_size',
  'gradient_accumulation_steps',
  'seed',
  'optim',
  'weight_decay',
  'lr_scheduler_type',
  'warmup_steps',
  'max_grad_norm',
  'num_train_epochs',
  'max_steps',
  'bf16',
  'max_length',
];

/** A model card: the text of a README.md with the Hub's YAML front matter. Language and license are left to the user. */
export function modelCard(card: ModelCard & { readonly name: string }): string {
  return `---\n${stringify(frontMatter(card), { lineWidth: 0 })}---\n\n${body(card)}`;
}

/**
 * Writes a model card as README.md, unless there is one.
 * @returns the file's path; undefined where a README.md was there already.
 */
export async function writeModelCard(directory: string, card: ModelCard): Promise<string | undefined> {
  const file = joinPath(directory, 'README.md');
  if ((await kindOf(file)) !== 'none') return undefined;
  const onHub = async (name: string | undefined) => {
    if (name === undefined) return undefined;
    const isPath = !/^[\w.-]+(\/[\w.-]+)?$/.test(name) || name.startsWith('.') || (await kindOf(name)) !== 'none';
    // A path says nothing elsewhere, and may say too much of this machine: its last part is enough.
    return isPath ? { local: baseName(name) } : { name };
  };
  const base = await onHub(card.baseModel);
  const data = await onHub(card.dataset?.name);
  const has = async (...path: string[]) => (await kindOf(joinPath(directory, ...path))) === 'file';
  const onnx = await has('onnx', 'model.onnx');
  const weights = !onnx || (await has('model.safetensors')) || (await has('adapter_model.safetensors'));
  await makeDirectory(directory);
  const text = modelCard({
    ...card,
    files: { weights, onnx },
    name: card.name ?? baseName(directory),
    baseModel: base && ('name' in base ? base.name : `./${base.local}`),
    dataset: card.dataset && data && { ...card.dataset, name: 'name' in data ? data.name : `./${data.local}` },
  });
  await writeAtomic(file, text);
  return file;
}

function frontMatter(card: ModelCard & { readonly name: string }): Record<string, unknown> {
  const { task, dataset, baseModel, adapter = false } = card;
  const metrics = metricsOf(card);
  const named = (name: string | undefined) => (name === undefined || isLocal(name) ? undefined : name);
  const results =
    dataset === undefined || metrics.length === 0
      ? undefined
      : [
          {
            task: { type: task, name: taskTitles[task] },
            dataset: pruned({
              name: shown(dataset.name),
              type: isLocal(dataset.name) ? fileType(dataset.name) : dataset.name,
              config: dataset.config,
              split: dataset.evalSplit,
            }),
            metrics: metrics.map(([name, value]) => ({ type: hubMetrics[name] ?? name, name, value })),
          },
        ];
  return pruned({
    library_name: adapter ? 'peft' : 'transformers',
    pipeline_tag: task,
    base_model: named(baseModel),
    tags: ['fettle', 'bert', ...(adapter ? ['lora'] : []), 'transformers.js'],
    datasets: dataset && named(dataset.name) && [dataset.name],
    metrics: names(metrics),
    'model-index': results && [{ name: card.name, results }],
  });
}

function body(card: ModelCard & { readonly name: string }): string {
  const { name, task, dataset, baseModel, labels } = card;
  const metrics = metricsOf(card);
  const link = (id: string, folder = '') =>
    isLocal(id) ? `\`${shown(id)}\`` : `[${id}](https://huggingface.co/${folder}${id})`;
  const data =
    dataset && `${link(dataset.name, 'datasets/')}${dataset.config === undefined ? '' : ` (${dataset.config})`}`;
  const sections = [
    `# ${name}`,
    [
      `A BERT model for ${taskTitles[task].toLowerCase()}`,
      baseModel && `, made from ${link(baseModel)}`,
      data && ` on ${data}`,
      dataset?.trainRows !== undefined && `, ${dataset.trainRows} rows`,
      '. Trained with [Fettle](https://www.npmjs.com/package/fettle).',
    ]
      .filter((part) => typeof part === 'string')
      .join(''),
    labels &&
      labels.length > 0 &&
      `Labels: ${labels
        .slice(0, 50)
        .map((label) => `\`${label}\``)
        .join(', ')}${labels.length > 50 ? ', …' : ''}.`,
    metrics.length > 0 &&
      [
        `## Results${dataset?.evalSplit === undefined ? '' : ` on \`${dataset.evalSplit}\``}`,
        table(
          ['metric', 'value'],
          metrics.map(([metric, value]) => [metric, String(value)]),
        ),
      ].join('\n\n'),
    `## How to use it\n\n${usage(card)}`,
    trainingSection(card.hyperparameters),
  ];
  return `${sections.filter((section) => typeof section === 'string').join('\n\n')}\n`;
}

function trainingSection(hyperparameters: ModelCard['hyperparameters']): string | undefined {
  if (hyperparameters === undefined) return undefined;
  const isByStep = Number(hyperparameters['max_steps']) > 0;
  const rows = mainOptions
    .filter((name) => !(isByStep && name === 'num_train_epochs'))
    .filter((name) => ![undefined, null, false, -1].includes(hyperparameters[name] as undefined))
    .map((name) => [name, String(hyperparameters[name])]);
  return rows.length === 0 ? undefined : `## Training\n\n${table(['hyperparameter', 'value'], rows)}`;
}

/** Name and value of what judges the model, rounded as people write it. */
function metricsOf({ metrics = {} }: ModelCard): [name: string, value: number][] {
  return Object.entries(metrics)
    .filter(([name, value]) => !notMetrics.test(name) && Number.isFinite(value))
    .map(([name, value]) => [name.replace(/^eval_/, ''), Number(value.toPrecision(5))]);
}

/** The front matter's list: the Hub's names of what is no loss. */
function names(metrics: readonly (readonly [string, number])[]): string[] | undefined {
  const found = [...new Set(metrics.map(([name]) => hubMetrics[name] ?? name).filter((name) => name !== 'loss'))];
  return found.length === 0 ? undefined : found;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Paths are marked so by {@link writeModelCard}. */
const isLocal = (name: string) => name.startsWith('./');
const shown = (name: string) => name.replace(/^\.\//, '');
const fileType = (name: string) => /\.(csv|tsv|jsonl?|parquet|txt)(\.gz)?$/.exec(name)?.[1] ?? 'folder';

function pruned(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
