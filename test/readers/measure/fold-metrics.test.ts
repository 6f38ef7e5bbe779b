// Records to numbers: what each event counts, and that where a journal is cut changes nothing.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Event } from '../../../src/core/event.ts';
import type { StoredMeasure } from '../../../src/readers/measure/index.ts';
import {
  anyJournal,
  attemptFinished,
  attemptStarted,
  exit1,
  journalOf,
  modelUse,
  runFinished,
  runStarted,
  startNs,
  stepFinished,
} from '../../runs/journal-of.ts';
import { measured, newMeasure, runId, shown, workflow } from './measured.ts';

describe('a run', () => {
  test('counts by workflow and outcome, with its duration and when it succeeded', async () => {
    const scraped = await measured(
      journalOf()
        .event(runStarted([]))
        .event(runFinished({ kind: 'success' }, 90_000)).records,
    );
    expect(scraped.value('stepspan_runs_started_total', { workflow })).toBe(1);
    expect(scraped.value('stepspan_runs_total', { workflow, outcome: 'success' })).toBe(1);
    expect(scraped.value('stepspan_runs_total', { workflow, outcome: 'failure' })).toBe(0);
    const labels = { workflow, outcome: 'success' };
    expect(scraped.value('stepspan_run_duration_seconds_sum', labels)).toBe(90);
    expect(scraped.value('stepspan_run_duration_seconds_bucket', { ...labels, le: '60' })).toBe(0);
    expect(scraped.value('stepspan_run_duration_seconds_bucket', { ...labels, le: '120' })).toBe(1);
    const endedAt = Number(startNs / 1_000_000_000n) + 1;
    expect(scraped.value('stepspan_run_last_success_timestamp_seconds', { workflow })).toBe(endedAt);
    expect(scraped.value('stepspan_active_runs', { workflow })).toBe(0);
  });

  test('that fails counts the reason of the run and of its steps, and no success', async () => {
    const scraped = await measured(
      journalOf()
        .event(runStarted(['build', 'test']))
        .event({ type: 'step.started' }, 'build')
        .event(attemptStarted, 'build')
        .event(attemptFinished(exit1), 'build')
        .event({ type: 'step.retrying', nextAttempt: 2, delayMs: 1, outcome: exit1 }, 'build')
        .event(stepFinished(exit1, 2000, 2), 'build')
        .event(stepFinished({ kind: 'skip', reason: 'need', message: 'no' }, 0, 0), 'test')
        .event(runFinished({ kind: 'failure', reason: 'step_failed', message: 'x' })).records,
    );
    expect(scraped.value('stepspan_run_failures_total', { workflow, reason: 'step_failed' })).toBe(1);
    expect(scraped.value('stepspan_step_failures_total', { workflow, reason: 'exit_code' })).toBe(1);
    expect(scraped.sum('stepspan_step_failures_total')).toBe(1);
    expect(scraped.value('stepspan_steps_total', { workflow, step: 'test', outcome: 'skip' })).toBe(1);
    expect(scraped.value('stepspan_step_retries_total', { step: 'build' })).toBe(1);
    expect(scraped.value('stepspan_step_duration_seconds_count', { step: 'build' })).toBe(1);
    expect(scraped.value('stepspan_step_duration_seconds_count', { step: 'test' })).toBe(0);
    expect(scraped.value('stepspan_run_last_success_timestamp_seconds', { workflow })).toBe(0);
  });

  test('that is active shows as gauges, which disappear when it ends', async () => {
    const measure = newMeasure();
    const { records } = journalOf()
      .event(runStarted(['build', 'test'], { budgetUsd: 4, budgetTokens: 1000 }))
      .event({ type: 'step.started' }, 'build')
      .event(attemptStarted, 'build')
      .event({ type: 'claude.usage', messageId: 'm', usage: modelUse('opus', 99, 1) }, 'build')
      .event({ type: 'resource.sampled', cpuSeconds: 2, cpuCores: 1, rssBytes: 500, processes: 3 }, 'build')
      .event({ type: 'resource.sampled', cpuSeconds: 5, cpuCores: 1, rssBytes: 300, processes: 2 }, 'build')
      .event({ type: 'stall.detected', cause: 'no_output', durationMs: 1, action: 'none' }, 'build');
    measure.take(runId, records);
    const active = await shown(measure);
    const step = { workflow, step: 'build' };
    expect(active.value('stepspan_active_runs')).toBe(1);
    expect(active.value('stepspan_active_steps')).toBe(1);
    expect(active.value('stepspan_run_progress_ratio')).toBe(0);
    expect(active.value('stepspan_active_cost_usd')).toBe(1);
    expect(active.value('stepspan_budget_used_ratio', { unit: 'usd' })).toBe(0.25);
    expect(active.value('stepspan_budget_used_ratio', { unit: 'tokens' })).toBe(0.1);
    expect(active.value('stepspan_step_memory_bytes', step)).toBe(300);
    expect(active.value('stepspan_step_memory_max_bytes', step)).toBe(500);
    expect(active.value('stepspan_step_processes', step)).toBe(2);
    expect(active.value('stepspan_step_cpu_seconds_total', step)).toBe(5);
    expect(active.value('stepspan_stalled_steps', { workflow, cause: 'no_output' })).toBe(1);
    expect(active.value('stepspan_cost_usd_total', { model: 'opus' })).toBe(0);

    const end = journalOf()
      .event({ ...attemptFinished(), cpuSeconds: 7 } as Event, 'build')
      .event(runFinished());
    measure.take(
      runId,
      end.records.map((record) => ({ ...record, seq: record.seq + records.length })),
    );
    const ended = await shown(measure);
    expect(ended.value('stepspan_active_runs')).toBe(0);
    const gone = ['run_progress_ratio', 'budget_used_ratio', 'step_memory_bytes', 'step_processes', 'stalled_steps'];
    for (const name of gone) expect(ended.samples.filter((sample) => sample.name === `stepspan_${name}`)).toEqual([]);
    expect(ended.value('stepspan_step_cpu_seconds_total', step)).toBe(7);
    // Its stepspan reported no final sum, so the live one counts.
    expect(ended.value('stepspan_cost_usd_total', { model: 'opus' })).toBe(1);
    expect(ended.value('stepspan_tokens_total', { model: 'opus', type: 'input' })).toBe(99);
  });

  test('counts its output by stream, what was hidden and lost, and what was left running', async () => {
    const scraped = await measured(
      journalOf()
        .event(runStarted(['build']))
        .output('one\ntwo\n', 'build')
        .output('three', 'build', { stream: 'stderr' })
        .event({ type: 'secret.redacted', kinds: { named: 2, github: 1 } }, 'build')
        .event({ type: 'journal.lost', reason: 'disk', lines: 3, events: 1, bytes: 9, reader: undefined })
        .event({ type: 'journal.recovered', cutBytes: 9, lastSeq: 3 })
        .event({ type: 'process.orphaned', processes: [{ pid: 1, command: 'x' }] }, 'build').records,
    );
    expect(scraped.value('stepspan_output_lines_total', { workflow, stream: 'stdout' })).toBe(2);
    expect(scraped.value('stepspan_output_bytes_total', { workflow, stream: 'stdout' })).toBe(8);
    expect(scraped.value('stepspan_output_lines_total', { workflow, stream: 'stderr' })).toBe(1);
    expect(scraped.value('stepspan_output_lines_total', { workflow, stream: 'debug' })).toBe(0);
    expect(scraped.value('stepspan_secrets_hidden_total', { kind: 'named' })).toBe(2);
    expect(scraped.value('stepspan_lost_lines_total', { why: 'disk' })).toBe(3);
    expect(scraped.value('stepspan_lost_events_total', { why: 'disk' })).toBe(1);
    expect(scraped.value('stepspan_lost_lines_total', { why: 'retention' })).toBe(0);
    expect(scraped.value('stepspan_journal_recoveries_total')).toBe(1);
    expect(scraped.value('stepspan_left_over_processes_total')).toBe(1);
  });
});

