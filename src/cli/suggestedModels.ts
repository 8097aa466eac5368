/** Pre-trained models to begin with, by their names on the Hub. */
export const suggestedModels = [
  {
    name: 'google/bert_uncased_L-4_H-256_A-4',
    says: 'English; 11 million parameters, 45 MB: minutes for a few thousand short texts on a laptop',
  },
  { name: 'google/bert_uncased_L-2_H-128_A-2', says: 'English; 4 million parameters, 18 MB: to try things out' },
  { name: 'bert-base-uncased', says: 'English; 110 million parameters, 440 MB: more exact, ten times as slow' },
  { name: 'bert-base-multilingual-cased', says: '104 languages; 178 million parameters, 710 MB' },
] as const satisfies readonly { readonly name: string; readonly says: string }[];
