/** What a repository of the Hub holds. */
export type RepositoryKind = 'model' | 'dataset';

/**
 * Old names without an organisation, and where the Hub now redirects them. Python caches a repository under the name
 * it was asked for, so one and the same repository may lie under either.
 */
const renamed: { readonly [Kind in RepositoryKind]: Readonly<Record<string, string>> } = {
  model: {
    'bert-base-uncased': 'google-bert/bert-base-uncased',
    'bert-base-cased': 'google-bert/bert-base-cased',
    'bert-large-uncased': 'google-bert/bert-large-uncased',
    'bert-large-cased': 'google-bert/bert-large-cased',
    'bert-base-multilingual-uncased': 'google-bert/bert-base-multilingual-uncased',
    'bert-base-multilingual-cased': 'google-bert/bert-base-multilingual-cased',
    'bert-base-chinese': 'google-bert/bert-base-chinese',
    'bert-base-german-cased': 'google-bert/bert-base-german-cased',
    'bert-large-uncased-whole-word-masking': 'google-bert/bert-large-uncased-whole-word-masking',
    'bert-large-cased-whole-word-masking': 'google-bert/bert-large-cased-whole-word-masking',
  },
  dataset: {
    ag_news: 'fancyzhx/ag_news',
    amazon_polarity: 'fancyzhx/amazon_polarity',
    boolq: 'google/boolq',
    cnn_dailymail: 'abisee/cnn_dailymail',
    conll2003: 'eriktks/conll2003',
    dbpedia_14: 'fancyzhx/dbpedia_14',
    emotion: 'dair-ai/emotion',
    glue: 'nyu-mll/glue',
    imdb: 'stanfordnlp/imdb',
    multi_nli: 'nyu-mll/multi_nli',
    paws: 'google-research-datasets/paws',
    rotten_tomatoes: 'cornell-movie-review-data/rotten_tomatoes',
    sms_spam: 'ucirvine/sms_spam',
    snli: 'stanfordnlp/snli',
    squad: 'rajpurkar/squad',
    squad_v2: 'rajpurkar/squad_v2',
    sst2: 'stanfordnlp/sst2',
    super_glue: 'aps/super_glue',
    swag: 'allenai/swag',
    trec: 'CogComp/trec',
    tweet_eval: 'cardiffnlp/tweet_eval',
    wikitext: 'Salesforce/wikitext',
    wnut_17: 'leondz/wnut_17',
    xnli: 'facebook/xnli',
    yelp_polarity: 'fancyzhx/yelp_polarity',
    yelp_review_full: 'Yelp/yelp_review_full',
  },
};

/** All names of the repository that `name` means, `name` itself first: `glue` is also `nyu-mll/glue`, and the reverse. */
export function namesOf(kind: RepositoryKind, name: string): string[] {
  const names = [name];
  for (const [old, current] of Object.entries(renamed[kind])) {
    if (name === old) names.push(current);
    if (name === current) names.push(old);
  }
  return names;
}

/**
 * Why `name` cannot be a repository's name, or undefined where it can. The rule is huggingface_hub's `validate_repo_id`
 * (letters, digits, `-`, `_`, `.`; at most 96 characters a part; no `--` or `..`; no `-` or `.` at an end; no `.git`),
 * which also keeps it from being anything but one folder's name in the cache.
 */
export function faultOfName(name: string): string | undefined {
  const parts = name.split('/');
  if (parts.length > 2) return "it has more than one '/'";
  if (parts.some((part) => !/^[A-Za-z0-9_.-]{1,96}$/.test(part))) {
    return "a part is empty, longer than 96 characters, or has other characters than letters, digits, '-', '_' and '.'";
  }
  if (name.includes('--') || name.includes('..')) return "it has '--' or '..'";
  if (parts.some((part) => /^[.-]|[.-]$/.test(part))) return "a part begins or ends with '-' or '.'";
  if (name.endsWith('.git')) return "it ends in '.git'";
  return undefined;
}

/** Whether `revision` can be a branch's, a tag's or a commit's name and stays inside the folder `refs`. */
export function isSafeRevision(revision: string): boolean {
  return revision.split('/').every((part) => /^[A-Za-z0-9_.+@-]{1,255}$/.test(part) && !/^\.+$/.test(part));
}

/**
 * Why `path` cannot be a file's path inside a repository, or undefined where it can: it must stay inside the folder that it
 * is put in, on every system.
 */
export function faultOfPath(path: string): string | undefined {
  if (/[\0\\]/.test(path)) return "it has a '\\' or a NUL";
  if (/^[A-Za-z]:/.test(path)) return 'it begins with a drive';
  if (path.startsWith('/')) return 'it is absolute';
  const parts = path.split('/');
  if (parts.some((part) => part === '..')) return "it has '..'";
  if (parts.some((part) => part === '' || part === '.')) return 'a part of it is empty';
  return undefined;
}

/** Whether `text` is a commit's whole hash. */
export function isCommit(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/** The folder of a repository in the cache: `models--org--name` (huggingface_hub's `repo_folder_name`). */
export function folderOf(kind: RepositoryKind, name: string): string {
  return [`${kind}s`, ...name.split('/')].join('--');
}
