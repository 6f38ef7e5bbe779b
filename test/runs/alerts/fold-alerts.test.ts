// The rules, on hand-made journals: each fires for what it is about, stays quiet for what looks like it, and ends.
import { describe, expect, test } from 'vitest';
import type { Event } from '../../../src/core/event.ts';
import type { JournalRecord } from '../../../src/core/record.ts';
import type { Alert } from '../../../src/runs/alerts/alert.ts';
import { type AlertEvaluation, emptyEvaluation } from '../../../src/runs/alerts/evaluation.ts';
import { foldAlerts, tickAlerts } from '../../../src/runs/alerts/fold-alerts.ts';
import { type AlertSettings, defaultAlerts, readAlerts } from '../../../src/runs/alerts/index.ts';
import { msOfNs } from '../../../src/runs/index.ts';
import {
  answered,
  asked,
  attemptFinished,
  attemptStarted,
  exit1,
  type HandMade,
  journalOf,
  modelUse,
  runFinished,
  runStarted,
  startNs,
  stepFinished,
  success,
} from '../journal-of.ts';

const startMs = msOfNs(startNs);
const minute = 60_000;

/** Alerts as `rule step firing|ended`. */
function after(journal: HandMade, settings = defaultAlerts(), from = emptyEvaluation()): AlertEvaluation {
  return journal.records.reduce((state, record) => foldAlerts(state, record, settings), from);
}

function shown({ alerts }: AlertEvaluation): readonly string[] {
  return Object.values(alerts).map(
    ({ rule, step, endedMs }) =>
      `${rule}${step === undefined ? '' : ` ${step}`} ${endedMs === undefined ? 'fires' : 'ended'}`,
  );
}

function only(state: AlertEvaluation): Alert {
  const [alert, ...others] = Object.values(state.alerts);
  if (alert === undefined || others.length > 0) throw new Error(`not one alert: ${shown(state).join('; ')}`);
  return alert;
}

function settings(yaml: string): AlertSettings {
  const read = readAlerts(yaml, 'alerts.yaml');
  if (!read.ok) throw new Error(read.problems.join('\n'));
  return read.settings;
}

/** A run with one step whose first attempt runs. */
function running(fields: Parameters<typeof runStarted>[1] = {}): HandMade {
  return journalOf()
    .event(runStarted(['one', 'two'], fields))
    .event({ type: 'step.started' }, 'one')
    .event(attemptStarted, 'one');
}

const sampled = (rssBytes: number): Event => ({
  type: 'resource.sampled',
  cpuSeconds: 1,
  cpuCores: 1,
  rssBytes,
  processes: 1,
});
const paused = (now: boolean): Event => ({ type: 'run.paused', by: 'api', now });
const resumed: Event = { type: 'run.resumed', by: 'api', pausedMs: 1000 };

/** The records from `index` on, moved so much later. */
function later(records: readonly JournalRecord[], index: number, ms: number): readonly JournalRecord[] {
  const moveNs = BigInt(ms) * 1_000_000n;
  return records.map((record, at) => (at < index ? record : { ...record, timeNs: record.timeNs + moveNs }));
}

