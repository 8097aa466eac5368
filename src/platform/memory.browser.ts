/** Nothing: a page has no say in how its memory is backed. */
export async function adviseHugePages(_buffer: ArrayBufferLike, _from: number, _to: number): Promise<void> {}

/** Nothing either. */
export async function returnLargeBlocks(): Promise<boolean> {
  return false;
}
