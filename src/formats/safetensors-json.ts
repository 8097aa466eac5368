/**
 * What JSON.parse would let pass: a key that stands twice in an object (it would keep the last), and nesting deeper than a
 * header has (which costs far more memory than its bytes). Text that is not JSON is left to JSON.parse.
 */
export function findStructureFault(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []; // the keys of each object that is open; undefined for a list
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '{' || character === '[') {
      if (open.length === 3) return 'the header is nested too deeply';
      open.push(character === '{' ? new Set() : undefined);
    } else if (character === '}' || character === ']') {
      open.pop();
    } else if (character === '"') {
      const start = i++;
      while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
      let next = i + 1;
      while (next < text.length && ' \t\r\n'.includes(text[next])) next++;
      const keys = open.at(-1);
      if (text[next] !== ':' || keys === undefined) continue;
      const key = unquoted(text.slice(start, i + 1));
      if (keys.has(key)) return `the name '${key.slice(0, 200)}' stands twice in the header`;
      keys.add(key);
    }
  }
  return undefined;
}

function unquoted(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    return literal;
  }
}
