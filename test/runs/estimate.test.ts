// Progress and the estimated end: what they say of small runs whose answer can be worked out by hand.
import { describe, expect, test } from 'vitest';
import type { OutputRecord } from '../../src/core/record.ts';
import { isoOfNs, msOfNs, nsOfText } from '../../src/core/time.ts';
import { stepDurationsOf } from '../../src/runs/ended-runs.ts';
import { estimate, type History, historyOf } from '../../src/runs/estimate.ts';
import { foldAll } from '../../src/runs/fold-run.ts';
import { appendOutput, foldLastLine, type LastLine, lastLinesOf, noText } from '../../src/runs/last-line.ts';
import { progressOf } from '../../src/runs/progress.ts';
import { attemptStarted, exit1, journalOf, runFinished, runStarted, startNs, stepFinished } from './journal-of.ts';

const startMs = msOfNs(startNs);
const history = (durations: Readonly<Record<string, readonly number[]>>): History => new Map(Object.entries(durations));
const step = (id: string, ...needs: string[]) => ({ id, name: id, kind: 'run' as const, needs });

describe('an estimate', () => {
  const diamond = [step('a'), step('b', 'a'), step('c', 'a'), step('d', 'b', 'c')];
  const seen = history({ a: [1000], b: [5000], c: [2000], d: [3000] });

  test('follows the longest way through the needs if there are enough places', () => {
    const state = foldAll(journalOf().event(runStarted([], { steps: diamond, concurrency: 4 })).records);
    expect(estimate(state, seen, startMs)).toEqual({
      remainingMs: 9000,
      completionMs: startMs + 9000,
      basis: 'history',
    });
  });

  test('adds up what has to wait for a place', () => {
    const state = foldAll(journalOf().event(runStarted([], { steps: diamond, concurrency: 1 })).records);
    expect(estimate(state, seen, startMs)?.remainingMs).toBe(11_000);
  });

  test('takes off what has run already, and never goes below zero for a step that takes longer than ever', () => {
    const made = journalOf()
      .event(runStarted([], { steps: diamond, concurrency: 4 }))
      .event({ type: 'step.started' }, 'a');
    const state = foldAll(made.records);
    expect(estimate(state, seen, startMs + 1000 + 400)?.remainingMs).toBe(8600);
    expect(estimate(state, seen, startMs + 60_000)?.remainingMs).toBe(8000);
  });

  test('uses the median, the average for steps never seen, and says what it is made from', () => {
    const state = foldAll(journalOf().event(runStarted(['a', 'b'], { concurrency: 1 })).records);
    expect(estimate(state, history({ a: [1000, 90_000, 3000], b: [1000, 2000] }), startMs)?.remainingMs).toBe(4500);
    expect(estimate(state, history({ a: [4000] }), startMs)).toMatchObject({ remainingMs: 8000, basis: 'partial' });
    expect(estimate(state, history({}), startMs)).toBeUndefined();
    const half = journalOf()
      .event(runStarted(['a', 'b']))
      .event({ type: 'step.started' }, 'a')
      .event(attemptStarted, 'a');
    half.event(stepFinished(undefined, 700), 'a');
    expect(estimate(foldAll(half.records), history({}), startMs)).toMatchObject({ remainingMs: 700, basis: 'average' });
  });

  test('is none while the run is paused or after its end, and survives needs that go in a circle', () => {
    const paused = journalOf()
      .event(runStarted(['a']))
      .event({ type: 'run.paused', by: 'me', now: false });
    expect(estimate(foldAll(paused.records), seen, startMs)).toBeUndefined();
    expect(estimate(foldAll(journalOf().event(runFinished()).records), seen, startMs)).toBeUndefined();
    const circle = journalOf().event(runStarted([], { steps: [step('a', 'b'), step('b', 'a')], concurrency: 9 }));
    expect(estimate(foldAll(circle.records), seen, startMs)?.remainingMs).toBeGreaterThan(0);
  });

  test('learns from successful steps only', () => {
    const run = journalOf()
      .event(runStarted(['a', 'b']))
      .event(stepFinished(undefined, 10), 'a');
    run.event(stepFinished(exit1, 20), 'b').event(runFinished());
    expect([...historyOf([stepDurationsOf(foldAll(run.records))])]).toEqual([['a', [10]]]);
  });
});

