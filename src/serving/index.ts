export { loopbackHosts } from './origins.ts';
export { createPredictHandler, type PredictHandler, type PredictHandlerOptions } from './predictHandler.ts';
export { exampleInputs, type ServedPipeline, type ServedTask, servedTasks } from './services.ts';
