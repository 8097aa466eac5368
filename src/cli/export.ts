import { type Command, Option } from 'commander';
import { baseName, kindOf } from '#platform/files';
import { ArgumentError, didYouMean } from '../core/errors.ts';
import { type CardTask, checkQuantize, type ExportableModel, exportOnnx, writeModelCard } from '../export/index.ts';
import { BertModel } from '../models/bert/bertModel.ts';
import { readArchitectures } from '../models/loading.ts';
import { taskNames, taskOfArchitecture, tasks } from '../tasks/taskFor.ts';
import { formatBytes } from '../training/checkpointFiles.ts';
import { makeReport } from './report.ts';

const owner = 'fettle export';
const formats = ['onnx'];
const exportTasks: readonly CardTask[] = [...taskNames, 'feature-extraction'];

interface ExportFlags {
  readonly model?: string;
  readonly format: string;
  readonly quantize?: readonly string[];
  readonly output?: string;
  readonly task?: CardTask;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

/** `fettle export`: a model's files for other programs. */
export function addExportCommand(program: Command): void {
  const collect = (form: string, earlier: readonly string[] = []) => [...earlier, form];
  program
    .command('export')
    .description('Write a model as ONNX, for transformers.js and others.')
    .argument('[model]', 'the model, as --model')
    .option('--model <path or name>', 'a directory with a model, or a name on the Hub')
    .option('--format <name>', 'what to write: onnx', 'onnx')
    .option(
      '--quantize <form>',
      'a smaller form beside the float32 one: int8 (a quarter of the size) or fp16 (half); may be given several times',
      collect,
    )
    .option('--output <path>', "the directory to write to (default: the model's own)")
    .addOption(
      new Option('--task <name>', 'what the model is for (default: what it was trained for)').choices([...exportTasks]),
    )
    .option('--overwrite', 'write over ONNX files that are there')
    .option('--json', 'print one JSON object on standard output, and nothing else there')
    .action(exportModel);
}

async function exportModel(positional: string | undefined, flags: ExportFlags): Promise<void> {
  const name = flags.model ?? positional;
  if (name === undefined) {
    throw new ArgumentError('ERR_NO_MODEL', {
      owner,
      what: 'there is no model',
      hint: 'name its directory: fettle export ./results',
    });
  }
  if (!formats.includes(flags.format)) {
    const near = didYouMean(flags.format, formats);
    throw new ArgumentError('ERR_EXPORT_FORMAT', {
      owner,
      what: 'there is no such format',
      got: flags.format,
      expected: formats.join(', '),
      hint: near === undefined ? undefined : `did you mean '${near}'?`,
    });
  }
  const quantize = checkQuantize(flags.quantize, owner);
  const directory = flags.output ?? name;
  if (flags.output === undefined && (await kindOf(name)) !== 'directory') {
    throw new ArgumentError('ERR_NO_OUTPUT_DIR', {
      owner,
      what: 'the model is no directory to write to',
      got: name,
      hint: 'pass --output',
    });
  }
  const task = flags.task ?? (await taskOf(name));
  const model = await load(task, name);
  try {
    const files = await exportOnnx(model, directory, { quantize, overwrite: flags.overwrite === true });
    const { id2label } = model.config;
    const hasLabels = task === 'text-classification' || task === 'token-classification';
    const card = await writeModelCard(directory, {
      task,
      baseModel: flags.output === undefined ? undefined : name,
      labels: hasLabels ? id2label : undefined,
    });
    makeReport(flags.json === true).result(
      { output: directory, task, files, modelCard: card ?? null },
      [
        ...files.map(({ path, bytes }) => `${path}  ${formatBytes(bytes)}`),
        ...(card === undefined ? [] : [`${card}  a model card: read it, and say there what the model is for`]),
        '',
        'To use it with transformers.js (@huggingface/transformers), in Node or in a page:',
        `  env.localModelPath = '…'; // the folder above ${baseName(directory)}; a name on the Hub needs none`,
        `  const ask = await pipeline('${task}', '${baseName(directory)}'${quantize.includes('int8') ? ", { dtype: 'q8' }" : ''});`,
      ].join('\n'),
    );
  } finally {
    await model.dispose();
  }
}

type Loaded = ExportableModel & {
  readonly config: { readonly id2label: readonly string[] };
  dispose(): Promise<void>;
};

function load(task: CardTask, name: string): Promise<Loaded> {
  return task === 'feature-extraction' ? BertModel.fromPretrained(name) : tasks[task].model.fromPretrained(name);
}

async function taskOf(name: string): Promise<CardTask> {
  const [className] = await readArchitectures(name);
  const found =
    className === 'BertModel'
      ? 'feature-extraction'
      : className === undefined
        ? undefined
        : taskOfArchitecture(className);
  if (found !== undefined) return found;
  throw new ArgumentError('ERR_NO_TASK', {
    owner,
    what: 'the checkpoint does not say what its model is for',
    got: className ?? 'no architectures in config.json',
    hint: `pass --task, one of ${exportTasks.join(', ')}`,
  });
}
