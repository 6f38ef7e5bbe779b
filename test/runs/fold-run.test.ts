// The fold from records to the state of a run: what it says of a known run, and what holds of any journal.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Event } from '../../src/core/event.ts';
import type { OutputRecord } from '../../src/core/record.ts';
import { foldAll, foldRun } from '../../src/runs/fold-run.ts';
import { progressOf, waitingUntilNs } from '../../src/runs/progress.ts';
import { emptyRunState, lastAttempt } from '../../src/runs/run-state.ts';
import { stateFromJson, stateToJson } from '../../src/runs/stored-state.ts';
import { createTimeline } from '../../src/runs/timeline/timeline.ts';
import { totalsOf } from '../../src/runs/totals.ts';
import { streams } from '../../src/text/stream.ts';
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
  success,
} from './journal-of.ts';

describe('any journal', () => {
  test('folds the same in one go, in two parts, and from a saved fold', () => {
    fc.assert(
      fc.property(anyJournal, fc.nat(60), (records, cutAt) => {
        const whole = foldAll(records);
        const head = foldAll(records.slice(0, cutAt));
        expect(foldAll(records.slice(cutAt), head)).toEqual(whole);
        const restored = stateFromJson(stateToJson(head));
        expect(restored).toEqual(head);
        expect(foldAll(records.slice(cutAt), restored)).toEqual(whole);
      }),
    );
  });

  test('never changes a state that was given, and takes no record twice', () => {
    fc.assert(
      fc.property(anyJournal, (records) => {
        let state = emptyRunState();
        for (const record of records) {
          const before = stateToJson(state);
          const next = foldRun(state, record);
          expect(stateToJson(state)).toBe(before);
          expect(foldRun(next, record)).toBe(next);
          state = next;
        }
      }),
    );
  });

  test('can be read from any record on, as after retention has taken its head', () => {
    fc.assert(
      fc.property(anyJournal, fc.nat(60), (records, skip) => {
        const state = foldAll(records.slice(skip));
        expect(() => [totalsOf(state), progressOf(state)]).not.toThrow();
      }),
    );
  });

  test('has progress that never goes down, and is 100 exactly at its end', () => {
    fc.assert(
      fc.property(anyJournal, (records) => {
        let state = emptyRunState();
        let last = 0;
        for (const record of records) {
          state = foldRun(state, record);
          const { progress, steps } = progressOf(state);
          expect(progress).toBeGreaterThanOrEqual(last);
          expect(progress === 100).toBe(state.phase.kind === 'finished');
          const { totalSteps, completedSteps, reusedSteps, skippedSteps } = steps;
          expect(completedSteps + skippedSteps).toBeLessThanOrEqual(totalSteps);
          expect(reusedSteps).toBeLessThanOrEqual(completedSteps);
          last = progress;
        }
      }),
    );
  });

  test('has counts that add up: lines over steps, money over attempts and models', () => {
    fc.assert(
      fc.property(anyJournal, (records) => {
        const state = foldAll(records);
        for (const stream of streams) {
          const printed = records.filter(
            (record): record is OutputRecord => record.kind === 'output' && record.stream === stream,
          );
          const inNoStep = printed.filter((record) => record.subject === undefined);
          // A line that came in parts counts once, with its first part.
          const sum = (of: typeof printed) =>
            of.reduce((total, { lineCount, continues }) => total + lineCount - (continues ? 1 : 0), 0);
          expect(state.lines[stream]).toBe(sum(printed));
          const ofSteps = state.steps.reduce((total, step) => total + step.lines[stream], 0);
          expect(ofSteps + sum(inNoStep)).toBe(state.lines[stream]);
        }
        const attempts = state.steps.flatMap((step) => step.attempts);
        const costs = attempts.map((attempt) => {
          if (attempt.cost.kind === 'none') return 0;
          if (attempt.cost.kind === 'final') return attempt.cost.costUsd;
          return Object.values(attempt.cost.byMessage).reduce((total, use) => total + use.costUsd, 0);
        });
        expect(state.costUsd).toBeCloseTo(
          costs.reduce((total, cost) => total + cost, 0),
          6,
        );
        const hidden = records.reduce((total, record) => {
          if (record.kind !== 'event' || record.event.type !== 'secret.redacted') return total;
          return total + Object.values(record.event.kinds).reduce((a, b) => a + b, 0);
        }, 0);
        expect(totalsOf(state).hidden).toBe(hidden);
      }),
    );
  });

  test('makes a timeline in which no span ends before it starts, and none is open after the end', () => {
    fc.assert(
      fc.property(anyJournal, (records) => {
        const timeline = createTimeline(20);
        const ended = journalOf();
        for (const record of records) timeline.add(record);
        for (const span of timeline.spans())
          if (span.endNs !== undefined) expect(span.endNs >= span.startNs).toBe(true);
        expect(
          timeline.spans().filter(({ kind }) => !['run', 'step', 'more'].includes(kind)).length,
        ).toBeLessThanOrEqual(20);
        ended.event(runFinished());
        const last = ended.records[0]!;
        timeline.add({ ...last, timeNs: startNs * 2n });
        expect(timeline.spans().filter((span) => span.endNs === undefined)).toEqual([]);
      }),
    );
  });
});

