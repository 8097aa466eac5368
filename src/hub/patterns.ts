/** Which files of a repository are meant, by patterns as in huggingface_hub's `allow_patterns` and `ignore_patterns`. */
export interface PathPatterns {
  /** A file is taken only if one of these fits. Default: all. */
  readonly allowPatterns?: string | readonly string[] | undefined;
  /** A file is left out if one of these fits. Default: none. */
  readonly ignorePatterns?: string | readonly string[] | undefined;
}

/** The paths that the patterns leave, in their order. */
export function choosePaths(paths: readonly string[], { allowPatterns, ignorePatterns }: PathPatterns): string[] {
  const allowed = allowPatterns === undefined ? undefined : list(allowPatterns).map(expression);
  const ignored = ignorePatterns === undefined ? [] : list(ignorePatterns).map(expression);
  return paths.filter(
    (path) =>
      (allowed === undefined || allowed.some((pattern) => pattern.test(path))) &&
      !ignored.some((pattern) => pattern.test(path)),
  );
}

function list(patterns: string | readonly string[]): readonly string[] {
  return typeof patterns === 'string' ? [patterns] : patterns;
}

/**
 * A pattern by the rules of Python's `fnmatch`, which huggingface_hub uses: `*` is any text, `/` too; `?` one character;
 * `[abc]`, `[!abc]` one of them or none. A pattern that ends in `/` means all below.
 */
function expression(pattern: string): RegExp {
  const text = pattern.endsWith('/') ? `${pattern}*` : pattern;
  let source = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    const end = character === '[' ? text.indexOf(']', at + (text[at + 1] === '!' ? 3 : 2)) : -1;
    // Several stars say no more than one, and would take long to try.
    if (character === '*') source += source.endsWith('[^]*') ? '' : '[^]*';
    else if (character === '?') source += '[^]';
    else if (end > 0) {
      const inside = text.slice(at + 1, end).replace(/[\\\]^[]/g, '\\$&');
      source += inside.startsWith('!') ? `[^${inside.slice(1)}]` : `[${inside}]`;
      at = end;
    } else source += character.replace(/[\\^$.|+()[\]{}/-]/g, '\\$&');
  }
  return new RegExp(`^${source}$`);
}
