// What the page makes of the answers of the server: notices from one state of a run to the next, the line of
// a time, the lists of a filter.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noticesOf } from '../../web/model/notices.ts';
import type { Run, RunAlert } from '../../web/model/run.ts';
import { peakOf, seriesOf } from '../../web/model/series.ts';
import {
  chooseStream,
  everything,
  filterQuery,
  isChosen,
  isEverything,
  type OutputFilter,
  type OutputLine,
  toggled,
  usual,
  wants,
} from '../../web/output/line.ts';
import { lineAt } from '../../web/output/seek.ts';

describe('notices', () => {
  const run = (part: Partial<Run>): Run =>
    ({ runId: 'r', workflow: 'nightly', state: 'running', message: '', alerts: [], ...part }) as Run;
  const alert = (part: Partial<RunAlert>): RunAlert => ({
    ...{ rule: 'StepspanRunStuck', severity: 'warning', step: 'a', since: '2026-11-23T15:00:00.000000000Z', seq: 0 },
    ...{ summary: 'A step is stuck', description: 'No progress for 3 s.', ...part },
  });
  const titles = (now: Run, before: Run) => noticesOf(now, before).map(({ title }) => title);

  test('are the alerts of the run in their own words, and its end, each once', () => {
    const stuck = run({ alerts: [alert({})] });
    expect(noticesOf(stuck, run({}))).toEqual([{ title: 'A step is stuck', body: 'No progress for 3 s.' }]);
    expect(titles(run({ alerts: [alert({ description: 'No progress for 9 s.' })] }), stuck)).toEqual([]);
    expect(titles(run({ alerts: [alert({ step: 'b' }), alert({})] }), stuck)).toEqual(['A step is stuck']);
    const secret = alert({ rule: 'StepspanSecretHidden', summary: 'a secret', step: null });
    expect(titles(run({ alerts: [secret] }), run({}))).toEqual(['a secret']);
    expect(titles(run({ alerts: [{ ...secret, severity: 'info' }] }), run({}))).toEqual([]);
    const most = run({ alerts: [alert({ rule: 'StepspanBudgetWarning', summary: 'most', step: null })] });
    const used = alert({ rule: 'StepspanBudgetExceeded', summary: 'used up', step: null });
    const over = run({ state: 'error', alerts: [used] });
    expect(titles(most, run({}))).toEqual(['most']);
    expect(titles(over, most)).toEqual(['used up']);
    expect(titles(over, over)).toEqual([]);
    expect(titles(over, run({ alerts: [used] }))).toEqual([]);
    expect(titles(run({ alerts: [...over.alerts, ...most.alerts] }), run({}))).toEqual(['used up']);
  });

  test('say that a run is stuck as a whole, and how it ended unless an alert does', () => {
    const whole = run({ state: 'stuck', cause: 'no output' });
    expect(noticesOf(whole, run({}))).toEqual([{ title: 'nightly is stuck', body: 'no output' }]);
    expect(titles(run({ state: 'stuck', alerts: [alert({})] }), whole)).toEqual([]);
    expect(titles(run({ state: 'paused' }), run({}))).toEqual([]);
    expect(titles(run({ state: 'cancellation' }), run({ state: 'cancelling' }))).toEqual(['nightly cancelled']);
    expect(titles(run({ state: 'failure' }), run({}))).toEqual(['nightly failed']);
    const failed = alert({ rule: 'StepspanRunFailed', summary: 'nightly failed: exit code 3', step: null });
    expect(titles(run({ state: 'failure', alerts: [failed] }), run({}))).toEqual(['nightly failed: exit code 3']);
  });
});

test('the line of a time is the first that is not earlier, also if many numbers are events, and is found in few requests', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.nat(5_000), { maxLength: 200 }),
      fc.nat(5_000),
      fc.nat(60_000),
      async (numbers, more, time) => {
        const lines = [...numbers].sort((a, b) => a - b).map((seq) => ({ seq, ns: String(seq * 10 + 3) }));
        const head = Math.max(0, ...numbers) + more + 1;
        let asked = 0;
        const found = await lineAt(
          async (seq) => {
            asked += 1;
            return lines.find((line) => line.seq >= seq);
          },
          BigInt(time),
          0,
          head,
        );
        const wanted = lines.find((line) => BigInt(line.ns) >= BigInt(time)) ?? lines.at(-1);
        expect(found).toBe(wanted?.seq);
        expect(asked).toBeLessThanOrEqual(Math.ceil(Math.log2(head + 1)) + 1);
      },
    ),
  );
});

test('a filter wants what each of its lists has, and everything if a list is empty', () => {
  const line = { seq: 1, timeMs: 0, attempt: 1, step: 'a', stream: 'stdout', severity: 'info', text: '' } as OutputLine;
  expect(wants(everything, line)).toBe(true);
  expect(wants({ ...everything, streams: ['stderr', 'stdout'], steps: ['b', 'a'] }, line)).toBe(true);
  expect(wants({ ...everything, streams: ['stderr', 'stdout'], steps: ['b'] }, line)).toBe(false);
  expect(wants({ ...everything, steps: ['a'] }, { ...line, step: undefined })).toBe(false);
  expect(filterQuery({ steps: ['a b', 'c'], streams: ['stderr'], severities: [] })).toBe(
    'step=a+b&step=c&stream=stderr',
  );
  expect([isEverything(everything), isEverything({ ...everything, severities: ['error'] })]).toEqual([true, false]);
  expect([toggled(['a'], 'b'), toggled(['a', 'b'], 'a')]).toEqual([['a', 'b'], ['b']]);
});

test('streams are all but the raw protocol until some are chosen, and again when none is', () => {
  const debug = { seq: 1, timeMs: 0, stream: 'debug', severity: 'debug', text: '' } as OutputLine;
  expect([wants(usual, debug), wants(everything, debug)]).toEqual([false, true]);
  const choices = ['output', 'stdout', 'stderr', 'system', 'debug', 'all'] as const;
  const chosen = (filter: OutputFilter) => choices.filter((choice) => isChosen(filter, choice));
  const pick = (filter: OutputFilter, choice: (typeof choices)[number]): OutputFilter => ({
    ...filter,
    streams: chooseStream(filter, choice),
  });
  const one = pick(usual, 'stderr');
  const two = pick(one, 'debug');
  expect([usual, one, two].map(chosen)).toEqual([['output'], ['stderr'], ['stderr', 'debug']]);
  expect(chosen(pick(pick(two, 'debug'), 'stderr'))).toEqual(['output']);
  expect([chosen(pick(two, 'all')), chosen(pick(pick(two, 'all'), 'stdout'))]).toEqual([['all'], ['stdout']]);
});

test('the peak of a chart is its largest value, with its step and time', () => {
  const samples = [
    { timeMs: 1000, step: 'a', value: 2 },
    { timeMs: 2000, step: 'b', value: 7 },
    { timeMs: 3000, step: 'a', value: 3 },
  ];
  expect(peakOf(seriesOf(samples, ({ value }) => value))).toEqual({ step: 'b', value: 7, seconds: 2 });
  expect(peakOf(seriesOf([], () => 0))).toBeUndefined();
});