describe('a run that is known', () => {
  test('goes through its phases, and a late pause does not bring it back', () => {
    const made = journalOf().event(runStarted(['build']));
    expect(foldAll(made.records).phase.kind).toBe('running');
    made.event({ type: 'run.paused', by: 'me', now: false });
    expect(foldAll(made.records).phase).toMatchObject({ kind: 'paused', by: 'me' });
    made.event({ type: 'run.resumed', by: 'me', pausedMs: 700 });
    expect(foldAll(made.records)).toMatchObject({ phase: { kind: 'running' }, pauses: { count: 1, totalMs: 700 } });
    made.event({ type: 'run.cancelling', by: 'SIGINT' }).event({ type: 'run.paused', by: 'late', now: true });
    expect(foldAll(made.records).phase).toMatchObject({ kind: 'cancelling', by: 'SIGINT' });
    made.event(runFinished({ kind: 'cancellation', message: 'SIGINT' }));
    expect(totalsOf(foldAll(made.records))).toMatchObject({
      outcome: 'cancellation',
      message: 'SIGINT',
      durationMs: 5000,
    });
  });

  test('waits until the end of a limit if all that is active does, and no longer once it continues', () => {
    const made = journalOf().event(runStarted(['a', 'b']));
    for (const id of ['a', 'b']) made.event({ type: 'step.started' }, id).event(attemptStarted, id, 1);
    const wait = (untilNs: string) =>
      ({ type: 'step.waiting', reason: 'rate_limit', untilNs, nextAttempt: 2, outcome: exit1 }) as const;
    made.event(attemptFinished(exit1), 'a', 1).event(wait('2000'), 'a', 1);
    expect(foldAll(made.records).steps[0]?.phase).toEqual({
      kind: 'waiting',
      reason: 'rate_limit',
      sinceNs: made.records.at(-1)?.timeNs,
      untilNs: 2000n,
      nextAttempt: 2,
      outcome: exit1,
    });
    expect(waitingUntilNs(foldAll(made.records))).toBeUndefined();
    made.event(wait('1000'), 'b', 1);
    expect(waitingUntilNs(foldAll(made.records))).toBe(1000n);
    expect(progressOf(foldAll(made.records)).currentStep).toBe('a');
    made.event(attemptStarted, 'b', 2);
    expect(waitingUntilNs(foldAll(made.records))).toBeUndefined();
    made.event(wait('not a number'), 'b', 2);
    expect(waitingUntilNs(foldAll(made.records))).toBe(0n);
  });

  test('has a step that failed, waits, and succeeds at its second attempt', () => {
    const made = journalOf()
      .event(runStarted(['build']))
      .event({ type: 'step.started' }, 'build')
      .event(attemptStarted, 'build', 1)
      .output('one\ntwo\n\n', 'build', { attempt: 1 })
      .output('{"type":"raw"}\n', 'build', { attempt: 1, stream: 'debug' })
      .event(attemptFinished(exit1), 'build', 1)
      .event({ type: 'step.retrying', nextAttempt: 2, delayMs: 1500, outcome: exit1 }, 'build', 1);
    const waiting = foldAll(made.records).steps[0]!;
    expect(waiting.phase).toEqual({
      kind: 'retrying',
      sinceNs: made.records.at(-1)?.timeNs,
      nextAttempt: 2,
      untilNs: startNs + 7_500_000_000n,
      outcome: exit1,
    });
    expect(waiting.lastLine).toBe('two');
    made
      .event(attemptStarted, 'build', 2)
      .output('three', 'build', { attempt: 2 })
      .event(attemptFinished(), 'build', 2)
      .event(stepFinished(success, 9000, 2), 'build', 2);
    const done = foldAll(made.records).steps[0]!;
    expect(done.phase).toMatchObject({ kind: 'finished', outcome: success, durationMs: 9000 });
    expect(done.attempts.map((attempt) => [attempt.number, attempt.lines.stdout, attempt.phase.kind])).toEqual([
      [1, 3, 'finished'],
      [2, 1, 'finished'],
    ]);
    expect(done.lastLine).toBe('three');
  });

  test('counts all model calls of a long session, and holds the messages of its end alone', () => {
    const made = journalOf()
      .event(runStarted(['review']))
      .event(attemptStarted, 'review', 1);
    for (let at = 1; at <= 1_000; at++)
      for (const cost of [0.01, 0.02])
        made.event({ type: 'claude.usage', messageId: `m${at}`, usage: modelUse('opus', 3, cost) }, 'review', 1);
    const state = foldAll(made.records);
    expect(state).toMatchObject({ costUsd: 20, models: { opus: { inputTokens: 3_000, costUsd: 20 } } });
    const { cost } = lastAttempt(state.steps[0]!)!;
    expect(cost.kind === 'live' && Object.keys(cost.byMessage).length).toBeLessThan(300);
    expect(stateFromJson(stateToJson(state))).toEqual(state);
  });

  test('counts model calls live, each message once, until the final cost of that attempt takes their place', () => {
    const made = journalOf()
      .event(runStarted(['review']))
      .event(attemptStarted, 'review', 1)
      .event({ type: 'claude.usage', messageId: 'm1', usage: modelUse('opus', 10, 0.1) }, 'review', 1)
      .event({ type: 'claude.usage', messageId: 'm1', usage: modelUse('opus', 20, 0.2) }, 'review', 1)
      .event({ type: 'claude.usage', messageId: 'm2', usage: modelUse('haiku', 5, 0.01) }, 'review', 1);
    const live = foldAll(made.records);
    expect(live.costUsd).toBeCloseTo(0.21);
    expect(live).toMatchObject({
      costBasis: 'estimated',
      models: { opus: { inputTokens: 20 }, haiku: { inputTokens: 5 } },
    });
    made
      .event({ type: 'claude.cost', costUsd: 0.5, estimated: false, models: [modelUse('opus', 100, 0.5)] }, 'review', 1)
      .event({ type: 'claude.usage', messageId: 'late', usage: modelUse('opus', 20, 0.2) }, 'review', 1);
    const final = foldAll(made.records);
    expect(final).toMatchObject({ costUsd: 0.5, costBasis: 'known', models: { opus: { inputTokens: 100 } } });
    expect(final.models).not.toHaveProperty('haiku');
    made
      .event(attemptStarted, 'review', 2)
      .event({ type: 'claude.usage', messageId: 'm1', usage: modelUse('opus', 1, 0.25) }, 'review', 2);
    expect(foldAll(made.records)).toMatchObject({
      costUsd: 0.75,
      costBasis: 'estimated',
      models: { opus: { inputTokens: 101 } },
    });
  });

  test('says that a cost is unknown for the step, the run and its sums, beside what is known of it', () => {
    const made = journalOf()
      .event(runStarted(['review', 'other']))
      .event(attemptStarted, 'other', 1)
      .event({ type: 'claude.cost', costUsd: 0.5, estimated: false, models: [modelUse('opus', 100, 0.5)] }, 'other', 1)
      .event(attemptStarted, 'review', 1)
      .event({ type: 'claude.cost', costUsd: 0, estimated: true, unknown: 'it was killed', models: [] }, 'review', 1);
    const state = foldAll(made.records);
    expect(state).toMatchObject({ costUsd: 0.5, costBasis: 'unknown' });
    expect(state.steps.map((step) => step.costBasis)).toEqual(['unknown', 'known']);
    expect(totalsOf(state)).toMatchObject({
      costUsd: null,
      costAtLeastUsd: 0.5,
      steps: [{ costUsd: null }, { costUsd: 0.5 }],
    });
    expect(lastAttempt(state.steps[0]!)?.cost).toMatchObject({ kind: 'final', basis: 'unknown', why: 'it was killed' });
  });

  test('shows the tool call that is open, and a stall until it has cleared', () => {
    const call = { type: 'claude.tool_called', tool: 'Bash', input: '{}', parentToolUseId: undefined } as const;
    const back = { type: 'claude.tool_returned', text: '', bytes: 0, parentToolUseId: undefined } as const;
    const made = journalOf()
      .event(runStarted(['review']))
      .event(attemptStarted, 'review')
      .event({ ...call, toolUseId: 'a' }, 'review')
      .event({ ...call, toolUseId: 'b', tool: 'Read' }, 'review')
      .event({ ...back, toolUseId: 'a', isError: true }, 'review')
      .event({ type: 'stall.detected', cause: 'no_output', durationMs: 60_000, action: 'none' }, 'review');
    expect(foldAll(made.records).steps[0]).toMatchObject({
      activity: { kind: 'tool', tool: 'Read' },
      toolCalls: 2,
      toolErrors: 1,
      stall: { cause: 'no_output' },
    });
    made
      .event({ ...back, toolUseId: 'b', isError: false }, 'review')
      .event({ type: 'stall.cleared', cause: 'no_output', durationMs: 61_000 }, 'review');
    expect(foldAll(made.records).steps[0]).toMatchObject({
      activity: { kind: 'model' },
      stall: undefined,
      stalls: { no_output: 1 },
    });
    expect(lastAttempt(foldAll(made.records).steps[0]!)?.number).toBe(1);
  });

  test('says when what should be looked at arose, of what comes often when it first did', () => {
    const at = (seconds: number): bigint => startNs + BigInt(seconds) * 1_000_000_000n;
    const hidden: Event = { type: 'secret.redacted', kinds: { rule: 1 } };
    const lost: Event = { type: 'journal.lost', reason: 'disk', lines: 1, events: 0, bytes: 1, reader: undefined };
    const left: Event = { type: 'process.orphaned', processes: [{ pid: 7, command: 'x' }] };
    const journal = journalOf()
      .event(runStarted(['a']))
      .event({ type: 'run.budget_warned', usedUsd: 8, usedTokens: 0, share: 0.8 })
      .event(hidden, 'a')
      .event(hidden, 'a')
      .event(lost)
      .event(lost)
      .event(left, 'a')
      .event(left, 'a');
    const state = foldAll(journal.records);
    expect(state.budget).toMatchObject({ kind: 'warned', sinceNs: at(1) });
    expect([state.hiddenNs, state.lostNs, state.steps[0]?.orphanedNs]).toEqual([at(2), at(4), at(6)]);
    journal.event({ type: 'run.budget_exceeded', unit: 'USD', used: 11, limit: 10, estimated: false });
    expect(foldAll(journal.records).budget).toMatchObject({ kind: 'exceeded', sinceNs: at(8) });
  });

  test('keeps the saved text of another version from being taken for this one', () => {
    const text = stateToJson(foldAll(journalOf().event(runStarted(['a'])).records));
    expect(stateFromJson(text.replace(/"stepspanState":\d+/, '"stepspanState":999'))).toBeUndefined();
    expect(stateFromJson(text.slice(0, -5))).toBeUndefined();
    expect(stateFromJson('null')).toBeUndefined();
  });
});
