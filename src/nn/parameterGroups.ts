/** Parameters that are spoken of together: the embeddings, one layer, the pooler, a head. */
export interface ParameterGroup {
  /** The path that leads to all of them: `bert.encoder.layer.3`. */
  readonly path: string;
  /** How deep they stand: 0 the embeddings, 1 the lowest layer, one more than there are layers for all above them. */
  readonly depth: number;
  readonly names: readonly string[];
}

/** How one parameter is trained. */
export interface ParameterSettings {
  readonly weightDecay: number;
  /** Multiplies the step's learning rate. */
  readonly learningRateScale: number;
}

/** Hugging Face's rule: no weight decay on biases and LayerNorm. */
export function decays(name: string): boolean {
  return !name.endsWith('bias') && !name.includes('LayerNorm');
}

/** A layer's number in a parameter's name: `bert.encoder.layer.3.output.dense.bias`. */
const layerOf = /^(.*\.layer\.(\d+))\./;

/** How many layers the names speak of. */
export function countLayers(names: Iterable<string>): number {
  let most = 0;
  for (const name of names) most = Math.max(most, 1 + Number(layerOf.exec(name)?.[2] ?? -1));
  return most;
}

/**
 * Names by the part of the model that they belong to, in the order of depth: the embeddings, each layer, and what stands
 * above the layers (pooler, heads), each by its path.
 */
export function parameterGroups(names: Iterable<string>): ParameterGroup[] {
  const all = [...names];
  const above = countLayers(all) + 1;
  const groups = new Map<string, { path: string; depth: number; names: string[] }>();
  for (const name of all) {
    const layer = layerOf.exec(name);
    const embeddings = /^(?:.*\.)?embeddings(?=\.)/.exec(name);
    const path = layer?.[1] ?? embeddings?.[0] ?? headPath(name);
    const depth = layer !== null ? 1 + Number(layer[2]) : embeddings !== null ? 0 : above;
    const group = groups.get(path) ?? { path, depth, names: [] };
    group.names.push(name);
    groups.set(path, group);
  }
  return [...groups.values()].sort((a, b) => a.depth - b.depth);
}

/** `bert.pooler`, `classifier`, `cls.predictions`: the first two steps at most, and never a parameter's own. */
function headPath(name: string): string {
  const steps = name.split('.');
  return steps.slice(0, Math.max(1, Math.min(2, steps.length - 2))).join('.');
}

/** The parts of a model in a line: `bert.embeddings, bert.encoder.layer.0 to 11, bert.pooler, classifier`. */
export function describeGroups(names: Iterable<string>): string {
  return runsOf(parameterGroups(names), () => '')
    .map(({ label }) => label)
    .join(', ');
}

/**
 * A table of what is trained: a line for each part of the model, layers that are alike in one.
 * @param parameters the number of elements by name.
 * @param trained the names of those that training changes.
 */
export function parameterTable(parameters: ReadonlyMap<string, number>, trained: ReadonlySet<string>): string {
  const count = (names: Iterable<string>) => [...names].reduce((sum, name) => sum + parameters.get(name)!, 0);
  const rows = runsOf(
    parameterGroups(parameters.keys()),
    (group) => `${count(group.names)} ${count(group.names.filter((name) => trained.has(name)))}`,
  ).map(({ label, groups }) => {
    const names = groups.flatMap((group) => group.names);
    return [label, count(names), count(names.filter((name) => trained.has(name)))] as const;
  });
  const lines = [...rows, ['in all', count(parameters.keys()), count(trained)] as const].map(
    ([label, all, changed]) => [label, formatCount(all), formatCount(changed), share(changed, all)],
  );
  const cells = [['part', 'parameters', 'trained', 'share'], ...lines];
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  return cells
    .map((row) =>
      row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  '),
    )
    .join('\n');
}

/** Brings neighbouring layers together for which `alike` is the same. */
function runsOf(groups: readonly ParameterGroup[], alike: (group: ParameterGroup) => string) {
  const runs: { label: string; groups: ParameterGroup[]; key: string }[] = [];
  for (const group of groups) {
    const layer = /^(.*\.layer)\.(\d+)$/.exec(group.path);
    const key = layer === null ? group.path : `${layer[1]} ${alike(group)}`;
    const last = runs.at(-1);
    if (layer !== null && last?.key === key) {
      last.groups.push(group);
      last.label = `${last.groups[0].path} to ${layer[2]}`;
    } else runs.push({ label: group.path, groups: [group], key });
  }
  return runs;
}

function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

function share(part: number, all: number): string {
  const percent = all === 0 ? 0 : (100 * part) / all;
  return `${percent === 0 || percent === 100 ? percent : percent < 1 ? percent.toPrecision(2) : percent.toFixed(1)} %`;
}
