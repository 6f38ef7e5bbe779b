// What a view says of a run that waits, hangs, is paused or over budget, and that its patches carry every change.
import { describe, expect, test } from 'vitest';
import type { Event, StallCause } from '../../src/core/event.ts';
import { isoOfNs, msOfNs, nsOfMs } from '../../src/core/time.ts';
import { formatStepCounts } from '../../src/core/units.ts';
import { describeEvent } from '../../src/runs/describe-event.ts';
import { diffViews, emptyRunState, foldAll, foldRun, patchView, type RunView, viewRun } from '../../src/runs/index.ts';
import { attemptStarted, exit1, journalOf, runFinished, runStarted, startNs, stepFinished } from './journal-of.ts';

const nowMs = msOfNs(startNs);
const untilNs = startNs + nsOfMs(3_600_000);

function viewsOf(records: ReturnType<typeof journalOf>['records']): readonly RunView[] {
  let state = emptyRunState();
  return records.map((record) => {
    state = foldRun(state, record);
    return viewRun(state, { nowMs, isWriterGone: false });
  });
}

const viewOf = (made: ReturnType<typeof journalOf>): RunView => viewsOf(made.records).at(-1) as RunView;

const limited: Event = {
  type: 'step.waiting',
  reason: 'rate_limit',
  untilNs: untilNs.toString(),
  nextAttempt: 2,
  outcome: exit1,
};

const active = (...ids: string[]) => {
  const made = journalOf().event(runStarted(ids));
  for (const id of ids) made.event({ type: 'step.started' }, id).event(attemptStarted, id);
  return made;
};

const notRun = (reason: 'when' | 'need' | 'run_ended' | 'already_done') =>
  stepFinished({ kind: 'skip', reason, message: '' }, 0, 0);

const stalled = (cause: StallCause): Event => ({ type: 'stall.detected', cause, durationMs: 60_000, action: 'none' });

describe('the steps of a run', () => {
  const ended = (): ReturnType<typeof journalOf> =>
    journalOf()
      .event(runStarted(['kept', 'ran', 'failed', 'when', 'need', 'late']))
      .event(notRun('already_done'), 'kept')
      .event(stepFinished(), 'ran')
      .event(stepFinished(exit1), 'failed')
      .event(notRun('when'), 'when')
      .event(notRun('need'), 'need')
      .event(notRun('run_ended'), 'late');

  test('that were skipped are not done, and those that were reused are named so', () => {
    const view = viewOf(ended());
    expect(view).toMatchObject({ totalSteps: 6, completedSteps: 3, reusedSteps: 1, skippedSteps: 3 });
    expect(formatStepCounts(view)).toBe('3 of 6, 1 reused, 3 skipped');
    expect(describeEvent(notRun('already_done'))).toMatch(/^step reused/);
    expect(describeEvent(notRun('when'))).toMatch(/^step skip/);
  });

  test('are behind a run that has nothing left to do, however many were skipped', () => {
    expect(viewOf(ended()).progress).toBe(99);
    expect(viewOf(ended().event(runFinished(exit1))).progress).toBe(100);
  });
});

