/**
 * Who may import whom: the table of layers in docs/architecture.md, as rules. `npm run check` holds the code to them.
 * Each folder of src/ imports only from those above it in this list.
 */
const layers = [
  'core',
  'platform',
  'formats',
  'hub',
  'kernels',
  'graph',
  'engine',
  'nn',
  'tokenizers',
  'models',
  'data',
  'metrics',
  'tasks',
  'distributed',
  'training',
  'pipelines',
  'export',
  'serving',
  'cli',
  'studio',
];

/** Tests stand beside the code and may import anything. */
const tests = '\\.test\\.ts$|/testModels\\.ts$';

const layerRules = layers.slice(0, -1).map((layer, i) => ({
  name: `layer-${layer}`,
  comment: `src/${layer} may import only from the folders above it in the table of layers`,
  severity: 'error',
  from: { path: `^src/${layer}/`, pathNot: tests },
  to: { path: `^src/(${layers.slice(i + 1).join('|')})/|^src/index\\.ts$` },
}));

module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: 'known-folders',
      comment: 'a new folder of src/ must be given its place in the table of layers first',
      severity: 'error',
      from: {},
      to: { path: '^src/[^/]+/', pathNot: `^src/(${layers.join('|')})/` },
    },
    {
      name: 'platform-alone',
      comment: 'only src/platform imports Node and native packages; everything else asks #platform/*',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/platform/|${tests}` },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'native-in-platform',
      comment: 'only src/platform loads native packages',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/platform/|${tests}` },
      to: { path: 'node_modules/(koffi|onnxruntime-node)/' },
    },
    {
      name: 'platform-by-name',
      comment: "write '#platform/files': the browser takes another file of that name",
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/platform/|${tests}` },
      to: { path: '^src/platform/', dependencyTypesNot: ['aliased'] },
    },
    {
      name: 'process-for-the-command',
      comment: 'the library installs no signal handlers and writes to no stream: only the command does',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(cli|platform)/|${tests}` },
      to: { path: '^src/platform/process' },
    },
    {
      name: 'commander-for-the-command',
      comment: 'only src/cli parses command lines',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: 'node_modules/commander/' },
    },
    {
      name: 'engine-by-its-interface',
      comment:
        'outside src/engine only its interface, its selection, the arena and the optimizers are known; no engine is reached into',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/engine/|${tests}` },
      to: { path: '^src/engine/', pathNot: '^src/engine/(engine|select|arena|optimizers|doctor)\\.ts$' },
    },
    {
      name: 'training-touches-no-weight',
      comment:
        'weights and updates belong to the engine: training, tasks and the command know only its interface, and name an optimizer',
      severity: 'error',
      from: { path: '^src/(tasks|training|pipelines|serving|cli)/', pathNot: `${tests}|^src/cli/doctor\\.ts$` },
      to: { path: '^src/(kernels|graph)/|^src/engine/(?!(engine|optimizers)\\.ts$)' },
    },
    {
      name: 'folders-by-their-index',
      comment: 'data, tokenizers and metrics are imported by their index.ts',
      severity: 'error',
      from: { path: '^src/([^/]+)/', pathNot: tests },
      to: { path: '^src/(data|tokenizers|metrics)/', pathNot: '^src/$1/|/index\\.ts$' },
    },
    {
      name: 'no-circle',
      comment: 'files do not import each other in a circle; only ops do, whose gradients use each other, and types',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/graph/ops/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'circle-of-ops-stays-there',
      comment: 'a circle of ops leads through no other file',
      severity: 'error',
      from: { path: '^src/graph/ops/' },
      to: { circular: true, via: { pathNot: '^src/graph/ops/', dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'declared-packages',
      comment: 'the library uses only what package.json lists under dependencies',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-test-in-the-library',
      comment: 'the library imports no test and nothing from outside src/',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: { path: `${tests}|^(test|benchmarks|examples|scripts)/` },
    },
    {
      name: 'resolvable',
      comment: 'the imported file or package is not there',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^fettle' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|out|benchmarks/\\.python)/|^src/kernels/assembly/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
