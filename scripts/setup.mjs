// Makes a fresh clone ready: installs what package-lock.json names, unless that is what is installed already. Runs on
// Node 20, before anything is installed, so it is plain JavaScript with no imports from outside Node.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeProblem, runNode, setupNode } from './node-version.mjs';

refuse(nodeProblem(process.versions.node, setupNode, 'node scripts/setup.mjs needs'));

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const wanted = createHash('sha256')
  .update(readFileSync(path.join(root, 'package-lock.json')))
  .digest('hex');
// Written last, so that an install that was broken off is made again. Times would not do: git sets them as it likes.
const mark = path.join(root, 'node_modules', '.stepspan-setup');

if (!existsSync(mark) || readFileSync(mark, 'utf8') !== wanted) {
  console.error('Installing what package-lock.json names (once, about half a minute)…');
  const options = { cwd: root, stdio: ['ignore', 2, 2] };
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], options);
  if (result.status !== 0) {
    console.error('npm ci failed; its own message above says why. A package registry is needed.');
    process.exit(result.status ?? 1);
  }
  // The package `node` brings the Node that npm scripts run on, unless its install script was not allowed to run.
  const bin = path.join(root, 'node_modules', '.bin');
  const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` };
  const { stdout } = spawnSync('node', ['-p', 'process.versions.node'], { env, encoding: 'utf8' });
  refuse(nodeProblem(stdout.trim(), runNode, 'stepspan needs'));
  writeFileSync(mark, wanted);
}

function refuse(problem) {
  if (problem === undefined) return;
  console.error(problem);
  process.exit(1);
}
