// The house rules that a machine can check: which folder may import which, how long a file may be, how it opens, and what
// a tracked file must never contain.
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { importsOf } from './counts.ts';
import { read, root, tracked, typescript } from './tracked.ts';

const pure = ['text', 'core'];
const reading = [...pure, 'otlp', 'data', 'journal', 'runs'];
const readers = ['readers/ship', 'readers/measure', 'readers/notify', 'readers/export', 'readers/archive'];
/** What the hub puts together. */
const parts = [...reading, 'archive', 'conversation', 'workflow', 'run', 'control', ...readers, 'api'];

/** Each folder of src, and the folders it may import besides itself. docs/architecture.md shows the same as a table. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  text: [],
  core: ['text'],
  conversation: pure,
  otlp: pure,
  workflow: pure,
  data: pure,
  journal: [...pure, 'data'],
  runs: [...pure, 'otlp', 'data', 'journal'],
  archive: [...pure, 'data', 'journal'],
  run: [...reading, 'workflow'],
  control: [...pure, 'data', 'journal'],
  'readers/ship': reading,
  'readers/measure': reading,
  'readers/notify': reading,
  'readers/export': reading,
  'readers/archive': [...reading, 'archive'],
  api: [...reading, 'conversation'],
  hub: parts,
  library: [...parts, 'hub'],
  cli: [...parts, 'hub', 'library'],
};

/** What the page may use of src: the types of the API, and code without any IO. */
const pageMayImport = ['api', 'conversation', ...pure];

/** The folder that a rule is about: the first below src, or the first two of a reader. */
function ruledFolder(file: string): string {
  const [, first = '', second = ''] = file.split('/');
  return first === 'readers' ? `readers/${second}` : first;
}

const maxLines = 500;

const sources = tracked.filter((file) => /^src\/.*\.ts$/.test(file));
const page = tracked.filter((file) => /^web\/.*\.tsx?$/.test(file));

describe('imports', () => {
  test('point one way, along the folders of the data flow', () => {
    const wrong: string[] = [];
    for (const file of sources) {
      const folder = ruledFolder(file);
      const allowed = mayImport[folder];
      if (allowed === undefined) {
        wrong.push(`${file} is in a folder that has no rule`);
        continue;
      }
      for (const target of importsOf(file)) {
        const other = ruledFolder(target);
        if (!target.startsWith('src/') || (other !== folder && !allowed.includes(other))) {
          wrong.push(`${file} must not import ${target}`);
        }
      }
    }
    for (const file of page) {
      const outside = importsOf(file).filter((target) => !target.startsWith('web/'));
      const refused = outside.filter((target) => !pageMayImport.includes(ruledFolder(target)));
      wrong.push(...refused.map((target) => `${file} must not import ${target}`));
    }
    expect(wrong).toEqual([]);
  });

  test('form no circle between files', () => {
    const graph = new Map([...sources, ...page].map((file) => [file, importsOf(file)]));
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
    for (const file of graph.keys()) visit(file, []);
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

  test('make no path in the data folder but through src/data and src/journal', () => {
    const own = sources.filter((file) => !/^src\/(data|journal)\//.test(file));
    const making = own.filter((file) => /\b(join|resolve)\([^()]*\.(root|runsDir|dir)\b/.test(read(file)));
    expect(making).toEqual([]);
  });

  test('pass on what is wrong with a journal, also through a default or a function of another name', () => {
    const nothing = String.raw`\(\w*\)(?:: \w+)? => (?:undefined|void 0|\{\s*\}|\(\))`;
    const named = (text: string): readonly string[] =>
      [...text.matchAll(new RegExp(`(?:const|let) (\\w+)(?:: [^=]+)? = ${nothing}`, 'g'))].map(
        (match) => match[1] ?? '',
      );
    const swallows = (text: string): boolean => {
      const empty = [nothing, ...named(text).map((name) => String.raw`\b${name}\b`)].join('|');
      return new RegExp(`\\bonProblem\\b(?:\\?|: \\([^)]*\\) => \\w+ =|\\s*[:=])\\s*(?:${empty})`).test(text);
    };
    expect(swallows('read({ from, onProblem: () => undefined })')).toBe(true);
    expect(swallows('const ignore = (): void => undefined;\nread({ from, onProblem: ignore })')).toBe(true);
    expect(swallows('onProblem: (problem: JournalProblem) => void = () => undefined,')).toBe(true);
    expect(swallows('read({ from, onProblem: problems.note })')).toBe(false);
    expect(sources.filter((file) => swallows(read(file)))).toEqual([]);
  });

  test('name no machine path and no package registry', () => {
    // Spelled in pieces, so that this file does not name what it forbids.
    const forbidden = new RegExp(
      ['/wo' + 'rk/', 'registry\\.np' + 'mjs', 'proxy\\.golang' + '\\.org', '/ro' + 'ot/'].join('|'),
    );
    const text = tracked.filter((file) => !/\.(png|jpg|gz|ico|woff2)$/.test(file));
    expect(text.filter((file) => forbidden.test(read(file)))).toEqual([]);
  });
});

describe('commit subjects', () => {
  // The rule is younger than the first commits; a shallow clone shows those that it has.
  const subjects = execFileSync('git', ['log', '--no-merges', '--since=2026-11-28T08:30:00Z', '--format=%s'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((subject) => subject !== '');

  test('have at most 72 characters', () => {
    expect(subjects.filter((subject) => subject.length > 72)).toEqual([]);
  });

  test('begin with a capital letter, in the imperative, and have no full stop', () => {
    const wrong = subjects.filter(
      (subject) => !/^[A-Z]/.test(subject) || /\.$/.test(subject) || /^\w+(ed|ing)\b/.test(subject),
    );
    expect(wrong).toEqual([]);
  });
});
