// Kernels over float32 arrays at byte addresses of one imported shared memory. Each takes first the slice [start, end)
// of its work that the calling thread is to do (elements, rows, blocks or columns: it says which), so that any number
// of threads can share one array. Results never depend on how the work is cut.
export { squaredNorm, squaredNormRows } from './norm';
export { adamw, adamwTable } from './adamw';
export { sgd, sgdTable } from './sgd';
export { accumulate, scale, touch, zero } from './elementwise';
export { scatterAddRows, zeroRows } from './rows';
export { dropoutMask } from './dropout';
