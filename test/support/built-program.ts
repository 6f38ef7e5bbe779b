// Bundles the program once per test run, as the package has it: it starts in half of the time of its sources. The global
// setup of the test suites, which find it in STEPSPAN_TEST_PROGRAM; without that, cli.ts starts the sources. .ci/run calls it as
// a program, which prints the path, so that all of its stages share one.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

/** @returns what removes it again; nothing if another setup of this process has made it */
export default function buildProgram(): (() => void) | undefined {
  if (process.env.STEPSPAN_TEST_PROGRAM !== undefined) return undefined;
  const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-program-'));
  // Some tests run it as another user.
  chmodSync(folder, 0o755);
  execFileSync(process.execPath, [path.join(root, 'scripts/bundle.ts'), path.join(folder, 'dist')], { cwd: root });
  copyFileSync(path.join(root, 'package.json'), path.join(folder, 'package.json'));
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  symlinkSync(path.join(root, 'dist/page'), path.join(folder, 'dist/page'));
  process.env.STEPSPAN_TEST_PROGRAM = path.join(folder, 'dist/app/main.js');
  return () => rmSync(folder, { recursive: true, force: true });
}

if (import.meta.main) {
  buildProgram();
  console.log(process.env.STEPSPAN_TEST_PROGRAM);
}
