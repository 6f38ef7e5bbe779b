// What of the output can be folded, what is folded at first, and lines that are shown as fields.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFolds, type Folds } from '../../web/output/folds.ts';
import { fieldsOf } from '../../web/output/json-line.ts';
import type { OutputLine } from '../../web/output/line.ts';
import { createLineCounter } from '../../web/output/line-counter.ts';

const line = (seq: number, text: string, more: Partial<OutputLine> = {}): OutputLine => ({
  ...{ seq, timeMs: seq, step: 'a', attempt: 1, stream: 'stdout', severity: 'info', text },
  ...more,
});
const windowOf = (texts: readonly (string | [string, Partial<OutputLine>])[]) => ({
  lines: texts.map((text, seq) => (typeof text === 'string' ? line(seq, text) : line(seq, ...text))),
  atStart: true,
  atEnd: true,
});
/** What is seen: titles in place of the lines that begin a group. */
const seen = (folds: Folds, window: ReturnType<typeof windowOf>, shownSeq?: number) => {
  const folded = folds.fold(window, shownSeq);
  return folded.window.lines.map(({ seq, text }) => {
    const head = folded.heads.get(seq);
    return head === undefined ? text : `${head.isOpen ? '▾' : '▸'} ${head.title || text} ${head.hidden}`;
  });
};

describe('groups of lines', () => {
  test.each([
    ['GitHub', '::group::npm install', '::endgroup::', '▸ npm install 2'],
    ['Azure', '##[group]npm install', '##[endgroup]', '▸ npm install 2'],
    [
      ...['GitLab', 'section_start:1700000000:npm[collapsed=true]\r\x1b[0Knpm \x1b[1minstall\x1b[0m'],
      ...['section_end:1700000009:npm\r\x1b[0K', '▸ npm install 2'],
    ],
    ['GitLab, open', 'section_start:1700000000:npm\r\x1b[0Know', 'section_end:1700000009:npm\r\x1b[0K', '▾ now 2'],
    ['TeamCity', "##teamcity[blockOpened name='npm |'x|'']", "##teamcity[blockClosed name='npm |'x|'']", "▸ npm 'x' 2"],
    ['Buildkite', '--- :npm: install', '+++ next', '▾ :npm: install 2'],
  ])('of %s are known by their heads', (_, begins, ends, head) => {
    expect(seen(createFolds(), windowOf([begins, 'one', 'two', ends, 'after']))[0]).toBe(head);
  });

  test('hide only lines of their attempt, end with the right command, and may be in each other', () => {
    const b = { step: 'b' };
    const texts = ['::group::out', ['of b', b], '::group::in', 'x', '::endgroup::', 'y', '::endgroup::', 'z'] as const;
    const window = windowOf(texts.map((each) => (typeof each === 'string' ? each : [...each])));
    const folds = createFolds();
    expect(seen(folds, window)).toEqual(['▸ out 4', 'of b', 'z']);
    folds.toggle(0, false);
    expect(seen(folds, window)).toEqual(['▾ out 4', 'of b', '▸ in 1', 'y', 'z']);
    folds.toggleAll(window);
    expect(seen(folds, window)).toEqual(['▾ out 4', 'of b', '▾ in 1', 'x', 'y', 'z']);
  });

  test('are open while they have no end, with an error in them, and for a line that is looked for', () => {
    const open = windowOf(['::group::build', 'one']);
    const folds = createFolds();
    expect(seen(folds, open)).toEqual(['▾ build 1', 'one']);
    // What was on the screen does not go away under the eyes.
    expect(seen(folds, windowOf(['::group::build', 'one', '::endgroup::']))).toEqual(['▾ build 1', 'one']);
    const ended = windowOf(['::group::build', 'one', '::endgroup::']);
    expect(seen(createFolds(), ended)).toEqual(['▸ build 1']);
    const failed = windowOf(['::group::build', ['broken', { severity: 'error' }], '::endgroup::']);
    expect(seen(createFolds(), failed)).toEqual(['▾ build 1', 'broken']);
    const found = createFolds();
    expect(seen(found, ended, 1)).toEqual(['▾ build 1', 'one']);
    found.toggle(0, true);
    expect(seen(found, ended, 1)).toEqual(['▸ build 1']);
  });

  test('are not made of diffs and test results', () => {
    const texts = ['--- a/x.ts', '+++ b/x.ts', '-old', '--- FAIL: TestX (0.00s)', '    x_test.go:7: no'];
    expect(seen(createFolds(), windowOf(texts))).toEqual(texts);
  });

  test('hide each line at most, and never one outside of them', () => {
    const text = fc.constantFrom('::group::g', '::endgroup::', 'plain', '    at f (a.js:1:1)', 'Error: no', '--- head');
    fc.assert(
      fc.property(fc.array(text, { maxLength: 40 }), (texts) => {
        const window = windowOf(texts);
        const folds = createFolds();
        folds.fold(window);
        folds.toggleAll(window);
        const all = folds.fold(window).window.lines.map(({ text: each }) => each);
        const rest = texts.filter((each) => each !== '::endgroup::');
        // Closed or open, all lines but commands are there one way round.
        folds.toggleAll(window);
        const other = folds.fold(window).window.lines.map(({ text: each }) => each);
        const longer = all.length > other.length ? all : other;
        expect(longer.filter((each) => each !== '::endgroup::')).toEqual(rest);
      }),
    );
  });
});

