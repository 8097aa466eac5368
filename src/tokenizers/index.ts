export type { AddedToken, AddedTokenOptions } from './addedTokens.ts';
export { BertTokenizer, type EncodeCall, type TextInput } from './bertTokenizer.ts';
export type { BertTokenizerOptions } from './bertTokenizerOptions.ts';
export type { EncodeOptions } from './encodeOptions.ts';
export { BatchEncoding, Encoding, type Offset } from './encoding.ts';
export type { PaddingStrategy } from './padding.ts';
export { parseVocabulary } from './tokenizerFiles.ts';
export { type TrainWordPieceOptions, trainWordPiece } from './trainWordPiece.ts';
export type { Side, TruncationStrategy } from './truncation.ts';
