/** The oldest release that the engine's tests pass with, and the year whose releases are no longer known. */
const least = [2026, 3] as const;
const end = 2027;

/** The releases that are taken, in words. */
export const testedRange = `${least.join('.')} to ${end - 1}`;

/** What makes the engine available. */
export const installHint =
  'run `pip install openvino` (any folder of Python packages that this program can see), or set FETTLE_OPENVINO to the library or its folder';

/** Whether a version (`'2026.4.1'`) is one that is taken. */
export function isTested(version: string): boolean {
  const [year, minor] = version.split('.').map(Number);
  if (!Number.isInteger(year) || !Number.isInteger(minor)) return false;
  return year < end && (year > least[0] || (year === least[0] && minor >= least[1]));
}

/**
 * The version that a library's file name ends with: `libopenvino_c.so.2641` is 2026.4.1. Undefined where it has none.
 * Older ones are not even loaded: two OpenVINOs in one process may clash.
 */
export function versionInName(name: string): string | undefined {
  const match = /\.(\d\d)(\d)(\d)(?:\.dylib)?$/.exec(name);
  return match === null ? undefined : `20${match[1]}.${match[2]}.${match[3]}`;
}
