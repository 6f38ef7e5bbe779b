// YAML with the positions of its parts: what everything that reads YAML here shares.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readYamlText, type YamlText } from '../../src/core/yaml-text.ts';

function read(text: string): YamlText {
  const result = readYamlText(text);
  if (!result.ok) throw new Error(JSON.stringify(result.problem));
  return result.value;
}

function problemsOf(text: string): readonly string[] {
  const result = readYamlText(text);
  return result.ok ? [] : result.problem.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

test('a key is found by its path, and otherwise the last key of the path that exists', () => {
  const yaml = read('\uFEFFa: 1\nb:\n  c: [x]\n  2: y\n');
  expect(yaml.positionOfKey(['b', 'c'])).toEqual({ line: 3, column: 3 });
  expect(yaml.positionOfKey(['b', 2])).toEqual({ line: 4, column: 3 });
  expect(yaml.positionOfKey(['b', 'gone', 'deeper'])).toEqual({ line: 2, column: 1 });
  expect(yaml.positionOfKey(['b', 'c', 0])).toEqual({ line: 3, column: 3 });
  expect(yaml.positionOfKey(['gone'])).toEqual({ line: 1, column: 1 });
  expect(yaml.toJson()).toEqual({ a: 1, b: { c: ['x'], 2: 'y' } });
});

test('a text without a value has none, and its first line is its place', () => {
  for (const text of ['', '# later\n']) {
    expect(read(text).contents).toBe(null);
    expect(read(text).positionOfKey(['a'])).toEqual({ line: 1, column: 1 });
  }
});

test('what is wrong has its line, once for each line', () => {
  expect(problemsOf('a: 1\na: 2\n')).toEqual(['2:1 this key is given twice']);
  expect(problemsOf('a: {\n')).toEqual(['2:1 a bracket or brace that was opened above is not closed here']);
  // The parser has not counted the lines of a block text that holds a mistake.
  expect(problemsOf('a: |\n  x\n  y\n\tz\nb: !tag c\n').map((each) => each.split(':')[0])).toEqual(['4', '5']);
});

test('an offset has the line and the column that an editor shows', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-zäß😀]{0,5}$/u), { maxLength: 8 }), fc.nat(60), (lines, at) => {
      const text = `x: 1\n${lines.map((line) => `# ${line}\n`).join('')}`;
      const offset = Math.min(at, text.length);
      const before = text.slice(0, offset).split('\n');
      expect(read(text).positionAt(offset)).toEqual({
        line: before.length,
        column: (before.at(-1) ?? '').length + 1,
      });
    }),
  );
});