describe('a run', () => {
  test('names what was checked out, and null for what is not known', () => {
    const versionOf = (fields: Parameters<typeof runStarted>[1]) =>
      viewOf(journalOf().event(runStarted(['a'], fields))).versionControl;
    expect(versionOf({})).toBeNull();
    expect(versionOf({ versionControl: { branch: 'main', isDirty: false } })).toEqual({
      url: null,
      branch: 'main',
      revision: null,
      isDirty: false,
    });
  });

  test('whose stepspan was killed while Claude Code was running has an unknown cost, and at least what was seen', () => {
    const ask = { id: 'ask', name: 'ask', kind: 'claude', needs: [] } as const;
    const made = journalOf()
      .event(runStarted([], { steps: [ask] }))
      .event(attemptStarted, 'ask');
    const view = viewRun(foldAll(made.records), { nowMs, isWriterGone: true });
    expect(view).toMatchObject({ costUsd: null, costBasis: 'unknown', costAtLeastUsd: 0 });
    const why = 'stepspan was killed while Claude Code was running, and what it used after that is not known';
    expect(view.steps[0]).toMatchObject({ costBasis: 'unknown', attempts: [{ costUnknownWhy: why }] });
    const usage = {
      model: 'm',
      inputTokens: 9,
      outputTokens: 1,
      cacheReadTokens: 0,
      cacheCreationTokens: 0,
      costUsd: 1,
    };
    made.event({ type: 'claude.usage', messageId: 'm', usage }, 'ask');
    const seen = viewRun(foldAll(made.records), { nowMs, isWriterGone: true });
    expect(seen).toMatchObject({ costUsd: null, costBasis: 'unknown', costAtLeastUsd: 1 });
  });

  test('that waits for a limit says so, since when and until when', () => {
    const made = active('a').event(limited, 'a');
    const since = isoOfNs(made.records.at(-1)?.timeNs ?? 0n);
    const until = isoOfNs(untilNs);
    const view = viewOf(made);
    expect(view).toMatchObject({ state: 'waiting', since, until, cause: 'rate or usage limit', waitingUntil: until });
    expect(view.activity).toMatchObject({ step: 'a', waitsFor: { kind: 'limit', since, until } });
  });

  test('runs as long as one of its steps makes progress', () => {
    expect(viewOf(active('a', 'b').event(limited, 'a'))).toMatchObject({ state: 'running', cause: '', until: null });
    expect(viewOf(active('a', 'b').event(stalled('no_output'), 'b'))).toMatchObject({ state: 'running' });
  });

  test.each([
    ['no_output', 'stuck', 'stall', 'no output'],
    ['output_closed', 'stuck', 'stall', 'output closed, but no exit'],
    ['no_exit_after_result', 'stuck', 'stall', 'no exit after the result'],
    ['rate_limited', 'waiting', 'limit', 'rate or usage limit'],
    ['waiting_for_permission', 'waiting', 'question', 'permission for a tool call'],
  ] as const)('whose only step has stalled by %s is %s, since the stall began', (stall, state, kind, cause) => {
    const made = active('a').event(stalled(stall), 'a');
    const since = isoOfNs((made.records.at(-1)?.timeNs ?? 0n) - nsOfMs(60_000));
    const view = viewOf(made);
    expect(view).toMatchObject({ state, since, cause, until: null });
    expect(view.steps[0]?.waitsFor).toEqual({ kind, since, until: null, cause });
  });

  test('is stuck if one step hangs while another waits, and moves on when the stall is over', () => {
    const made = active('a', 'b').event(limited, 'a').event(stalled('no_output'), 'b');
    expect(viewOf(made)).toMatchObject({ state: 'stuck', cause: 'no output', until: null });
    made.event({ type: 'stall.cleared', cause: 'no_output', durationMs: 61_000 }, 'b');
    expect(viewOf(made)).toMatchObject({ state: 'running' });
  });

  test('that Claude Code holds back itself waits until the limit resets', () => {
    const resetsAt = '2026-11-23T16:00:00.000Z';
    const rejected: Event = { type: 'claude.rate_limited', status: 'rejected', resetsAt };
    expect(viewOf(active('a').event(rejected, 'a'))).toMatchObject({
      state: 'waiting',
      until: '2026-11-23T16:00:00.000000000Z',
    });
    const warned: Event = { type: 'claude.rate_limited', status: 'allowed_warning', resetsAt };
    const near = viewOf(active('a').event(warned, 'a'));
    expect(near).toMatchObject({ state: 'running' });
    expect(near.steps[0]?.activity).not.toContain('rate limited');
    expect(describeEvent(warned)).toBe(`rate limit allowed warning, resets at ${resetsAt}`);
    expect(describeEvent(rejected)).toBe(`rate limited until ${resetsAt}`);
    const freed = active('a').event(rejected, 'a').event(warned, 'a');
    expect(viewOf(freed)).toMatchObject({ state: 'running' });
  });

  test('says which tool a step uses, also if its input was cut or says nothing', () => {
    const call = (tool: string, input: string): Event => ({
      type: 'claude.tool_called',
      toolUseId: tool,
      tool,
      input,
      parentToolUseId: undefined,
    });
    const made = active('a').event(call('Bash', '{"command":"npm test"}'), 'a');
    const activity = () => viewOf(made).steps[0]?.activity;
    expect(activity()).toBe('Bash(npm test)');
    made.event(call('Write', '{"file_path":"/w/a.txt","content":"{\\"command\\":\\"rm\\"} and mor…'), 'a');
    expect(activity()).toBe('Write(/w/a.txt)');
    made.event(call('mcp__db__list', '{}'), 'a');
    expect(activity()).toBe('mcp__db__list');
  });

  test('that is paused names who paused it; its steps wait only if they were frozen', () => {
    const soft = viewOf(active('a').event({ type: 'run.paused', by: 'api', now: false }));
    expect(soft).toMatchObject({ state: 'paused', cause: 'paused by api', activity: { waitsFor: null } });
    const frozen = viewOf(active('a').event({ type: 'run.paused', by: 'api', now: true }));
    expect(frozen).toMatchObject({ state: 'paused', activity: { waitsFor: { kind: 'pause' } } });
  });

  test('over its budget reads so until it has ended', () => {
    const made = active('a')
      .event({ type: 'run.budget_exceeded', unit: 'USD', used: 11, limit: 10, estimated: false })
      .event({ type: 'run.cancelling', by: 'budget' });
    expect(viewOf(made)).toMatchObject({ state: 'over_budget', cause: 'budget of 10 USD used up' });
    made.event(runFinished({ kind: 'error', reason: 'budget', message: 'the budget is used up' }));
    expect(viewOf(made)).toMatchObject({ state: 'error', cause: 'the budget is used up' });
  });

  test('whose stepspan was killed is abandoned since its last record, and lasts no longer', () => {
    let state = emptyRunState();
    for (const record of active('a').output('one\n', 'a').records) state = foldRun(state, record);
    const view = viewRun(state, { nowMs: nowMs + 3_600_000, isWriterGone: true });
    expect(view).toMatchObject({ state: 'abandoned', since: isoOfNs(state.lastNs) });
    expect(view.cause).toMatch(/^stepspan \(pid \d+\) was killed; the run is not closed yet$/);
    expect(view.durationMs).toBe(Math.round(msOfNs(state.lastNs) - msOfNs(startNs)));
    const outcome = { kind: 'error', reason: 'abandoned', message: view.cause };
    // One record lies between the start of the run and that of its step.
    const durationMs = (view.durationMs ?? 0) - 1000;
    expect(view.steps).toMatchObject([{ id: 'a', state: 'finished', outcome, durationMs }]);
    state = foldRun(state, { ...active('a').event(runFinished()).records.at(-1)!, seq: state.nextSeq });
    expect(viewRun(state, { nowMs, isWriterGone: true }).state).toBe('success');
  });
});

