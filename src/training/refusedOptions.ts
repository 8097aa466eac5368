import type { RefusedOption } from './optionRules.ts';

const oneProcess = 'one process trains one whole model here; leave it out';
const noCompiler = 'the graph is compiled by the engine anyway; leave it out';
const nvidia = 'it is a switch of GPUs; leave it out';
const hub = 'save the model and upload its folder';
const experiments = "set loggingDir and read TensorBoard's files, or pass onEvent and send the events on";
const noWorkers = 'rows are tokenized once, ahead of training, and batches are made beside the steps; leave it out';
const streams = 'evaluation streams: batches are scored as they come, in bounded memory; leave it out';
const memory =
  'lower perDeviceTrainBatchSize and raise gradientAccumulationSteps by the same factor: the same result in less memory';
const onlyCpu = 'everything runs on the CPU here; leave it out';
const alwaysSafetensors = 'models are always written as safetensors; leave it out';
const stopsAtNan =
  'a loss that is not finite ends the run with the rows of its batch, before it is applied; leave it out';

const off = (hint: string, fallback: RefusedOption['fallback'] = false): RefusedOption => ({ fallback, hint });
const unset = (hint: string): RefusedOption => ({ fallback: null, hint });

/** Hugging Face's options, of transformers 5.23 and of 4, that are none here: Python's default and what to do instead. */
export const refusedOptions: Readonly<Record<string, RefusedOption>> = {
  // Precision and the machine
  fp16: off('use bf16, or leave it out: training is float32 then'),
  fp16FullEval: off('evaluation is float32; leave it out'),
  bf16FullEval: off('evaluation is float32; leave it out'),
  fp16Backend: off('there is no float16 training here; leave it out', 'auto'),
  fp16OptLevel: off('there is no float16 training here; leave it out', 'O1'),
  halfPrecisionBackend: off('there is no float16 training here; leave it out', 'auto'),
  tf32: unset('it is a switch of NVIDIA GPUs; leave it out'),
  useCpu: off(onlyCpu),
  noCuda: off(onlyCpu),
  useMpsDevice: off(onlyCpu),
  torchCompile: off(noCompiler),
  torchCompileBackend: unset(noCompiler),
  torchCompileMode: unset(noCompiler),
  torchdynamo: unset(noCompiler),
  jitModeEval: off(noCompiler),
  useLigerKernel: off(nvidia),
  ligerKernelConfig: unset(nvidia),
  torchEmptyCacheSteps: unset(nvidia),
  activationCheckpointing: unset(memory),
  activationCheckpointingKwargs: unset(memory),
  gradientCheckpointing: off(memory),
  gradientCheckpointingKwargs: unset(memory),
  useCache: off('it is for models that generate text; leave it out'),
  pastIndex: off('it is for models that generate text; leave it out', -1),
  fullDeterminism: off('a run here is always the same bits again; leave it out'),
  skipMemoryMetrics: off("watch the process's memory from outside; leave it out", true),
  debug: off('pass onEvent and look at every step; leave it out', ''),
  // Several processes
  averageTokensAcrossDevices: off(oneProcess, true),
  acceleratorConfig: unset(oneProcess),
  parallelismConfig: unset(oneProcess),
  deepspeed: unset(oneProcess),
  fsdp: unset(oneProcess),
  fsdpConfig: unset(oneProcess),
  fsdpMinNumParams: off(oneProcess, 0),
  fsdpTransformerLayerClsToWrap: unset(oneProcess),
  ddpBackend: unset(oneProcess),
  ddpBroadcastBuffers: unset(oneProcess),
  ddpBucketCapMb: unset(oneProcess),
  ddpFindUnusedParameters: unset(oneProcess),
  ddpStaticGraph: unset(oneProcess),
  ddpTimeout: off(oneProcess, 1800),
  localRank: off(oneProcess, -1),
  logOnEachNode: off(oneProcess, true),
  saveOnEachNode: off(oneProcess),
  logLevelReplica: off(oneProcess, 'warning'),
  tpuNumCores: unset(oneProcess),
  tpuMetricsDebug: off(oneProcess),
  mpParameters: off(oneProcess, ''),
  rayScope: off('searches run in this process; leave it out', 'last'),
  // Optimizer and loss
  optimTargetModules: unset("it is for GaLore and APOLLO, which are not here; use optim: 'adamw_torch'"),
  adafactor: off("use optim: 'adamw_torch' or 'sgd'"),
  neftuneNoiseAlpha: unset("it is for instruction tuning; use dropout in the model's configuration, or weightDecay"),
  // What is run
  doTrain: off('trainer.train() trains; leave it out'),
  doEval: off('set evalStrategy, or call trainer.evaluate()'),
  doPredict: off('call trainer.predict(dataset)'),
  // Data
  dataloaderNumWorkers: off(noWorkers, 0),
  dataloaderPinMemory: off(noWorkers, true),
  dataloaderPersistentWorkers: off(noWorkers),
  dataloaderPrefetchFactor: unset(noWorkers),
  dataloaderMultiprocessingContext: unset(noWorkers),
  dataloaderInOrder: off(noWorkers, true),
  removeUnusedColumns: off('columns that the task does not need are not touched; leave it out', true),
  labelNames: unset("name the columns: columns: { label: '…' }"),
  lengthColumnName: off("the Trainer tokenizes, so it knows every row's length; leave it out", 'length'),
  // Evaluation
  predictionLossOnly: off('pass computeMetrics: () => ({}) for the loss alone'),
  evalDoConcatBatches: off(streams, true),
  evalUseGatherObject: off(oneProcess),
  evalAccumulationSteps: unset(streams),
  batchEvalMetrics: off(streams),
  includeForMetrics: off('computeMetrics sees predictions and labels; read what else it needs from your own rows', []),
  includeInputsForMetrics: off(
    'computeMetrics sees predictions and labels; read what else it needs from your own rows',
  ),
  useLegacyPredictionLoop: off(streams),
  // Logging
  loggingNanInfFilter: off(stopsAtNan, true),
  includeTokensPerSecond: off('use includeNumInputTokensSeen', false),
  project: off(experiments, 'huggingface'),
  trackioSpaceId: { fallback: null, hint: experiments },
  trackioBucketId: unset(experiments),
  trackioStaticSpaceId: unset(experiments),
  // Checkpoints
  saveSafetensors: off(alwaysSafetensors, true),
  enableJitCheckpoint: off('an interrupt saves once by itself; leave it out'),
  ignoreDataSkip: off('a resumed run finds its place in the data at once; leave it out'),
  restoreCallbackStatesFromCheckpoint: off('a resumed run takes up all of its state; leave it out'),
  // The Hub
  pushToHub: off(hub),
  pushToHubModelId: unset(hub),
  pushToHubOrganization: unset(hub),
  pushToHubToken: unset(hub),
  hubModelId: unset(hub),
  hubStrategy: off(hub, 'every_save'),
  hubToken: unset(hub),
  hubPrivateRepo: unset(hub),
  hubAlwaysPush: off(hub),
  hubRevision: unset(hub),
  // Older names
  perGpuTrainBatchSize: unset('use perDeviceTrainBatchSize'),
  perGpuEvalBatchSize: unset('use perDeviceEvalBatchSize'),
};

