import { kindOf, packageDirectory } from '#platform/files';

/**
 * The name of the small BERT that the package brings: 4 layers of 256, English, lower case, 256 tokens (assets/README.md says
 * how it was made). For a first try, and where there is no network.
 */
export const smallBert = 'fettle-bert-small';

/** The directory of a model that is part of the package; undefined for any other name, and where a directory has that name. */
export async function bundledDirectory(nameOrPath: string): Promise<string | undefined> {
  if (nameOrPath !== smallBert || (await kindOf(nameOrPath)) === 'directory') return undefined;
  return packageDirectory(`assets/${smallBert}`);
}