describe('exactly once', () => {
  test('whatever the journal, wherever it is cut, and however often its state is saved and read in between', async () => {
    const lives = fc.array(fc.record({ upTo: fc.nat(60), kept: fc.boolean() }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(anyJournal, lives, async (records, cuts) => {
        const once = newMeasure();
        once.take(runId, records);

        // Each life reads from its position on; one whose state is not kept is as if it had never been.
        let stored: string | undefined;
        for (const { upTo, kept } of [...cuts, { upTo: records.length, kept: true }]) {
          const life = newMeasure(stored === undefined ? undefined : (JSON.parse(stored) as StoredMeasure));
          const position = life.position(runId);
          if (position === undefined) break;
          life.take(
            runId,
            records.slice(0, upTo).filter((record) => record.seq >= position),
          );
          if (kept) stored = JSON.stringify(life.stored());
        }
        const last = newMeasure(JSON.parse(stored ?? '') as StoredMeasure);
        expect(readableOf(last.stored())).toEqual(readableOf(once.stored()));
        expect((await shown(last)).samples).toEqual((await shown(once)).samples);
      }),
      { numRuns: 150, interruptAfterTimeLimit: 20_000 },
    );
  });

  test('also if a reader returns records again that were counted', async () => {
    const { records } = journalOf()
      .event(runStarted(['a']))
      .output('x\n', 'a');
    const measure = newMeasure();
    measure.take(runId, records);
    measure.take(runId, records);
    const scraped = await shown(measure);
    expect(scraped.value('stepspan_runs_started_total')).toBe(1);
    expect(scraped.value('stepspan_output_lines_total', { stream: 'stdout' })).toBe(1);
  });
});

/** As JSON has it, and states of runs as values: the order of their keys says how they were made, and nothing else. */
function readableOf(stored: StoredMeasure): unknown {
  const active = stored.active.map((run) => ({ ...run, state: JSON.parse(run.state) as unknown }));
  return JSON.parse(JSON.stringify({ ...stored, active }));
}
