import type { NativePlatform } from '#platform/native';
import { EnvironmentError } from '../../core/errors.ts';
import { leastVersion } from './api.ts';

/** The package whose library is used where the caller names none. */
const packageName = 'onnxruntime-node';

/** The library's file in the package, for each platform that the package carries. */
const files: Readonly<Record<string, string>> = {
  'linux x64': 'linux/x64/libonnxruntime.so.1',
  'linux arm64': 'linux/arm64/libonnxruntime.so.1',
  'darwin arm64': 'darwin/arm64/libonnxruntime.1.dylib',
  'win32 x64': 'win32/x64/onnxruntime.dll',
  'win32 arm64': 'win32/arm64/onnxruntime.dll',
};

/** What repairs a missing or damaged library. Without scripts, since the package's own wants an optional download. */
export const installHint = `run \`npm install ${packageName}@${leastVersion} --ignore-scripts\``;

/** How packages are looked up; `#platform/native` has both. */
export interface PackageLookup {
  readonly packageFile: (packageName: string, relativePath: string) => string | undefined;
  readonly packageVersion: (packageName: string) => string | undefined;
}

/**
 * Where the npm package's library for a platform stands.
 * @throws EnvironmentError `ERR_ONNXRUNTIME_UNAVAILABLE` where the package has none for it, or is not installed whole.
 */
export function packagedLibrary({ os, arch }: NativePlatform, lookup: PackageLookup): string {
  const file = files[`${os} ${arch}`];
  if (file === undefined) {
    throw new EnvironmentError('ERR_ONNXRUNTIME_UNAVAILABLE', {
      owner: 'createOnnxRuntimeEngine',
      what: 'ONNX Runtime has no library for this platform',
      got: `${os} ${arch}`,
      expected: `one of ${Object.keys(files).join(', ')}`,
      hint: 'use the WebAssembly engine, or OpenVINO where it is installed',
    });
  }
  const path = lookup.packageFile(packageName, `bin/napi-v6/${file}`);
  if (path !== undefined) return path;
  const installed = lookup.packageVersion(packageName);
  throw new EnvironmentError('ERR_ONNXRUNTIME_UNAVAILABLE', {
    owner: 'createOnnxRuntimeEngine',
    what:
      installed === undefined
        ? `the package ${packageName} is not installed`
        : `the package ${packageName} ${installed} has no bin/napi-v6/${file}`,
    hint: installHint,
  });
}
