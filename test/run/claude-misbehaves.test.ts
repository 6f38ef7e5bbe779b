// Claude Code that hangs, dies or speaks what nobody knows. The CLI here is a fake (test/fixtures/fake-claude.mjs), as the
// real one cannot be made to do these things on purpose; everything around it is real.
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunResult } from '../../src/library/index.ts';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';
import type { RunJournal } from '../support/journal.ts';

let rig: CliRig;
let result: RunResult;
let journal: RunJournal;
let stderr: string;

const after = (cause: string, action: string, ms = 300): string => `{${cause}: {after: ${ms}ms, action: ${action}}}`;

const fake = { STEPSPAN_CLAUDE: path.resolve(import.meta.dirname, '../fixtures/fake-claude.mjs') };

beforeAll(async () => {
  rig = await startCliRig();
  const finished = await rig.runYaml(
    `
name: misbehaving
concurrency: 4
steps:
  - {id: stays, claude: stays after its result, stalls: ${after('noExitAfterResult', 'kill')}}
  - {id: none, claude: prints no result}
  - {id: killed, claude: is killed}
  - {id: once, claude: is silent once, stalls: ${after('noOutput', 'retry', 3_000)}}
  - {id: shown, timeout: 7s, claude: is silent, stalls: ${after('noOutput', 'none', 3_000)}}
  - {id: ended, claude: is silent, stalls: ${after('noOutput', 'kill', 3_000)}}
  - {id: closed, claude: closes its output, stalls: ${after('outputClosed', 'kill')}}
  - {id: limited, claude: is limited, stalls: ${after('rateLimited', 'kill')}}
  - {id: asks, claude: waits for a permission, stalls: ${after('waitingForPermission', 'kill')}}
  - {id: tongues, claude: speaks in tongues}
  - {id: garbles, claude: sends telemetry that cannot be read}
  - {id: fails, claude: fails after a good result}
  - {id: shell, run: 'echo one; sleep 60', stalls: ${after('noOutput', 'kill', 3_000)}}
`,
    [],
    fake,
  );
  ({ result, stderr } = finished);
  journal = await rig.journal(result.runId);
});
afterAll(() => rig.close());

const outcome = (step: string) => journal.events('step.finished', step)[0]?.outcome;

