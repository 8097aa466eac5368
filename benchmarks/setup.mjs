// Makes the Python environment that the benchmarks and the "Python agrees" tests run: a virtual environment in
// benchmarks/.python (ignored by git) with the versions pinned in benchmarks/python/requirements.txt.
// Arguments are handed to pip: `npm run bench:setup -- --index-url …` takes PyTorch from elsewhere.
// Fettle itself needs none of this.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const environment = fileURLToPath(new URL('./.python', import.meta.url));
const requirements = fileURLToPath(new URL('./python/requirements.txt', import.meta.url));
const windows = process.platform === 'win32';
const interpreter = `${environment}${windows ? '\\Scripts\\python.exe' : '/bin/python'}`;

const pinned = readFileSync(requirements, 'utf8')
  .split('\n')
  .map((line) => line.trim())
  .filter((line) => line !== '' && !line.startsWith('#'));

/** What of the pinned packages is not there, or there in another version. A local version (`2.15.0+cpu`) counts as its release. */
function missing() {
  if (!existsSync(interpreter)) return pinned;
  const names = pinned.map((line) => line.split('==')[0]);
  const program = [
    'import importlib.metadata, json, sys',
    'def version(name):',
    '    try: return importlib.metadata.version(name).split("+")[0]',
    '    except importlib.metadata.PackageNotFoundError: return None',
    'print(json.dumps([version(name) for name in sys.argv[1:]]))',
  ].join('\n');
  const { status, stdout } = spawnSync(interpreter, ['-c', program, ...names], { encoding: 'utf8' });
  if (status !== 0) return pinned;
  const versions = JSON.parse(stdout);
  return pinned.filter((line, i) => line.split('==')[1] !== versions[i]);
}

function fail(what, hint) {
  console.error(`[bench:setup] ${what}; ${hint}`);
  process.exit(4);
}

function run(command, args, what, hint) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (error !== undefined || status !== 0) fail(`${what} (${error?.message ?? `exit code ${status}`})`, hint);
}

const before = missing();
if (before.length === 0) {
  console.error(`benchmarks/.python is complete: ${pinned.join(', ')}`);
  process.exit(0);
}

if (!existsSync(interpreter)) {
  const python = ['python3', 'python'].find(
    (name) =>
      spawnSync(name, ['-c', 'import sys; sys.exit(0 if sys.version_info >= (3, 10) else 1)'], { stdio: 'ignore' })
        .status === 0,
  );
  if (python === undefined) {
    fail(
      'no Python 3.10 or newer was found',
      'install python3 (with its venv module), or set FETTLE_PYTHON to an interpreter that has the packages of benchmarks/python/requirements.txt',
    );
  }
  run(
    python,
    ['-m', 'venv', environment],
    `${python} cannot make a virtual environment`,
    'install its venv module (on Debian and Ubuntu: apt-get install python3-venv)',
  );
}
console.error(`installing ${before.join(', ')} into benchmarks/.python: about 6 GB with PyTorch's default wheels`);
run(
  interpreter,
  ['-m', 'pip', 'install', '--disable-pip-version-check', ...process.argv.slice(2), '-r', requirements],
  'pip could not install the packages',
  'check that its package index can be reached (arguments after -- go to pip: npm run bench:setup -- --index-url …)',
);
const after = missing();
if (after.length > 0)
  fail(
    `after the installation these are still missing: ${after.join(', ')}`,
    'remove benchmarks/.python and run it again',
  );
console.error('benchmarks/.python is complete');
