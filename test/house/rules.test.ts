// The house rules that a machine can hold: which folder may import which, how long a file may be, how it opens,
// and what may never stand in a tracked file.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

const reads = ['text', 'event', 'journal', 'state'];
/** What the hub puts together; each of the three that follow may import all that the one before it may, and that one. */
const parts = [
  'text',
  'event',
  'workflow',
  'journal',
  'state',
  'run',
  'control',
  'ship',
  'measure',
  'tail',
  'notify',
  'export',
];

/** Each folder of src, and the folders it may import besides itself. docs/architecture.md shows the same as a picture. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  text: [],
  event: ['text'],
  workflow: ['text', 'event'],
  journal: ['text', 'event'],
  state: ['text', 'event'],
  run: ['text', 'event', 'workflow', 'journal', 'state'],
  control: ['text', 'event', 'journal'],
  ship: reads,
  measure: reads,
  tail: reads,
  notify: reads,
  export: reads,
  hub: parts,
  library: [...parts, 'hub'],
  cli: [...parts, 'hub', 'library'],
};

const maxLines = 500;

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && !file.endsWith('package-lock.json'));

const sources = tracked.filter((file) => /^src\/.*\.tsx?$/.test(file));
const typescript = tracked.filter(
  (file) => /^(src|test|bench|scripts|demo|alerting|grafana)\/.*\.tsx?$/.test(file) && !file.includes('/fixtures/'),
);

const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

function importsOf(file: string): readonly string[] {
  const text = read(file);
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']*)'/g)].map((match) => match[1] ?? '');
  return found.map((specifier) => path.posix.join(path.posix.dirname(file), specifier));
}

describe('imports', () => {
  test('point one way, along the folders of the data flow', () => {
    const wrong: string[] = [];
    for (const file of sources) {
      const folder = file.split('/')[1] ?? '';
      const allowed = mayImport[folder];
      if (allowed === undefined) {
        wrong.push(`${file} stands in a folder that has no rule`);
        continue;
      }
      for (const target of importsOf(file)) {
        const other = target.split('/')[1] ?? '';
        if (!target.startsWith('src/') || (other !== folder && !allowed.includes(other))) {
          wrong.push(`${file} must not import ${target}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test('form no circle between files', () => {
    const graph = new Map(sources.map((file) => [file, importsOf(file)]));
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, trail: readonly string[]): void => {
      if (trail.includes(file)) {
        circles.push([...trail.slice(trail.indexOf(file)), file].join(' > '));
        return;
      }
      if (done.has(file)) return;
      for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
      done.add(file);
    };
    for (const file of sources) visit(file, []);
    expect(circles).toEqual([]);
  });
});

describe('files', () => {
  test(`have at most ${maxLines} lines`, () => {
    const long = typescript
      .map((file) => ({ file, lines: read(file).split('\n').length - 1 }))
      .filter(({ lines }) => lines > maxLines);
    expect(long).toEqual([]);
  });

  test('open with what they own', () => {
    const silent = typescript.filter((file) => !/^(#!.*\n)?(\/\/ |\/\*\*?\s)/.test(read(file)));
    expect(silent).toEqual([]);
  });

  test('make no path in the data folder but through src/journal', () => {
    const own = sources.filter((file) => !file.startsWith('src/journal/'));
    const making = own.filter((file) => /\b(join|resolve)\([^()]*\.(root|runsDir|dir)\b/.test(read(file)));
    expect(making).toEqual([]);
  });

  test('name no machine path and no package registry', () => {
    // Spelled in pieces, so that this file does not name what it forbids.
    const forbidden = new RegExp(
      ['/wo' + 'rk/', 'registry\\.np' + 'mjs', 'proxy\\.golang' + '\\.org', '/ro' + 'ot/'].join('|'),
    );
    const text = tracked.filter((file) => !/\.(png|jpg|gz|ico|woff2)$/.test(file));
    const telling = text.filter((file) => forbidden.test(read(file)));
    expect(telling).toEqual([]);
  });
});
