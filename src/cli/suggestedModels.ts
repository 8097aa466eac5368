import { smallBert } from '../hub/bundled.ts';

/** Pre-trained models to begin with: names on the Hub, all of them with safetensors there, and the package's own. */
export const suggestedModels = [
  {
    name: 'sentence-transformers/all-MiniLM-L6-v2',
    says: 'English; 23 million parameters, 91 MB: minutes for a few thousand short texts on a laptop',
  },
  { name: 'bert-base-uncased', says: 'English; 110 million parameters, 440 MB: more exact, five times as slow' },
  { name: smallBert, says: 'English; 5 million parameters, part of this package: for a first try, without a network' },
  { name: 'bert-base-multilingual-cased', says: '104 languages; 178 million parameters, 710 MB' },
] as const satisfies readonly { readonly name: string; readonly says: string }[];
