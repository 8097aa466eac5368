import { ArgumentError } from '../core/errors.ts';
import { elementCount } from '../graph/ndarray.ts';
import {
  type FreezingChoice,
  freezeAllBut,
  freezeMore,
  type ParameterPattern,
  selectParameters,
} from '../nn/freezing.ts';
import { parameterTable } from '../nn/parameterGroups.ts';
import type { Adapter } from './adapter.ts';
import type { ModelParts } from './head.ts';
import { isUnder } from './loraConfig.ts';

/** The names that training changes, in the model's order. */
export function trainableNames({ built }: ModelParts, frozen: ReadonlySet<string>): string[] {
  return [...built.parameters.keys()].filter((name) => !frozen.has(name));
}

/** How many numbers the named parameters have. */
export function countElements({ built }: ModelParts, names: Iterable<string>): number {
  let count = 0;
  for (const name of names) count += elementCount(built.parameters.get(name)!.shape);
  return count;
}

/** A table of what training changes; see `describeTrainableParameters`. */
export function describeTrainable(parts: ModelParts, frozen: ReadonlySet<string>): string {
  const counts = new Map([...parts.built.parameters].map(([name, { shape }]) => [name, elementCount(shape)]));
  return parameterTable(counts, new Set(trainableNames(parts, frozen)));
}

/** What is frozen in a model that was just made: what its adapter does not hold, and what its options say. */
export function frozenAtFirst(parts: ModelParts): ReadonlySet<string> {
  const { freeze, freezeLayers, trainOnly } = parts.freezing ?? {};
  let frozen = frozenUnder(parts);
  if (trainOnly !== undefined) frozen = frozenBut(parts, trainOnly);
  if (freeze !== undefined) frozen = frozenMore(parts, frozen, freeze);
  if (freezeLayers !== undefined) frozen = frozenMore(parts, frozen, { layers: freezeLayers });
  return frozen;
}

/** What is frozen under a model's adapter: all that it does not hold. Nothing where there is none. */
export function frozenUnder({ adapter, built }: ModelParts): ReadonlySet<string> {
  return new Set(adapter && [...built.parameters.keys()].filter((name) => !adapter.holds(name)));
}

/** The frozen names after `model.freeze`, which says what is thrown. */
export function frozenMore(
  { built }: ModelParts,
  frozen: ReadonlySet<string>,
  choice: FreezingChoice,
): ReadonlySet<string> {
  return freezeMore(built.parameters.keys(), frozen, choice, 'model.freeze');
}

/** The frozen names after `model.unfreeze`, which says what is thrown. */
export function frozenLess(
  { adapter, built }: ModelParts,
  frozen: ReadonlySet<string>,
  pattern: ParameterPattern,
): ReadonlySet<string> {
  const names = new Set(selectParameters(built.parameters.keys(), pattern, 'model.unfreeze'));
  requireHeld(adapter, names, 'model.unfreeze');
  return new Set([...frozen].filter((name) => !names.has(name)));
}

/** The frozen names after `model.trainOnly`, which says what is thrown. @param withHead whether the task's own head is trained too. */
export function frozenBut(parts: ModelParts, pattern: ParameterPattern, withHead = true): ReadonlySet<string> {
  const own = withHead ? (parts.head.ownModules ?? []) : [];
  const names = parts.built.parameters.keys();
  const frozen = freezeAllBut(names, pattern, (name) => isUnder(name, own), 'model.trainOnly');
  requireHeld(parts.adapter, trainableNames(parts, frozen), 'model.trainOnly');
  return frozen;
}

/** Fails where an adapter would not save what is to be trained. */
function requireHeld(adapter: Adapter | undefined, names: Iterable<string>, owner: string): void {
  const outside = adapter && [...names].find((name) => !adapter.holds(name));
  if (outside === undefined) return;
  throw new ArgumentError('ERR_ADAPTER', {
    owner,
    what: `an adapter saves its own parameters alone, and ${outside} is not one of them`,
    hint: 'name the module in modulesToSave, or set bias, when the adapter is added',
  });
}
