// The Run dashboard on a run that succeeded, with a retry, Claude Code and a skipped step; and its marks on runs that did not.
import { describe, expect, test } from 'vitest';
import { stepStates } from '../../../src/readers/ship/map/event-records.ts';
import {
  costOf,
  linesFor,
  most,
  pointsOf,
  printed,
  review,
  sampleStack,
  startOf,
  tally,
  valuesOf,
} from './questions.ts';

const at = (title: string, ref = 'A') => `stepspan-run / ${title} / ${ref}`;

export function runTests(): void {
  describe('the Run dashboard', () => {
    test('says how the run ended, how long it took, what it cost and printed', async () => {
      const finished = review().events('run.finished')[0]!;
      expect(await valuesOf(at('Result'))).toEqual({ success: 1 });
      expect(await valuesOf(at('Duration'))).toEqual({ '': finished.durationMs });
      const { '': cost } = await valuesOf(at('Cost'));
      expect(cost).toBeCloseTo(finished.costUsd, 9);
      expect(cost).toBeGreaterThan(0);
      expect(await valuesOf(at('Ended steps'))).toEqual({ '': 4 });
      expect(await valuesOf(at('Warnings'))).toEqual({ '': 0 });
      const bySeverity = await valuesOf(at('Lines by severity'));
      const { DEBUG: _protocol, ...seen } = bySeverity;
      expect(seen).toEqual(tally(printed([review()]).map(({ severity }) => severity)));
    });

    test('says of a run that is active that it is running and for how long, and no cost that is not known', async () => {
      const { runId } = sampleStack().active;
      expect(await valuesOf(at('Result'), { run: runId })).toEqual({ running: 1 });
      const { '': duration } = await valuesOf(at('Duration'), { run: runId });
      expect(Math.abs(Date.now() - Date.UTC(...startOf(runId)) - duration!)).toBeLessThan(60_000);
      expect(await valuesOf(at('Cost'), { run: runId })).toEqual({});
    });

    test('says of a run that does not exist nothing at all', async () => {
      for (const title of ['Result', 'Duration', 'Cost', 'Warnings', 'Ended steps']) {
        expect(await valuesOf(at(title), { run: 'none' }), title).toEqual({});
      }
    });

    test('does not take the known part of a cost for all of it', async () => {
      const unknown = sampleStack().runs.spender[0]!;
      const isUnknown = unknown.events('run.finished')[0]!.costUnknown === true;
      expect(Object.keys(await valuesOf(at('Cost'), { run: unknown.runId }))).toEqual(isUnknown ? [] : ['']);
    });

    test('has every change of the state of each step at its exact time', async () => {
      const states = await linesFor(at('What was each step doing?'));
      const lastOf = (step: string) =>
        Number(
          states.filter(({ metadata }) => metadata.stepspan_step_id === step).at(-1)?.metadata.stepspan_step_state,
        );
      expect(['flaky', 'busy', 'ask', 'skipped'].map(lastOf)).toEqual([
        stepStates.success,
        stepStates.success,
        stepStates.success,
        stepStates.skip,
      ]);
      const times = review().records.flatMap((record) =>
        record.kind === 'event' && record.event.type === 'step.started' ? [record.timeNs] : [],
      );
      const started = states.filter(({ metadata }) => metadata.stepspan_event === 'step.started');
      expect(started.map(({ timeNs }) => timeNs)).toEqual(times);
    });

    test('has a row for each step and the events in their order', async () => {
      const ends = review().events('step.finished');
      const rows = await linesFor(at('How did each step end?'));
      expect(rows.map(({ metadata }) => metadata.stepspan_step_id)).toEqual(ends.map(({ step }) => step));
      for (const [index, { metadata }] of rows.entries()) {
        expect(metadata).toMatchObject({
          cicd_pipeline_task_run_result: ends[index]!.outcome.kind,
          stepspan_attempts: String(ends[index]!.attempts),
          stepspan_duration_ms: String(ends[index]!.durationMs),
        });
      }
      const happened = (await linesFor(at('What happened?'))).map(({ metadata }) => metadata.stepspan_event ?? '');
      expect(happened[0]).toBe('run.started');
      expect(happened.at(-1)).toBe('run.finished');
      expect(tally(happened)).toMatchObject({ 'step.retrying': 1, 'step.finished': 4, 'claude.tool_called': 2 });
      expect(happened).not.toContain('resource.sampled');
    });

    test('draws CPU and memory as they were sampled', async () => {
      const samples = review().events('resource.sampled');
      const steps = [...new Set(samples.map(({ step }) => step ?? ''))];
      const highest = (of: (sample: (typeof samples)[number]) => number) =>
        Object.fromEntries(
          steps.map((step) => [step, Math.max(...samples.filter((each) => each.step === step).map(of))]),
        );
      expect(await pointsOf(at('How much memory did each step hold?'), most)).toEqual(
        highest(({ rssBytes }) => rssBytes),
      );
      const cpu = await pointsOf(at('How much CPU did each step use?'), most);
      const cores = highest(({ cpuCores }) => cpuCores);
      expect(Object.keys(cpu).sort()).toEqual(steps.sort());
      // A point may be the mean of two samples.
      for (const step of steps) expect(cpu[step], step).toBeLessThanOrEqual(cores[step]! + 1e-9);
      expect(cpu.ask).toBeGreaterThan(0);
    });

    test('shows what Claude Code cost and called, and what failed', async () => {
      expect((await valuesOf(at('Which steps cost most?'))).ask).toBeCloseTo(costOf([review()]), 9);
      expect(await valuesOf(at('Which tools were called?'))).toEqual({ Bash: 2 });
      expect(await valuesOf(at('In which steps did calls fail?'))).toEqual({ ask: 1 });
      const calls = await linesFor(at('What did Claude Code call, and what came back?'));
      expect(calls.map(({ metadata }) => metadata.stepspan_event)).toEqual([
        'claude.tool_called',
        'claude.tool_returned',
        'claude.tool_called',
        'claude.tool_returned',
      ]);
      expect(calls.map(({ line }) => line).join(' ')).toMatch(/ask \| Bash .*"ls".*ask \| tool error/);
    });

    test('shows its lines by step, stream, severity and text', async () => {
      const lines = at('What did it print?');
      const all = printed([review()]);
      expect(await linesFor(lines)).toHaveLength(all.length);
      expect(await valuesOf(at('Matching lines'))).toEqual({ '': all.length });
      expect(await linesFor(lines, { step: 'busy' })).toHaveLength(all.filter(({ step }) => step === 'busy').length);
      expect((await linesFor(lines, { stream: 'stderr' })).map(({ line }) => line)).toEqual([
        'flaky | attempt 1',
        'flaky | attempt 2',
      ]);
      expect(
        (await linesFor(lines, { severity: 'ERROR', search: 'not a (real|fake)' })).map(({ line }) => line),
      ).toEqual(['busy | ERROR: not a real one']);
      expect(await linesFor(lines, { search: 'never printed' })).toEqual([]);
    });

    test('marks retries, budgets and stalls, and a run that did not succeed', async () => {
      const marks = 'stepspan-run / annotation Alarms of the run';
      const marksOf = async (runId: string) =>
        (await linesFor(marks, { run: runId })).map(({ metadata }) => metadata.stepspan_event);
      expect(await marksOf(review().runId)).toEqual(['step.retrying']);
      expect(await marksOf(sampleStack().active.runId)).toEqual(['stall.detected']);
      expect(await marksOf(sampleStack().runs.spender[0]!.runId)).toEqual(
        expect.arrayContaining(['run.budget_warned', 'run.budget_exceeded']),
      );
      const notSucceeded = 'stepspan-run / annotation Run did not succeed';
      expect(await linesFor(notSucceeded)).toEqual([]);
      for (const run of [...sampleStack().runs.deploy, ...sampleStack().runs.orphan]) {
        expect(await linesFor(notSucceeded, { run: run.runId })).toHaveLength(1);
      }
    });
  });
}
