// `npm run generate` makes every file that is generated from sources. With `--check` it then fails and names the files
// that were stale, which is what CI calls.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');

const generators = [
  'scripts/generate-prefilter.ts',
  'scripts/generate-workflow-schema.ts',
  'scripts/generate-settings-doc.ts',
  'scripts/generate-metrics-doc.ts',
  'scripts/generate-api-docs.ts',
  'grafana/generate.ts',
  'alerting/generate.ts',
];

function contents(): ReadonlyMap<string, string> {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\n');
  const there = files.filter((file) => file !== '' && existsSync(path.join(root, file)));
  return new Map(there.map((file) => [file, readFileSync(path.join(root, file), 'latin1')]));
}

const check = process.argv.includes('--check');
const before = check ? contents() : new Map<string, string>();
for (const generator of generators) {
  execFileSync(process.execPath, [path.join(root, generator)], { cwd: root, stdio: 'inherit' });
}
if (check) {
  const stale = [...contents()].filter(([file, text]) => before.get(file) !== text).map(([file]) => file);
  for (const file of stale) console.error(`${file} was stale; run npm run generate and commit it`);
  process.exitCode = stale.length === 0 ? 0 : 1;
}
