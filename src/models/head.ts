import type { Arena } from '../engine/arena.ts';
import type { Engine } from '../engine/engine.ts';
import type { Parameter } from '../graph/parameter.ts';
import type { FreezingOptions } from '../nn/freezing.ts';
import type { BatchLayout, Reads } from '../nn/layout.ts';
import type { Adapter } from './adapter.ts';
import type { InferenceQuantization, Traced } from './programs.ts';

/** What every configuration has, whatever the architecture. */
export interface ModelConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly maxPositionEmbeddings: number;
  readonly padTokenId: number;
}

/** How an architecture's files are read and written. */
export interface Architecture<Config extends ModelConfig> {
  /** The field of the base model, which headless checkpoints leave out of their names: `bert`. */
  readonly basePrefix: string;
  /** Reads the content of a config.json; `file` is for errors. */
  readConfig(json: Readonly<Record<string, unknown>>, file: string): Config;
  /** The content of a config.json that Python reads. `className` is the model's class. */
  writeConfig(config: Config, className: string): Record<string, unknown>;
}

/** A symbolic model, built for a configuration. */
export interface BuiltModule<Config extends ModelConfig> {
  readonly module: object;
  /** Runs it on a graph; with the loss where `labelled`. */
  trace(batch: BatchLayout, config: Config, labelled: boolean): Traced;
}

/** What makes an architecture a model for something: its head. */
export interface Head<Config extends ModelConfig> {
  /** The class's name, here and in Python's transformers. */
  readonly className: string;
  readonly architecture: Architecture<Config>;
  /** Which rows are read of a batch with, or without, labels. */
  reads(labelled: boolean): Reads;
  /** Tensors that files may hold besides the parameter that they are tied to. */
  readonly tied?: readonly string[];
  /** The modules that this task brings and a pre-trained base lacks (`classifier`): trained and saved with an adapter. */
  readonly ownModules?: readonly string[];
  build(config: Config): BuiltModule<Config>;
}

/** A symbolic model with its parameters by Hugging Face's names, and where their elements are. */
export interface Built<Config extends ModelConfig> extends BuiltModule<Config> {
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly arena: Arena;
}

/** What a model is put together from. It is never changed: a model with another head or adapter has other parts. */
export interface ModelParts<Config extends ModelConfig = ModelConfig> {
  readonly head: Head<Config>;
  readonly config: Config;
  readonly built: Built<Config>;
  readonly engine: Engine;
  /** The directory that it was loaded from. */
  readonly source?: string | undefined;
  /** What was asked for: a name or a path, as an adapter's files name their base. */
  readonly name?: string | undefined;
  /** A low-rank adaptation that the module was built with. */
  readonly adapter?: Adapter | undefined;
  /** What it answers in, where that is not its engine's precision. */
  readonly quantize?: InferenceQuantization | undefined;
  /** What training leaves as it is. */
  readonly freezing?: FreezingOptions | undefined;
}
