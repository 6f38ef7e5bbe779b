// What a person reads before allowing something: whole, as a diff where it is a change, with nothing hidden in it.
import { expect, test } from 'vitest';
import { questionParts } from '../../src/conversation/index.ts';
import { showHidden } from '../../src/text/hidden.ts';

const textOf = (tool: string, input: object) =>
  questionParts(tool, JSON.stringify(input)).map(
    ({ name, lines }) => `${name}: ${lines.map(({ sign, text }) => sign + text).join('|')}`,
  );

test('a command is shown whole, with every line', () => {
  const command = `echo ${'a'.repeat(100_000)}\nrm -rf /tmp/x`;
  expect(textOf('Bash', { command, timeout: 5 })).toEqual([`command: ${command.replace('\n', '|')}`, 'timeout: 5']);
});

test('a change is shown as a whole diff, however long it is', () => {
  const edit = { file_path: '/a', old_string: 'one\ntwo\nthree', new_string: 'one\n2\nthree', replace_all: true };
  expect(textOf('Edit', edit)).toEqual(['file_path: /a', 'replace_all: true', 'change:  one|-two|+2| three']);
  const lines = Array.from({ length: 5_000 }, (_, index) => `line ${index}`);
  const [, change] = questionParts('Write', JSON.stringify({ file_path: '/a', content: lines.join('\n') }));
  expect(change?.lines.map(({ sign, text }) => sign + text)).toEqual(lines.map((line) => `+${line}`));
  const edits = [
    { old_string: 'a', new_string: 'b' },
    { old_string: '', new_string: 'c' },
  ];
  expect(textOf('MultiEdit', { file_path: '/a', edits })).toEqual(['file_path: /a', 'change: -a|+b|+c']);
});

test('an input that was cut is shown as it is', () => {
  expect(questionParts('Bash', '{"command":"a')).toEqual([
    { name: 'input', lines: [{ sign: '', text: '{"command":"a' }] },
  ]);
});

test('what nobody sees is written out', () => {
  const command = 'ls \u202eexe.\u202c a\u200bb \x1b[8mrm\x1b[0m x\r\u00a0y\u{e0041}\u3164\ud800 tab\tend é 漢 😀';
  expect(textOf('Bash', { command })).toEqual([
    'command: ls <U+202E>exe.<U+202C> a<U+200B>b <U+001B>[8mrm<U+001B>[0m x<U+000D><U+00A0>y<U+E0041><U+3164><U+D800> tab\tend é 漢 😀',
  ]);
  expect(showHidden('a\u2028b\u0085c\u007f')).toBe('a<U+2028>b<U+0085>c<U+007F>');
});