describe('how a run ended', () => {
  const findings = {
    counts: { denied: 2 },
    items: [
      { kind: 'denied', name: 'Edit', detail: 'a.txt' },
      { kind: 'denied', name: 'Bash', detail: 'npm test' },
    ],
  } as const;
  const denied = { ...attemptFinished(), findings } as Event;

  test('well, but a step was denied tool calls: what was denied is in the alert', () => {
    const alert = only(after(running().event(denied, 'one').event(stepFinished(), 'one').event(runFinished())));
    expect(alert).toMatchObject({ rule: 'StepspanRunWarnings', step: 'one' });
    expect(alert.summary).toContain('succeeded with 2 warnings');
    expect(alert.description).toContain('Step one: 2 tool calls denied: Edit a.txt, Bash npm test');
  });

  test('badly after denied tool calls: the alert of the failure names them', () => {
    const failed = { ...attemptFinished(exit1), findings } as Event;
    const journal = running().event(failed, 'one').event(stepFinished(exit1), 'one').event(runFinished(exit1));
    expect(only(after(journal)).description).toContain('(2 tool calls denied: Edit a.txt, Bash npm test)');
  });

  test('stuck: the alert says what the step was doing', () => {
    const stall = { type: 'stall.detected', cause: 'rate_limited', durationMs: 60_000, action: 'none' } as const;
    const activity = 'last: API error 529 (overloaded), try 7 of 10';
    const state = after(
      running()
        .event({ ...stall, activity }, 'one')
        .event({ type: 'claude.notice', subtype: 'x', text: 'x' }, 'one'),
    );
    expect(only(state).description).toContain(activity);
  });

  const ends = (outcome: Parameters<typeof runFinished>[0]) =>
    after(running().output('a\n', 'one').event(stepFinished(outcome), 'one').event(runFinished(outcome)));

  test.each([
    ['a failure', exit1, ['StepspanRunFailed one ended']],
    ['a timeout', { kind: 'timeout', message: 'too long', limitMs: 1 }, ['StepspanRunFailed one ended']],
    ['an error', { kind: 'error', reason: 'spawn', message: 'no such program' }, ['StepspanRunFailed one ended']],
    ['a killed stepspan', { kind: 'error', reason: 'abandoned', message: 'gone' }, ['StepspanRunAbandoned one ended']],
    ['a cancellation', { kind: 'cancellation', message: 'by hand' }, []],
    ['a success', success, []],
  ] as const)('%s', (_what, outcome, expected) => {
    expect(shown(ends(outcome))).toEqual(expected);
  });

  test('names the step to blame, its last lines without escapes, and the record to look at', () => {
    const state = after(
      running()
        .output(`${'old\n'.repeat(50)}\u001b[31mred\u001b[0m\n`, 'one')
        .event({ type: 'resource.sampled', cpuSeconds: 1, cpuCores: 1, rssBytes: 1, processes: 1 }, 'one')
        .output('in the way\n', undefined, { stream: 'system' })
        .event(attemptFinished(exit1), 'one')
        .event(stepFinished(exit1), 'one')
        .event(stepFinished({ kind: 'skip', reason: 'need', message: 'one failed' }, 0, 0), 'two')
        .event(runFinished(exit1, 65_000)),
    );
    const alert = only(state);
    expect(alert.summary).toBe('nightly failed: step one: exit code 1');
    expect(alert.description).toContain('ended after 1 m 05 s: exit code 1\nStep one: exit code 1\n> old\n');
    expect(alert.description.endsWith('> old\n> red')).toBe(true);
    expect(alert.description.match(/> /g)).toHaveLength(10);
    expect(alert.keepMs).toBe(24 * 60 * minute);
  });

  test('is not reported if the rule is off', () => {
    const off = settings('rules: { StepspanRunFailed: { enabled: false } }');
    expect(shown(after(running().event(runFinished(exit1)), off))).toEqual([]);
  });
});

describe('a step that waits for a person', () => {
  const hour = 60 * minute;
  const history = { one: { medianMs: 1_000, runs: 9 } };
  const asking = running().event(asked(), 'one').event(answered, 'one').records;
  const [question, answer] = later(asking, 4, hour).slice(3);
  const before = asking
    .slice(0, 3)
    .reduce<AlertEvaluation>((state, record) => foldAlerts(state, record, defaultAlerts()), {
      ...emptyEvaluation(),
      history,
    });

  test('fires at once, and is neither stuck nor slow until a while after the answer', () => {
    const waits = tickAlerts(foldAlerts(before, question!, defaultAlerts()), startMs + hour, defaultAlerts());
    expect(only(waits)).toMatchObject({ rule: 'StepspanWaitingForYou', step: 'one', endedMs: undefined, seq: 3 });
    expect(only(waits).description).toContain('permission for Bash(npm test)');
    const continued = foldAlerts(waits, answer!, defaultAlerts());
    expect(shown(continued)).toEqual(['StepspanWaitingForYou one ended']);
    const answeredMs = msOfNs(answer!.timeNs);
    expect(shown(tickAlerts(continued, answeredMs + 30_000, defaultAlerts()))).toHaveLength(1);
    expect(shown(tickAlerts(continued, answeredMs + 16 * minute, defaultAlerts()))).toContain(
      'StepspanRunStuck one fires',
    );
  });

  test('fires until the last of its questions is answered, or its attempt ends', () => {
    const journal = running().event(asked(), 'one').event(asked('q-2'), 'one').event(answered, 'one');
    expect(only(after(journal))).toMatchObject({ endedMs: undefined, seq: 4 });
    expect(shown(after(journal.event(attemptFinished(exit1), 'one').event(stepFinished(exit1), 'one')))).toEqual([
      'StepspanWaitingForYou one ended',
    ]);
  });
});

