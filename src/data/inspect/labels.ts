import type { ColumnView } from '../columnOperations.ts';
import { type Cell, type Feature, isClassLabel } from '../features.ts';
import { isMissing } from '../preprocessing/missing.ts';
import type { LabelInspection } from './inspection.ts';

/** More labels than this are no classes that a chart would show. */
const shownLabels = 50;

/** A row's label as people read it; undefined where it has none. Tags are written one behind the other. */
export function labelName(cell: Cell | undefined, feature: Feature): string | undefined {
  if (Array.isArray(cell)) {
    const inner = typeof feature === 'object' && feature.type === 'list' ? feature.feature : feature;
    return cell.map((each: Cell) => labelName(each, inner) ?? '?').join(' ');
  }
  if (isMissing(cell, feature) || cell === '') return undefined;
  return isClassLabel(feature) ? (feature.names[cell as number] ?? String(cell)) : String(cell);
}

/** Whether a column's labels are classes, which can be counted and can contradict each other. */
export function areClasses(feature: Feature): boolean {
  const inner = typeof feature === 'object' && feature.type === 'list' ? feature.feature : feature;
  return isClassLabel(inner) || inner === 'string' || inner === 'int64' || inner === 'bool';
}

/** Counts a column's labels; those of lists one by one. */
export function countLabels(column: string, cells: ColumnView): LabelInspection {
  const { feature } = cells;
  const counts = new Map<string, number>();
  let missing = 0;
  const isList = typeof feature === 'object' && feature.type === 'list';
  const inner = isList ? feature.feature : feature;
  // Classes that no row has are worth seeing.
  if (isClassLabel(inner)) for (const name of inner.names) counts.set(name, 0);
  for (const cell of cells) {
    const labels: readonly Cell[] = isList && Array.isArray(cell) ? cell : [cell];
    for (const label of labels) {
      const name = labelName(label, inner);
      if (name === undefined) missing++;
      else counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  const ordered = [...counts].map(([label, count]) => ({ label, count })).sort((a, b) => b.count - a.count);
  return {
    column,
    counts: areClasses(feature) ? ordered.slice(0, shownLabels) : [],
    distinct: counts.size,
    missing,
  };
}
