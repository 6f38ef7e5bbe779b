// Counts for each file, or folder, how often it breaks each rule that has exceptions. Called by counts.test.ts, and by
// exceptions.ts, which lowers the exceptions to what is left.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { findSyntax } from './syntax.ts';
import { read, readable, root, tracked, typescript } from './tracked.ts';
import { findWords } from './words.ts';

export type Violation = { readonly file: string; readonly rule: string; readonly where: string };

/** Product code: what ships, and what generates a part of it. Tests and benchmarks may cast and assert. */
const isProduct = (file: string): boolean => /^(src|web|alerting|grafana|scripts)\//.test(file);

function syntaxViolations(file: string): readonly Violation[] {
  return findSyntax(file, read(file))
    .filter(({ rule }) => isProduct(file) || (rule !== 'cast' && rule !== 'non-null assertion'))
    .map(({ rule, line, text }) => ({ file, rule, where: `${file}:${line} ${text}` }));
}

function wordViolations(file: string): readonly Violation[] {
  return findWords(read(file)).map(({ line, found, instead }) => ({
    file,
    rule: 'word',
    where: `${file}:${line} "${found}": write ${instead}`,
  }));
}

/** The files of src and web that a file imports, by relative specifiers. */
export function importsOf(file: string): readonly string[] {
  const found = [...read(file).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']*)'/g)].map((match) => match[1] ?? '');
  return [...new Set(found.map((specifier) => path.posix.join(path.posix.dirname(file), specifier)))];
}

function singleImporterViolations(): readonly Violation[] {
  const product = typescript.filter((file) => /^(src|web)\//.test(file));
  const importers = new Map<string, string[]>();
  for (const file of product) {
    for (const target of importsOf(file)) importers.set(target, [...(importers.get(target) ?? []), file]);
  }
  return product.flatMap((file) => {
    const [importer, ...more] = importers.get(file) ?? [];
    if (importer === undefined || more.length > 0) return [];
    if (path.posix.dirname(importer) !== path.posix.dirname(file)) return [];
    return [{ file, rule: 'single importer', where: `${file} is imported by ${importer} alone, in its own folder` }];
  });
}

type KnipIssue = { readonly file: string } & Readonly<
  Record<'files' | 'exports', readonly { readonly name: string }[]>
>;

/** What only tests use: the analysis of dead code without tests, benchmarks and the demo. */
function unusedInProduction(): readonly Violation[] {
  const args = ['--production', '--no-exit-code', '--reporter', 'json'];
  const output = execFileSync(path.join(root, 'node_modules/.bin/knip'), args, { cwd: root, encoding: 'utf8' });
  const { issues } = JSON.parse(output) as { readonly issues: readonly KnipIssue[] };
  return issues.flatMap(({ file, files, exports }) =>
    [...files, ...exports].map(({ name }) => ({
      file,
      rule: 'unused in production',
      where: `${file}: ${name} is used by tests alone`,
    })),
  );
}

const minHeadLines = 3;

/** Folders of src and web without a head: what they own, who calls them, and how data goes through them. */
function foldersWithoutHead(): readonly Violation[] {
  const product = typescript.filter((file) => /^(src|web)\//.test(file));
  const folders = new Set(product.map((file) => /^(src\/(?:readers\/)?[^/]+|web)\//.exec(file)?.[1] ?? ''));
  return [...folders].flatMap((folder) => {
    const heads = ['index.ts', 'main.ts', 'main.tsx'].map((name) => `${folder}/${name}`).filter(isTracked);
    const hasHead = heads.some((file) => headLines(read(file)) >= minHeadLines) || isTracked(`${folder}/README.md`);
    if (hasHead) return [];
    const where = `${folder}: no index.ts or main.ts opens with ${minHeadLines} lines about the folder, and it has no README.md`;
    return [{ file: folder, rule: 'no head', where }];
  });
}

const isTracked = (file: string): boolean => tracked.includes(file);

/** How many lines of comment a file opens with. */
function headLines(text: string): number {
  const lines = text.replace(/^#!.*\n/, '').split('\n');
  return lines.findIndex((line) => !line.startsWith('//'));
}

export function findViolations(): readonly Violation[] {
  return [
    ...typescript.flatMap(syntaxViolations),
    ...singleImporterViolations(),
    ...unusedInProduction(),
    ...foldersWithoutHead(),
    ...readable.flatMap(wordViolations),
  ];
}

/** File, then rule, then how often. Sorted, so that two counts of the same files are the same text. */
export type Counts = Readonly<Record<string, Readonly<Record<string, number>>>>;

export function countByFile(violations: readonly Violation[]): Counts {
  const counts: Record<string, Record<string, number>> = {};
  for (const { file, rule } of violations.toSorted((a, b) => compare(a.file, b.file) || compare(a.rule, b.rule))) {
    const rules = counts[file] ?? {};
    counts[file] = { ...rules, [rule]: (rules[rule] ?? 0) + 1 };
  }
  return counts;
}

/** By code units, as every machine sorts them alike. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
