// The files of the repository that the house rules look at, as git names them.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');

/** Files that git tracks or would track, sorted; a file that was deleted and not committed yet is left out. */
export const tracked: readonly string[] = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard'],
  {
    cwd: root,
    encoding: 'utf8',
  },
)
  .split('\n')
  .filter((file) => file !== '' && !file.endsWith('package-lock.json') && existsSync(path.join(root, file)));

/** Files of these folders hold input of tests, on which no rule of style holds. */
const isInput = (file: string): boolean => file.includes('/fixtures/') || file.startsWith('test/fuzz/corpus/');

/** Our TypeScript, without what is input of tests. */
export const typescript = tracked.filter(
  (file) => /^(src|web|test|bench|scripts|demo|alerting|grafana)\/.*\.tsx?$/.test(file) && !isInput(file),
);

/** Everything that a person reads and a person wrote: code, documents, configuration. */
export const readable = tracked.filter(
  (file) =>
    !isInput(file) &&
    // Generated from sources that are checked, licence texts, and bytes.
    !/^grafana\/dashboards\/|^LICENSE|\.(png|jpg|gz|ico|woff2|lock)$/.test(file) &&
    !/^test\/house\/(words\.txt|words\.test\.ts|exceptions\.json)$/.test(file),
);

export const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
