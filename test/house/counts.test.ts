// Rules whose exceptions are counted: long functions, many parameters, casts, non-null assertions, files with a single
// importer, and words. A count may get smaller and never larger. `npm run house -- src/journal` lists the findings
// of a folder and lowers exceptions.json to what is left.
import { describe, expect, test } from 'vitest';
import { countByFile, findViolations } from './counts.ts';
import { exceptions, formatExceptions, reasons, withoutReason } from './exceptions.ts';
import { findSyntax } from './syntax.ts';
import { read } from './tracked.ts';
import { findWords, parseWordRules } from './words.ts';

const violations = findViolations();
const all = countByFile(violations);
const open = withoutReason(all);

describe('house rules', () => {
  test('are broken nowhere but where exceptions.json or reasons.json says so', () => {
    const wrong = Object.entries(open).flatMap(([file, rules]) =>
      Object.entries(rules)
        .filter(([rule, count]) => count > (exceptions[file]?.[rule] ?? 0))
        .map(([rule, count]) => ({
          file,
          rule,
          count,
          allowed: exceptions[file]?.[rule] ?? 0,
          at: violations.filter((each) => each.file === file && each.rule === rule).map(({ where }) => where),
        })),
    );
    expect(wrong).toEqual([]);
  });

  test('have no exception that is no longer needed: `npm run house` lowers them', () => {
    const unneeded = Object.entries(exceptions).flatMap(([file, rules]) =>
      Object.entries(rules)
        .filter(([rule, allowed]) => allowed > (open[file]?.[rule] ?? 0))
        .map(([rule, allowed]) => `${file}: ${rule}: ${allowed} allowed, ${open[file]?.[rule] ?? 0} found`),
    );
    expect(unneeded).toEqual([]);
  });

  test('have no reason that is no longer needed', () => {
    const unneeded = Object.entries(reasons).flatMap(([file, rules]) =>
      Object.entries(rules)
        .filter(([rule, { count }]) => count !== Math.min(count, all[file]?.[rule] ?? 0))
        .map(([rule, { count }]) => `${file}: ${rule}: ${count} allowed, ${all[file]?.[rule] ?? 0} found`),
    );
    expect(unneeded).toEqual([]);
    const empty = Object.values(reasons).flatMap((rules) => Object.values(rules).filter(({ why }) => why.length < 20));
    expect(empty).toEqual([]);
  });

  test('have their exceptions sorted, one line per file', () => {
    const sorted = Object.fromEntries(Object.entries(exceptions).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    expect(read('test/house/exceptions.json')).toBe(formatExceptions(sorted));
  });
});

describe('the check of syntax', () => {
  const rulesIn = (text: string): readonly string[] => findSyntax('a.ts', text).map(({ rule }) => rule);
  const longBody = 'x();\n'.repeat(80);

  test('finds functions of more than 80 lines, but for the body of describe', () => {
    expect(rulesIn(`function f() {\n${longBody}}`)).toEqual(['function over 80 lines']);
    expect(rulesIn(`const f = () => {\n${longBody}};`)).toEqual(['function over 80 lines']);
    expect(rulesIn(`describe('f', () => {\n${longBody}});`)).toEqual([]);
    expect(rulesIn(`describe.skipIf(true)('f', () => {\n${longBody}});`)).toEqual([]);
    // A function that only names tests for another file to run.
    expect(rulesIn(`function f() {\ndescribe('f', () => {\n${longBody}});\n}`)).toEqual([]);
    expect(rulesIn(`function f() {\nx();\ndescribe('f', () => {\n${longBody}});\n}`)).toEqual([
      'function over 80 lines',
    ]);
  });

  test('finds casts, non-null assertions and the fifth parameter', () => {
    expect(rulesIn('const a = b as string;')).toEqual(['cast']);
    expect(rulesIn('const a = b as unknown as string;')).toEqual(['cast']);
    expect(rulesIn('const a = [1] as const;')).toEqual([]);
    expect(rulesIn('const a = b satisfies string;')).toEqual([]);
    expect(rulesIn('const a = b!;')).toEqual(['non-null assertion']);
    expect(rulesIn('function f(a, b, c, d, e) {}')).toEqual(['over 4 parameters']);
    expect(rulesIn('function f(a, b, c, d) {}')).toEqual([]);
  });
});

describe('the check of words', () => {
  const rules = parseWordRules('# a comment\n\n\\bblip\\b → noise\n\\bgets by\\b → passes\n');
  const foundIn = (text: string): readonly string[] => findWords(text, rules).map(({ found }) => found);

  test('reads identifiers as words, and comments over their line breaks', () => {
    expect(foundIn('const blipAt = 1;')).toEqual(['blip']);
    expect(foundIn('const unblip = 1;')).toEqual([]);
    expect(foundIn('  // The run gets\n  // by.')).toEqual(['gets by']);
    expect(foundIn('/**\n * It gets\n * by.\n */')).toEqual(['gets by']);
    expect(foundIn('It gets\n\nby with a new paragraph')).toEqual([]);
  });

  test('names the line', () => {
    expect(findWords('a\nb\nblip\n', rules)).toEqual([{ line: 3, found: 'blip', instead: 'noise' }]);
  });
});
