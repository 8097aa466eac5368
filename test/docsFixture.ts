import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BertForSequenceClassification, BertTokenizer, bertConfig, trainWordPiece } from '../src/index.ts';

const adjectives = ['clean', 'kind', 'warm', 'bright', 'cold', 'rude', 'dirty', 'loud'];
const nouns = ['room', 'staff', 'soup', 'view', 'bed', 'street'];

/** Short texts that say something good (1) or bad (0), all different. */
function sentences(): { text: string; good: 0 | 1 }[] {
  return nouns.flatMap((noun) =>
    adjectives.map((adjective, i) => ({
      text: `The ${noun} was ${adjective}, we say.`,
      good: i < adjectives.length / 2 ? 1 : 0,
    })),
  );
}

/** Pairs of sentences, and whether they say the same, as MRPC's published files have them. */
function mrpc(rows: number, labelled: boolean): string {
  const all = sentences();
  const lines = Array.from({ length: rows }, (_, i) => {
    const first = all[i % all.length];
    const second = all[(i * 7 + 3) % all.length];
    const quality = labelled ? String(first.good === second.good ? 1 : 0) : String(i);
    return [quality, `${2 * i}`, `${2 * i + 1}`, first.text, second.text].join('\t');
  });
  const header = [labelled ? 'Quality' : 'index', '#1 ID', '#2 ID', '#1 String', '#2 String'].join('\t');
  return `${[header, ...lines].join('\n')}\n`;
}

/** A folder in Hugging Face's cache layout: `refs/main` names a commit, `snapshots/<commit>` holds the files. */
function snapshot(cache: string, repository: string): string {
  const commit = '0123456789abcdef0123456789abcdef01234567';
  const folder = join(cache, 'hub', repository, 'snapshots', commit);
  mkdirSync(folder, { recursive: true });
  mkdirSync(join(cache, 'hub', repository, 'refs'), { recursive: true });
  writeFileSync(join(cache, 'hub', repository, 'refs', 'main'), commit);
  return folder;
}

/**
 * A stand-in for what the documentation's programs find on a user's machine: a cache with a tiny random model under the name
 * `bert-base-uncased` and a small MRPC under `glue`. @returns the directory that HF_HOME is to name.
 */
export async function makeCache(folder: string): Promise<string> {
  const cache = join(folder, 'huggingface');
  const model = snapshot(cache, 'models--bert-base-uncased');
  const texts = [...sentences().map(({ text }) => text), 'This is an amazing experience!', 'What was clean?'];
  const vocab = trainWordPiece(texts, { vocabSize: 300, minFrequency: 1 });
  await new BertTokenizer({ vocab, modelMaxLength: 64 }).savePretrained(model);
  const bert = await BertForSequenceClassification.fromConfig(
    bertConfig({
      vocabSize: vocab.length,
      hiddenSize: 32,
      numHiddenLayers: 2,
      numAttentionHeads: 2,
      intermediateSize: 64,
      maxPositionEmbeddings: 64,
    }),
  );
  await bert.savePretrained(model);
  await bert.dispose();

  const glue = join(snapshot(cache, 'datasets--nyu-mll--glue'), 'MRPC');
  mkdirSync(glue, { recursive: true });
  writeFileSync(join(glue, 'train.tsv'), mrpc(48, true));
  writeFileSync(join(glue, 'dev.tsv'), mrpc(20, true));
  writeFileSync(join(glue, 'test.tsv'), mrpc(20, false));
  return cache;
}

/** The `reviews.csv` that the documentation speaks of: text and label, quoted where a comma asks for it. */
export function reviewsCsv(): string {
  const rows = sentences().map(({ text, good }) => `"${text}",${good === 1 ? 'positive' : 'negative'}`);
  return `text,label\n${rows.join('\n')}\n`;
}
