// Makes a fresh clone ready: installs what package-lock.json names, unless it is there already. Runs on Node 20, before
// anything is installed, so it is plain JavaScript with no imports from outside Node.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const lock = path.join(root, 'package-lock.json');
// npm writes this file at the end of every install, so its time tells whether the lock has changed since.
const installed = path.join(root, 'node_modules', '.package-lock.json');

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
  console.error('Installing what package-lock.json names (once, about half a minute)…');
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (result.status !== 0) {
    console.error('npm ci failed; its own message above says why. Node 20 or newer and a package registry are needed.');
    process.exit(result.status ?? 1);
  }
}
