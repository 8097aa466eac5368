export { type Balance, balanceClasses, balancedRows } from './balance.ts';
export { type CleanTextOptions, cleanText, collapseWhitespace, replaceUrls } from './cleanText.ts';
export {
  type Duplicates,
  dropDuplicates,
  dropOverlap,
  duplicateKey,
  findDuplicates,
  normalizedText,
  type Sameness,
} from './duplicates.ts';
export { stripHtml } from './html.ts';
export { headAndTail, type LengthOptions, splitIntoWindows, truncateText } from './longTexts.ts';
export {
  fillMissing,
  isComplete,
  isMissing,
  type MissingCells,
  missingCells,
  requireComplete,
} from './missing.ts';
export { type LongTexts, type PreprocessingOptions, type PreprocessingStep, preprocess } from './preprocess.ts';
export { loadStopWords, removeStopWords, type StopWords, stopWordLanguages } from './stopWords.ts';
export { transforms } from './transforms.ts';