test('patches carry every change of a run from its first record to its last', () => {
  const made = active('a', 'b').output('one\ntwo\n', 'a').event(limited, 'a');
  made.event({ type: 'attempt.finished', ...finished, outcome: exit1 }, 'b').event({ ...attemptStarted }, 'a');
  made.event(stalled('no_output'), 'a').event(stepFinished(), 'b').event(stepFinished(), 'a').event(runFinished());
  const views = viewsOf(made.records);
  let kept = views[0] as RunView;
  for (const next of views.slice(1)) {
    const patch = diffViews(kept, next);
    // As it comes over a wire.
    if (patch !== undefined) kept = patchView(kept, JSON.parse(JSON.stringify(patch)));
    expect(kept).toEqual(next);
  }
  expect(diffViews(kept, kept)).toBeUndefined();
});

test('a patch is small: it holds only what changed', () => {
  const made = active('a', 'b');
  const before = viewOf(made);
  const patch = diffViews(before, viewOf(made.output('x\n', 'b')));
  expect(Object.keys(patch ?? {}).sort()).toEqual(['lines', 'nextSeq', 'steps']);
  expect(patch?.steps).toEqual([
    expect.objectContaining({ id: 'b', lastLine: 'x', attempts: [{ number: 1, lines: expect.anything() }] }),
  ]);
});

const finished = { durationMs: 5, pausedMs: 0, cpuSeconds: 0, maxRssBytes: 0, lines: {} };