describe('a step that is stuck', () => {
  const limit = 15 * minute;

  test('fires when its limit is reached, not when somebody looks, and ends with the next line', () => {
    const journal = running().output('a\n', 'one');
    const silentMs = startMs + 3000;
    const quiet = after(journal);
    expect(shown(tickAlerts(quiet, silentMs + limit - 1, defaultAlerts()))).toEqual([]);
    const stuck = tickAlerts(quiet, silentMs + limit + 7 * minute, defaultAlerts());
    expect(only(stuck)).toMatchObject({ rule: 'StepspanRunStuck', step: 'one', startsMs: silentMs + limit });
    const [line] = later(running().output('a\n', 'one').output('b\n', 'one').records.slice(4), 0, limit + 9 * minute);
    expect(only(foldAlerts(stuck, line!, defaultAlerts())).endedMs).toBe(msOfNs(line!.timeNs));
  });

  test.each(['stdout', 'stderr', 'debug'] as const)('is alive with every line on %s', (stream) => {
    const journal = running().output('a\n', 'one', { stream });
    expect(shown(tickAlerts(after(journal), startMs + 3000 + limit - 1, defaultAlerts()))).toEqual([]);
  });

  test('is not kept alive by what stepspan itself says of it', () => {
    const journal = running().output('still there\n', 'one', { stream: 'system' }).event(sampled(5), 'one');
    expect(shown(tickAlerts(after(journal), startMs + 2000 + limit, defaultAlerts()))).toEqual([
      'StepspanRunStuck one fires',
    ]);
  });

  test('fires at once if Claude Code hangs in a known way, and ends when that is over', () => {
    const cause = 'output_closed' as const;
    const journal = running().event({ type: 'stall.detected', cause, durationMs: 30_000, action: 'none' }, 'one');
    expect(shown(after(journal.event(sampled(1), 'one')))).toEqual(['StepspanRunStuck one fires']);
    journal.event({ type: 'stall.cleared', cause, durationMs: 40_000 }, 'one');
    expect(shown(after(journal))).toEqual(['StepspanRunStuck one ended']);
  });

  test('is not found in a run that was paused', () => {
    const pausedRun = journalOf()
      .event(runStarted(['one']))
      .event({ type: 'step.started' }, 'one')
      .event(attemptStarted, 'one')
      .event(paused(true))
      .event(resumed)
      .event(sampled(1), 'one');
    const records = later(pausedRun.records, 4, 60 * minute);
    const state = records.reduce((all, record) => foldAlerts(all, record, defaultAlerts()), emptyEvaluation());
    expect(shown(state)).toEqual([]);
    // An hour of pause and a second before it: the rest of the limit is still to come.
    expect(shown(tickAlerts(state, startMs + 60 * minute + limit, defaultAlerts()))).toEqual([]);
    expect(shown(tickAlerts(state, startMs + 60 * minute + limit + 5000, defaultAlerts()))).toEqual([
      'StepspanRunStuck one fires',
    ]);
  });

  test('is over with its run', () => {
    const journal = running();
    const stuck = tickAlerts(after(journal), startMs + 60 * minute, defaultAlerts());
    const [end] = later(journal.event(runFinished()).records.slice(-1), 0, 60 * minute);
    expect(shown(foldAlerts(stuck, end!, defaultAlerts()))).toEqual(['StepspanRunStuck one ended']);
  });
});

describe('a step that is slow', () => {
  const from = (medianMs: number, runs: number): AlertEvaluation => ({
    ...emptyEvaluation(),
    history: { one: { medianMs, runs } },
  });
  const at = (ms: number) => startMs + 1000 + ms;
  const chatty = settings('rules: { StepspanRunStuck: { enabled: false } }');

  test('fires at three times its median, once, and ends with the step', () => {
    const journal = running();
    const state = after(journal, chatty, from(2 * minute, 5));
    expect(shown(tickAlerts(state, at(6 * minute - 1), chatty))).toEqual([]);
    const slow = tickAlerts(state, at(6 * minute), chatty);
    expect(only(slow)).toMatchObject({ rule: 'StepspanStepSlow', startsMs: at(6 * minute) });
    expect(only(slow).description).toBe(
      'Step one has been running for more than 6 m 00 s. Its median in 5 earlier runs is 2 m 00 s.',
    );
    const [end] = later(journal.event(stepFinished(), 'one').records.slice(-1), 0, 10 * minute);
    expect(shown(foldAlerts(slow, end!, chatty))).toEqual(['StepspanStepSlow one ended']);
  });

  test.each([
    ['a step of a second that takes a minute', 1000, 5, minute],
    ['a step of which little is known', 2 * minute, 4, 60 * minute],
  ])('is not %s', (_what, medianMs, runs, ms) => {
    expect(shown(tickAlerts(after(running(), chatty, from(medianMs, runs)), at(ms), chatty))).toEqual([]);
  });
});

