/** The package brings no types: a list of words by language code, and functions. */
declare module 'stopword' {
  const lists: Readonly<Record<string, unknown>>;
  export = lists;
}