test('of a stack trace the frames where it happened are shown', () => {
  const frames = Array.from({ length: 6 }, (_, index) => `    at f${index} (a.js:1:1)`);
  expect(seen(createFolds(), windowOf(['Error: no', ...frames, 'after']))).toEqual([
    ...['Error: no', frames[0], frames[1], `▸ ${frames[2]} 3`, 'after'],
  ]);
  const python = [
    'Traceback (most recent call last):',
    '  File "a.py", line 1',
    '    f()',
    '  File "b.py", line 2',
    '    g()',
  ];
  expect(seen(createFolds(), windowOf([...python, '  File "c.py", line 3', '    raise X', 'X: no']))).toEqual([
    ...[python[0], `▸ ${python[1]} 3`, '  File "c.py", line 3', '    raise X', 'X: no'],
  ]);
  const few = frames.slice(0, 4);
  expect(seen(createFolds(), windowOf(['Error: no', ...few]))).toEqual(['Error: no', ...few]);
});

describe('a line that is JSON', () => {
  const textOf = (text: string, more?: Partial<OutputLine>) =>
    fieldsOf(line(0, text, more))
      ?.map((run) => run.text)
      .join('')
      .trim();

  test('is shown as its level, its message and its fields', () => {
    expect(textOf('{"level":"error","msg":"boom","id":12345678901234567890,"err":{"code":"E P"},"n":[1]}')).toBe(
      'error boom id=12345678901234567890 err.code="E P" n=[1]',
    );
    expect(fieldsOf(line(0, '{"level":"x","msg":"boom"}', { severity: 'error' }))?.[0]?.sgr).toBe('31');
  });

  test('is shown as it is if it is data, cut, or no object', () => {
    for (const text of ['{"a":1}', '[{"msg":"x"}]', '{"msg":"x"', 'msg', '{}']) expect(textOf(text)).toBeUndefined();
  });

  test('has no control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (message, field) => {
        const shown = textOf(JSON.stringify({ msg: message, [`x${field}`]: field })) ?? '';
        expect(shown).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
      }),
    );
  });
});

test('lines that come live are counted on from what the server has counted', () => {
  const numbers = (lines: readonly OutputLine[]) => lines.map(({ number }) => number);
  const counter = createLineCounter(10, 7);
  const first = [line(10, 'a'), line(11, '{}', { stream: 'debug' }), line(12, 'b'), line(14, 'c', { continues: true })];
  expect(numbers(counter.add(first))).toEqual([8, undefined, 9, 9]);
  counter.skipTo(100);
  expect(numbers(counter.add([line(100, 'd'), line(103, 'e')]))).toEqual([undefined, undefined]);
  // The range was read when the first of them was there already.
  counter.learn(102, 61);
  expect([counter.numberOf(100), counter.numberOf(103)]).toEqual([undefined, 62]);
  expect(numbers(counter.add([line(105, 'f')]))).toEqual([63]);
});
