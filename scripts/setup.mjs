// Makes a fresh clone ready: installs what package-lock.json names, unless that is what is installed already. Runs on
// Node 20, before anything is installed, so it is plain JavaScript with no imports from outside Node.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
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
    console.error('npm ci failed; its own message above says why. Node 20 or newer and a package registry are needed.');
    process.exit(result.status ?? 1);
  }
  writeFileSync(mark, wanted);
}
