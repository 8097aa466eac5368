import { joinPath, kindOf, readText } from '#platform/files';
import { ModelError } from '../core/errors.ts';
import { LoraConfig, type LoraOptions } from './loraConfig.ts';

/** The names of PEFT's two files. */
export const adapterConfigFile = 'adapter_config.json';
export const adapterWeightsFile = 'adapter_model.safetensors';

/** What stands in a directory's `adapter_config.json`. */
export interface SavedAdapter {
  readonly directory: string;
  readonly config: LoraConfig;
  /** The model that the adapter was made for, by name or path; undefined where the file does not say. */
  readonly baseModel: string | undefined;
  /** The class of model that it was made for, by the task that the file names; undefined where it does not say. */
  readonly className?: string | undefined;
}

/** PEFT's names of tasks, by the model's class. */
const taskTypes: Readonly<Record<string, string>> = {
  BertForSequenceClassification: 'SEQ_CLS',
  BertForTokenClassification: 'TOKEN_CLS',
  BertForQuestionAnswering: 'QUESTION_ANS',
  BertModel: 'FEATURE_EXTRACTION',
};

/** Options of PEFT that change what an adapter computes and are not there here: an adapter with one of them is refused. */
const unsupported = [
  'alora_invocation_tokens',
  'arrow_config',
  'fan_in_fan_out',
  'kasa_config',
  'layer_replication',
  'lora_bias',
  'monteclora_config',
  'target_parameters',
  'trainable_token_indices',
  'use_bdlora',
  'use_dora',
  'use_qalora',
  'velora_config',
];

/** Ways to begin that put something else in the place of the base model's weights. */
const alteringInitialisations = /^(pissa|corda|olora|loftq|mica|lora_ga)/;

/** The content of an `adapter_config.json` that Python's `peft` reads. */
export function writeAdapterConfig(
  config: LoraConfig,
  made: {
    readonly className: string;
    readonly modulesToSave: readonly string[];
    readonly baseModel: string | undefined;
  },
): Record<string, unknown> {
  return {
    alpha_pattern: config.alphaPattern,
    auto_mapping: null,
    base_model_name_or_path: made.baseModel ?? null,
    bias: config.bias,
    exclude_modules: config.excludeModules ?? null,
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: config.initLoraWeights,
    layers_pattern: null,
    layers_to_transform: config.layersToTransform ?? null,
    lora_alpha: config.loraAlpha,
    lora_bias: false,
    lora_dropout: config.loraDropout,
    modules_to_save: made.modulesToSave.length === 0 ? null : made.modulesToSave,
    peft_type: 'LORA',
    r: config.r,
    rank_pattern: config.rankPattern,
    revision: null,
    target_modules: config.targetModules,
    task_type: taskTypes[made.className] ?? null,
    use_dora: false,
    use_rslora: config.useRslora,
  };
}

/**
 * Reads a directory's `adapter_config.json`; undefined where it has none.
 * @throws ModelError where it is no LoRA, or one of a form that is not supported here.
 */
export async function readAdapterConfig(directory: string, owner: string): Promise<SavedAdapter | undefined> {
  const file = joinPath(directory, adapterConfigFile);
  if ((await kindOf(file)) !== 'file') return undefined;
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(await readText(file)) as Record<string, unknown>;
  } catch (cause) {
    throw new ModelError('ERR_ADAPTER_CONFIG', { owner, what: `${adapterConfigFile} is not JSON`, file, cause });
  }
  if (typeof json !== 'object' || json === null || json['peft_type'] !== 'LORA') {
    throw new ModelError('ERR_ADAPTER_CONFIG', {
      owner,
      what: 'the adapter is of a kind that is not supported',
      file,
      got: json?.['peft_type'],
      expected: "peft_type 'LORA'",
    });
  }
  const given = (name: string) => {
    const value = json[name];
    return value === null || value === false ? undefined : value;
  };
  const altering = [
    ...unsupported.filter((name) => given(name) !== undefined),
    ...(alteringInitialisations.test(String(json['init_lora_weights'])) ? ['init_lora_weights'] : []),
    ...(['layer', undefined].includes(given('layers_pattern') as string | undefined) ? [] : ['layers_pattern']),
  ];
  if (altering.length > 0) {
    throw new ModelError('ERR_ADAPTER_CONFIG', {
      owner,
      what: `the adapter was made with options that are not supported: ${altering.map((name) => `${name} ${JSON.stringify(json[name])}`).join(', ')}`,
      file,
      hint: 'merge it in Python (merge_and_unload) and load the whole model',
    });
  }
  const options = {
    r: json['r'],
    loraAlpha: json['lora_alpha'],
    loraDropout: json['lora_dropout'],
    targetModules: given('target_modules'),
    excludeModules: given('exclude_modules'),
    bias: json['bias'],
    // What is not saved is not trained: the default of a new adapter is not this one's.
    modulesToSave: given('modules_to_save') ?? [],
    useRslora: json['use_rslora'],
    initLoraWeights: json['init_lora_weights'] === 'gaussian' ? 'gaussian' : true,
    rankPattern: given('rank_pattern'),
    alphaPattern: given('alpha_pattern'),
    layersToTransform: given('layers_to_transform'),
  } as LoraOptions;
  const base = json['base_model_name_or_path'];
  try {
    const baseModel = typeof base === 'string' && base !== '' ? base : undefined;
    const [className] = Object.entries(taskTypes).find(([, type]) => type === json['task_type']) ?? [];
    return { directory, config: new LoraConfig(options), baseModel, className };
  } catch (cause) {
    const what = `${adapterConfigFile} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new ModelError('ERR_ADAPTER_CONFIG', { owner, what, file, cause });
  }
}

const keyPrefix = 'base_model.model.';

/** PEFT's key for a parameter. A headless model's keys lack the base model's own prefix. */
export function peftKey(
  name: string,
  model: { readonly className: string; readonly basePrefix: string; readonly adapted: ReadonlySet<string> },
): string {
  const [, path, last] = /^(.*)\.([^.]*)$/.exec(name)!;
  const own = model.adapted.has(path) ? `${path}.base_layer.${last}` : name;
  const prefix = `${model.basePrefix}.`;
  const headless = model.className === 'BertModel' && own.startsWith(prefix);
  return `${keyPrefix}${headless ? own.slice(prefix.length) : own}`;
}

/**
 * The parameter that a key of PEFT's means, by its name here, with or without the base model's prefix; undefined for the
 * copies that PEFT keeps of what a module was before it was trained.
 */
export function parameterOfKey(key: string, has: (name: string) => boolean, basePrefix: string): string | undefined {
  if (/\.(original_module|modules_to_save)\./.test(key)) return undefined;
  const name = key.replace(keyPrefix, '').replace('.base_layer.', '.');
  return has(name) || !has(`${basePrefix}.${name}`) ? name : `${basePrefix}.${name}`;
}