/** Optimizers of Hugging Face's that are not here: what to do instead. */
export const refusedOptimizers: Readonly<Record<string, string>> = Object.fromEntries(
  [
    'adafactor',
    'adalomo',
    'adagrad',
    'adamw_8bit',
    'adamw_anyprecision',
    'adamw_apex_fused',
    'adamw_bnb_8bit',
    'adamw_torch_4bit',
    'adamw_torch_8bit',
    'ademamix',
    'ademamix_8bit',
    'apollo_adamw',
    'apollo_adamw_layerwise',
    'galore_adafactor',
    'galore_adafactor_layerwise',
    'galore_adamw',
    'galore_adamw_8bit',
    'galore_adamw_8bit_layerwise',
    'galore_adamw_layerwise',
    'grokadamw',
    'lion_32bit',
    'lion_8bit',
    'lomo',
    'paged_adamw_32bit',
    'paged_adamw_8bit',
    'paged_ademamix_32bit',
    'paged_ademamix_8bit',
    'paged_lion_32bit',
    'paged_lion_8bit',
    'rmsprop',
    'rmsprop_bnb',
    'rmsprop_bnb_32bit',
    'rmsprop_bnb_8bit',
    'schedule_free_adamw',
    'schedule_free_radam',
    'schedule_free_sgd',
    'stable_adamw',
  ].map((name) => [
    name,
    "use optim: 'adamw_torch', or 'sgd'; to save memory freeze layers, whose moments take none then",
  ]),
);