describe('a budget', () => {
  const use = (costUsd: number): Event => ({
    type: 'claude.usage',
    messageId: 'm',
    usage: modelUse('opus', 1, costUsd),
  });

  test('is warned of at its share, and is no longer once the run has ended, but for the time that a message needs', () => {
    const journal = running({ budgetUsd: 10 }).event(use(7.9), 'one');
    expect(shown(after(journal))).toEqual([]);
    journal.event({ type: 'run.budget_warned', usedUsd: 8, usedTokens: 5, share: 0.8 });
    expect(only(after(journal))).toMatchObject({
      rule: 'StepspanBudgetWarning',
      summary: 'nightly: 80 % of the budget is used',
      endedMs: undefined,
    });
    expect(only(after(journal.event(runFinished()))).keepMs).toBe(6 * minute);
  });

  test('is warned of at another share where alerts.yaml has one', () => {
    const half = settings('rules: { StepspanBudgetWarning: { share: 0.5 } }');
    expect(shown(after(running({ budgetUsd: 10 }).event(use(5), 'one'), half))).toEqual([
      'StepspanBudgetWarning fires',
    ]);
    const late = settings('rules: { StepspanBudgetWarning: { share: 0.95 } }');
    const warned = running({ budgetUsd: 10 }).event({
      type: 'run.budget_warned',
      usedUsd: 8,
      usedTokens: 5,
      share: 0.8,
    });
    expect(shown(after(warned, late))).toEqual([]);
  });

  test('that is used up is one alert, which then says how the run ended', () => {
    const over: Event = { type: 'run.budget_exceeded', unit: 'USD', used: 10.5, limit: 10, estimated: true };
    const state = after(
      running({ budgetUsd: 10 })
        .event(over)
        .event(runFinished({ kind: 'error', reason: 'budget', message: 'x' })),
    );
    const alert = only(state);
    expect(alert).toMatchObject({ rule: 'StepspanBudgetExceeded', keepMs: 24 * 60 * minute });
    expect(alert.description).toContain(
      'The run has used $10.50 of $10.00 and was ended. Part of it is an estimate.\nRun ',
    );
  });
});

describe('memory', () => {
  const mib = 2 ** 20;
  /** One sample a minute. */
  function samples(sizes: readonly number[]): AlertEvaluation {
    const journal = running();
    for (const size of sizes) journal.event(sampled(size * mib), 'one').output('.\n', 'one');
    const spread = journal.records.map((record, at) =>
      at < 3 ? record : { ...record, timeNs: record.timeNs + BigInt(at * 29) * 1_000_000_000n },
    );
    return spread.reduce((state, record) => foldAlerts(state, record, defaultAlerts()), emptyEvaluation());
  }

  test.each([
    [
      'grows for ten minutes',
      [100, 150, 200, 250, 300, 350, 400, 450, 500, 550, 600],
      ['StepspanMemoryGrowing one fires'],
    ],
    [
      'grows and then falls',
      [100, 150, 200, 250, 300, 350, 400, 450, 500, 550, 600, 300],
      ['StepspanMemoryGrowing one ended'],
    ],
    ['goes up and down', [100, 500, 200, 600, 300, 700, 400, 800, 500, 900, 600], []],
    ['grows by little', [100, 110, 120, 130, 140, 150, 160, 170, 180, 190, 200], []],
    ['is large and stays so', [900, 900, 900, 900, 900, 900, 900, 900, 900, 900, 900], []],
    ['has grown for a short time', [100, 200, 300, 400, 500], []],
  ])('that %s', (_what, sizes, expected) => {
    expect(shown(samples(sizes))).toEqual(expected);
  });
});

