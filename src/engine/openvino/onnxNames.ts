/** The names of an ONNX model's inputs (those without a constant) and outputs, in the model's order. */
export interface OnnxNames {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/*
 * Field numbers of onnx.proto3: ModelProto.graph; GraphProto.initializer, input and output; TensorProto.name and
 * ValueInfoProto.name.
 */
const modelGraph = 7;
const graphInitializer = 5;
const graphInput = 11;
const graphOutput = 12;
const tensorName = 8;
const valueName = 1;

/**
 * Reads an ONNX model's names out of its bytes. OpenVINO keeps inputs and outputs in the model's order, but the names of
 * outputs that share a value are merged into one set, of which it tells any: only the bytes say which is which.
 */
export function readOnnxNames(model: Uint8Array): OnnxNames {
  const [inputs, outputs, constants] = [[] as string[], [] as string[], new Set<string>()];
  for (const [field, graph] of messages(model)) {
    if (field !== modelGraph) continue;
    for (const [part, value] of messages(graph)) {
      if (part === graphInitializer) constants.add(nameIn(value, tensorName));
      else if (part === graphInput) inputs.push(nameIn(value, valueName));
      else if (part === graphOutput) outputs.push(nameIn(value, valueName));
    }
  }
  return { inputs: inputs.filter((name) => !constants.has(name)), outputs };
}

function nameIn(message: Uint8Array, wanted: number): string {
  for (const [field, bytes] of messages(message)) if (field === wanted) return new TextDecoder().decode(bytes);
  return '';
}

/** The fields of a protobuf message that have a length (texts, bytes, messages); numbers are passed over. */
function* messages(message: Uint8Array): Generator<[field: number, content: Uint8Array]> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++];
      value += (byte & 127) * scale;
      // At the end `byte` is undefined, which ends the loop too.
      if (!(byte >= 128)) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const kind = key % 8;
    if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else {
      const length = varint();
      yield [Math.floor(key / 8), message.subarray(at, at + length)];
      at += length;
    }
  }
}