describe('Claude Code that', () => {
  test('does not exit after a good result has succeeded, and is ended; so has one that then fails at its exit', () => {
    expect(outcome('stays')).toEqual({ kind: 'success' });
    expect(outcome('fails')).toEqual({ kind: 'success' });
    expect(journal.events('stall.detected', 'stays')).toMatchObject([
      { cause: 'no_exit_after_result', action: 'kill' },
    ]);
    expect(journal.events('process.signalled', 'stays').map(({ signal }) => signal)).toEqual(['SIGINT', 'SIGTERM']);
    expect(result.steps.find(({ id }) => id === 'stays')?.costUsd).toBe(0.25);
  });

  test('ends without its result line is an error that says so, with its last words', () => {
    expect(outcome('none')).toMatchObject({ kind: 'error', reason: 'no_result', exitCode: 1 });
    expect(outcome('none')).toMatchObject({
      message: expect.stringMatching(/without a result line.*something broke.*at the end/),
    });
    expect(outcome('killed')).toMatchObject({ kind: 'error', reason: 'signal', signal: 'SIGKILL' });
    // Its cost was not reported, so it is estimated.
    expect(journal.events('claude.cost', 'none')).toMatchObject([{ estimated: true }]);
  });

  test.each([
    ['ended', 'no_output', 'no output'],
    ['closed', 'output_closed', 'its output is closed but it does not end'],
    ['limited', 'rate_limited', 'rate limited'],
    ['asks', 'waiting_for_permission', 'waiting for a permission that nobody can give'],
    ['shell', 'no_output', 'no output'],
  ] as const)('stalls is found by its cause and ended if a rule asks for it: %s', (step, cause, words) => {
    expect(journal.events('stall.detected', step)).toMatchObject([{ cause, action: 'kill' }]);
    expect(outcome(step)).toMatchObject({ kind: 'error', reason: 'stalled', message: expect.stringContaining(words) });
    expect(stderr).toContain(`${step} | stalled (${words})`);
  });

  test('stalls is tried again if a rule asks for it, and only shown otherwise', () => {
    expect(outcome('once')).toEqual({ kind: 'success' });
    expect(journal.events('attempt.started', 'once')).toHaveLength(2);
    expect(journal.events('attempt.finished', 'once')[0]?.outcome).toMatchObject({ kind: 'error', reason: 'stalled' });
    expect(stderr).toMatch(/once \S attempt 2\b.* in 2\.0 s/);
    expect(outcome('shown')).toMatchObject({ kind: 'timeout' });
    expect(journal.events('stall.detected', 'shown')).toMatchObject([{ action: 'none' }]);
  });

  test('says what nobody knows loses none of it', () => {
    expect(outcome('tongues')).toEqual({ kind: 'success' });
    const raw = journal.text('debug', 'tongues');
    for (const line of [
      'not JSON at all',
      '{"type":"from_the_future","x":1}',
      '[1,2]',
      '"text"',
      '{"type":"assistant"}',
      '{broken',
    ])
      expect(raw).toContain(`${line}\n`);
    expect(journal.events('claude.unknown', 'tongues').map(({ messageType }) => messageType)).toContain(
      'from_the_future',
    );
    expect(journal.text('stdout', 'tongues')).toContain('hello');
  });

  test('sends no spans of its own gets derived ones, and the summary says so', () => {
    expect(journal.events('claude.nesting', 'tongues')).toMatchObject([
      { ownSpans: 0, derivedSpans: expect.any(Number) },
    ]);
    const derived = journal.events('claude.telemetry', 'tongues');
    expect(derived).toMatchObject([{ signal: 'traces', derived: true }]);
    expect(derived[0]?.items).toBe(journal.events('claude.nesting', 'tongues')[0]?.derivedSpans);
    expect(stderr.slice(stderr.lastIndexOf('STEP'))).toMatch(/spans/);
  });

  test('sends telemetry that cannot be read has that said at its step', () => {
    expect(outcome('garbles')).toEqual({ kind: 'success' });
    expect(stderr).toContain(
      'garbles | 1 request with telemetry of Claude Code was refused, the last because the body is not valid JSON',
    );
  });

  test('leaves nothing running, and the run says what went wrong first', () => {
    expect(rig.processes()).toEqual([]);
    expect(Object.values(outcomesOf(result)).filter((each) => each === 'success')).toHaveLength(5);
    expect(result).toMatchObject({
      outcome: 'failure',
      message: expect.stringMatching(/^step `none`: .*\(and 7 more\)$/),
    });
  });
});

test('a budget that is crossed by the result line of a step leaves that step its success', async () => {
  const { code, result: last } = await rig.runYaml(
    'name: last\nbudget: 0.2\nsteps: [{id: one, claude: stays after its result}, {id: two, needs: one, run: "true"}]',
    [],
    fake,
  );
  expect([code, last.reason, last.costUsd]).toEqual([5, 'budget', 0.25]);
  expect(outcomesOf(last)).toEqual({ one: 'success', two: 'skip' });
});

test('Claude Code that says the totals of a resumed session only is counted once', async () => {
  const { result: chained } = await rig.runYaml(
    `
name: chain
steps:
  - {id: first, claude: adds to its session}
  - {id: second, needs: first, claude: {resume: first, prompt: adds to its session}}
`,
    [],
    fake,
  );
  expect(chained.steps.map(({ costUsd }) => costUsd)).toEqual([0.25, 0.25]);
  expect(chained.costUsd).toBe(0.5);
});