test('progress names the step that came up first, and averages the steps that ran', () => {
  const made = journalOf().event(runStarted(['a', 'b', 'c', 'd']));
  made.event({ type: 'step.started' }, 'b').event({ type: 'step.started' }, 'a').event(attemptStarted, 'c');
  made.event(stepFinished(undefined, 800), 'c');
  made.event(stepFinished({ kind: 'skip', reason: 'when', message: '' }, 0, 0), 'd');
  expect(progressOf(foldAll(made.records))).toEqual({
    currentStep: 'b',
    steps: { totalSteps: 4, completedSteps: 1, reusedSteps: 0, skippedSteps: 1 },
    progress: 50,
    averageStepDurationMs: 800,
  });
});

test('last lines are those that end last, cut at their bound, and blank ones are skipped', () => {
  const output = (text: string) => {
    const record = journalOf().output(text, 'a').records[0]!;
    if (record.kind !== 'output') throw new Error('not an output record');
    return record;
  };
  const none = { lastLine: 'before', openLine: undefined };
  const last = (text: string) => foldLastLine(none, output(text)).lastLine;
  expect(last('one\ntwo\n\n  \n')).toBe('two');
  expect(last('one\ntwo')).toBe('two');
  expect(last('\n \n')).toBe('before');
  expect(last(`${'x'.repeat(5000)}\n`)).toHaveLength(512);
  expect(last(`error: ${'x'.repeat(5000)} the end\n`)).toMatch(/^error: x+ … x+ the end$/);
  expect(last(`${'\rReceiving 10 %'.repeat(100)}\r\x1b[Kfatal: early EOF\n`)).toBe('fatal: early EOF');
  const end = appendOutput(appendOutput(noText, output('1\n2\n3\n4\n5\n'), 1000), output('6'), 1000);
  expect(lastLinesOf(end, 3)).toEqual(['4', '5', '6']);
});

test('the last line grows with the pieces of a line, and a bar that redraws itself is its last frame', () => {
  const made = journalOf();
  for (const [at, text] of ['Sure? ', '[y/N] ', 'yes'].entries()) made.output(text, 'a', { continues: at > 0 });
  made.output('\n', 'a', { continues: true });
  for (let at = 0; at <= 1000; at++) made.output(`\rDownloading ${at}`, 'a', { continues: at > 0 });
  let state = { lastLine: '', openLine: undefined } as Parameters<typeof foldLastLine>[0];
  let end = noText;
  for (const record of made.records) {
    if (record.kind !== 'output') continue;
    state = foldLastLine(state, record);
    end = appendOutput(end, record, 1000);
  }
  expect(state.lastLine).toBe('Downloading 1000');
  expect(lastLinesOf(end, 9)).toEqual(['Sure? [y/N] yes', 'Downloading 1000']);
  expect(end.text.length).toBeLessThan(2100);
  expect(state.openLine?.text.length).toBeLessThan(3000);
});

test('times are written with every nanosecond and read back, also as dates and ages', () => {
  expect(isoOfNs(1_790_000_000_123_456_789n)).toBe('2026-09-21T14:13:20.123456789Z');
  expect(nsOfText('2026-09-21T14:13:20.123456789Z', 0)).toBe(1_790_000_000_123_456_789n);
  expect(nsOfText('2026-09-21T16:13:20+02:00', 0)).toBe(1_790_000_000_000_000_000n);
  expect(nsOfText('2026-09-21', 0)).toBe(BigInt(Date.UTC(2026, 8, 21)) * 1_000_000n);
  expect(nsOfText('2h', 7_200_000 + 5)).toBe(5_000_000n);
  for (const wrong of ['yesterday', '2026-13-01', '12', '']) expect(nsOfText(wrong, 0)).toBeUndefined();
});

test('what is kept of a line that never ends does not grow with it', () => {
  let state: LastLine = { lastLine: '', openLine: undefined };
  let end = noText;
  for (const text of ['a', '\rb', 'c\x1b[1A']) {
    for (let piece = 0; piece < 40; piece++) {
      const record = journalOf().output(text.repeat(20_000), 'build', { continues: true }).records[0] as OutputRecord;
      state = foldLastLine(state, record);
      end = appendOutput(end, record, 1_000);
      expect(state.openLine?.text.length).toBeLessThan(20_000);
      expect(end.text.length).toBeLessThan(20_000);
    }
  }
});