describe('one cause is one alert', () => {
  test('a secret in the workflow, in a command and in the output of two steps', () => {
    const redacted: Event = { type: 'secret.redacted', kinds: { aws_key: 1 } };
    const journal = running().event(redacted).event(redacted, 'one').event(redacted, 'two').event(redacted);
    const alert = only(after(journal));
    expect(alert).toMatchObject({ rule: 'StepspanSecretHidden', startsMs: startMs + 3000 });
    expect(alert.description).toContain('4 values were replaced in steps one, two');
  });

  test('a step that hangs is stuck and not slow as well', () => {
    const known = { ...emptyEvaluation(), history: { one: { medianMs: 6 * minute, runs: 5 } } };
    const state = tickAlerts(after(running(), defaultAlerts(), known), startMs + 60 * minute, defaultAlerts());
    expect(shown(state)).toEqual(['StepspanRunStuck one fires']);
  });

  test('a stalled attempt that the run ends by itself is reported by how the run ends', () => {
    const stalled: Event = { type: 'stall.detected', cause: 'no_output', durationMs: 30_000, action: 'kill' };
    const outcome = { kind: 'error', reason: 'stalled', message: 'printed nothing for 30 s' } as const;
    const journal = running()
      .event(stalled, 'one')
      .event(sampled(1), 'one')
      .event(attemptFinished(outcome), 'one')
      .event(stepFinished(outcome), 'one')
      .event(runFinished(outcome));
    expect(only(after(journal)).rule).toBe('StepspanRunFailed');
  });
});

describe('what a record says', () => {
  test('processes that a step left running', () => {
    const orphaned: Event = { type: 'process.orphaned', processes: [{ pid: 7, command: 'node server.js' }] };
    expect(only(after(running().event(orphaned, 'one')))).toMatchObject({
      rule: 'StepspanProcessesLeft',
      severity: 'info',
      summary: 'nightly: step one left 1 process running',
      description: '1 process that step one had started was still running. stepspan ended it.\n> node server.js',
    });
  });

  test('secrets of one step are one alert that counts', () => {
    const hidden = (kinds: Record<string, number>): Event => ({ type: 'secret.redacted', kinds });
    const state = after(
      running()
        .event(hidden({ aws_key: 1 }), 'one')
        .event(hidden({ github_token: 2 }), 'one'),
    );
    expect(only(state)).toMatchObject({ rule: 'StepspanSecretHidden', step: 'one', startsMs: startMs + 3000 });
    expect(only(state).description).toContain(
      '3 values were replaced in step one before anything was written; rules that matched: aws_key, github_token',
    );
  });

  test('lost output', () => {
    const lost: Event = { type: 'journal.lost', reason: 'disk', lines: 3, events: 1, bytes: 4096, reader: undefined };
    expect(only(after(running().event(lost))).description).toBe(
      '3 lines and 1 event (4 KiB) were lost: the disk took no more.',
    );
  });
});

describe('time in which stepspan was suspended', () => {
  const hour = 3_600_000;
  const limits = settings(
    'rules: { StepspanRunStuck: { after: 10m }, StepspanStepSlow: { factor: 1.1, minimumRuns: 1 } }',
  );
  const known: AlertEvaluation = { ...emptyEvaluation(), history: { one: { medianMs: 20 * minute, runs: 3 } } };
  const journal = running().event({ type: 'run.suspended', suspendedMs: hour });
  const records = later(journal.records, 3, hour);
  const awakeMs = msOfNs(records.at(-1)!.timeNs);
  const folded = records.reduce((state, record) => foldAlerts(state, record, limits), known);

  test('makes no step stuck or slow, and the limits hold for the time after it', () => {
    const still = (state: AlertEvaluation) => shown(state).filter((text) => text.endsWith('fires'));
    expect(still(folded)).toEqual([]);
    expect(still(tickAlerts(folded, awakeMs + 9 * minute, limits))).toEqual([]);
    expect(still(tickAlerts(folded, awakeMs + 11 * minute, limits))).toEqual(['StepspanRunStuck one fires']);
    const noStuck = settings(
      'rules: { StepspanRunStuck: { enabled: false }, StepspanStepSlow: { factor: 1.1, minimumRuns: 1 } }',
    );
    expect(still(tickAlerts(folded, awakeMs + 20 * minute, noStuck))).toEqual([]);
    expect(still(tickAlerts(folded, awakeMs + hour, noStuck))).toEqual(['StepspanStepSlow one fires']);
  });
});
