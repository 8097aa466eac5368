import type { OnnxModel } from '../formats/onnx.ts';
import type { OnnxWeights } from '../formats/onnxInt8.ts';

/** A model's answers as an ONNX graph, and all that a folder for other programs is made of. */
export interface LoweredModel {
  /** The class's name, here and in Python's transformers. */
  readonly className: string;
  /** The graph, with the weights as inputs. */
  readonly onnx: OnnxModel;
  /** Their elements, in place: read them before the model is trained further or disposed of. */
  readonly weights: OnnxWeights;
  /** The content of a config.json. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** What of a model is lowered. */
export interface LowerOptions {
  /** Which of the answers are wanted; all by default. */
  readonly outputs?: ((name: string) => boolean) | undefined;
  /** Whether ONNX's own ops alone may be used; true by default, for engines that are not ours. */
  readonly portable?: boolean | undefined;
}
