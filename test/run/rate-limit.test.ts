// A usage limit with a known end is waited for and the step continues in its session; one that lasts too long ends the step
// and says when it ends. The real CLI, with a subscription's login, against an API that answers as Anthropic's does.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MessagesRequest, Turn } from '../../demo/messages-api/script.ts';
import { createRateLimitReader, limitInText } from '../../src/run/claude/rate-limit.ts';
import { readResult } from '../../src/run/claude/result.ts';
import { decideOnLimit } from '../../src/run/engine/limit-wait.ts';
import { resultOf } from '../support/cli.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';
import { until } from '../support/until.ts';

const bash = (command: string) => ({ name: 'Bash', input: { command, description: 'x' } });
const usage = { input: 1_000, output: 100 } as const;

/** Unix seconds at which the API's limit ends. */
let limitEnds = 0;
/** Seconds from the first answer that names the limit to its end; undefined if `limitEnds` is set before. */
let limitLasts: number | undefined;
/** For requests with this text: seconds after which the API may be asked again. */
const askAgain = { prompt: 'Ask again', afterSeconds: 3 };
let refused = 0;
let rig: CliRig;
/** A login, as only a subscription has usage limits with a known end. */
const login = { ANTHROPIC_API_KEY: '', CLAUDE_CODE_OAUTH_TOKEN: 'sk-ant-oat01-test' };

function answer(request: MessagesRequest): Turn {
  const said = request.messages.map((message) => JSON.stringify(message));
  const continued = said.findLastIndex((text) => text.includes('You were interrupted'));
  if (said[0]?.includes(askAgain.prompt)) {
    refused += 1;
    if (refused > 1) return { kind: 'reply', text: 'Now.', usage };
    return { kind: 'error', status: 429, message: 'slow down', retryAfterSeconds: askAgain.afterSeconds };
  }
  if (said[0]?.includes('At once')) return limited();
  const isFirst = !said.some((text) => text.includes('tool_result'));
  if (isFirst) return { kind: 'reply', text: 'The first half.', tools: [bash('echo half')], usage };
  if (continued === -1 || Date.now() / 1000 < limitEnds) return limited();
  return { kind: 'reply', text: 'The second half.', usage };
}

function limited(): Turn {
  // From here and not from the start of the test: on a busy machine Claude Code takes seconds to ask.
  if (limitLasts !== undefined) limitEnds = Math.ceil(Date.now() / 1000) + limitLasts;
  limitLasts = undefined;
  return {
    kind: 'error',
    status: 429,
    message: 'This request would exceed the limit of your account.',
    headers: {
      'anthropic-ratelimit-unified-status': 'rejected',
      'anthropic-ratelimit-unified-reset': String(limitEnds),
      'anthropic-ratelimit-unified-representative-claim': 'five_hour',
      'anthropic-ratelimit-unified-overage-status': 'rejected',
    },
  };
}

beforeAll(async () => {
  rig = await startCliRig({ script: answer });
});
afterAll(() => rig.close());
beforeEach(() => {
  limitEnds = Math.floor(Date.now() / 1000) + 3600;
});

const step = (more = ''): string => `
name: limited
steps:
  - id: ask
    claude: {prompt: Do all of it, allowedTools: [Bash]${more}}
`;

describe('a usage limit with a known end', () => {
  test('is waited for without a retry, and the step continues in its session', async () => {
    limitLasts = 5;
    const { code, result } = await rig.runYaml(step(), [], login);
    expect([code, result.outcome]).toEqual([0, 'success']);
    const journal = await rig.journal(result.runId);
    const waits = journal.events('step.waiting', 'ask');
    expect(waits.length).toBeGreaterThan(0);
    expect(BigInt(waits[0]?.untilNs ?? 0)).toBeGreaterThanOrEqual(BigInt(limitEnds) * 1_000_000_000n);
    expect(waits[0]).toMatchObject({ reason: 'rate_limit', nextAttempt: 2 });
    expect(journal.events('step.retrying', 'ask')).toEqual([]);
    expect(journal.text('system', 'ask')).toMatch(
      /waits for the usage limit \(five_hour\) until .*, then continues in the same session/,
    );
    expect(journal.text('system', 'ask')).toContain(
      `usage limit (five_hour) reached; it ends at ${new Date(limitEnds * 1000).toISOString()}`,
    );
    expect(journal.text('system', 'ask')).not.toContain('failure');
    // It did not continue before the end, and what it had done was still there.
    const second = journal.events('attempt.started', 'ask')[1];
    expect(second?.timeNs).toBeGreaterThanOrEqual(BigInt(limitEnds) * 1_000_000_000n);
    const last = JSON.stringify(rig.api?.requests.findLast(({ body }) => body !== undefined)?.body?.messages);
    expect(last).toContain('Do all of it');
    expect(last).toContain('The first half.');
    expect(last).toContain('You were interrupted (usage limit (five_hour), which has ended)');
    const costs = journal.events('claude.cost', 'ask').map(({ costUsd }) => costUsd);
    expect(result.costUsd).toBeCloseTo(
      costs.reduce((sum, cost) => sum + cost, 0),
      8,
    );
  });

  test.each([
    ['that is later than the longest wait', ', onRateLimit: {wait: 1m}', /later than the longest wait of 1m/],
    ['that is not to be waited for', ', onRateLimit: fail', /`onRateLimit` is `fail`/],
  ])('%s ends the step with a reason of its own, without a retry, and says when it ends', async (_, more, why) => {
    const { code, result } = await rig.runYaml(step(more).replace('- id: ask', '- id: ask\n    retries: 3'), [], login);
    expect(code).toBe(3);
    const journal = await rig.journal(result.runId);
    expect(journal.events('attempt.started', 'ask')).toHaveLength(1);
    const [finished] = journal.events('step.finished', 'ask');
    expect(finished?.outcome).toMatchObject({
      kind: 'error',
      reason: 'rate_limited',
      message: expect.stringMatching(why),
    });
    expect(result.steps[0]?.message).toContain(new Date(limitEnds * 1000).toISOString());

    // Once it has ended, the resumed run continues in the session.
    limitEnds = 0;
    const resumed = resultOf(await rig.run(['resume', result.runId, '--json'], login));
    expect(resumed.outcome).toBe('success');
    const last = JSON.stringify(rig.api?.requests.findLast(({ body }) => body !== undefined)?.body?.messages);
    expect(last).toContain('The first half.');
  });

  test('that stops the first request is shown without amounts of 0', async () => {
    const { result } = await rig.runYaml(step(', onRateLimit: fail').replace('Do all of it', 'At once'), [], login);
    const text = (await rig.journal(result.runId)).text('stdout', 'ask');
    expect(text).toMatch(/Ended with an error after .*: 1 turn$/m);
    expect(text).not.toContain('$0');
  });

  test('is shown while it is waited for, and can be paused and cancelled meanwhile', async () => {
    const cli = rig.start(['run', rig.write('cancel.yaml', step()), '--json'], login);
    await cli.said(/waits for the usage limit/);
    const [runId = ''] = rig.runIds();
    const untilIso = new Date((limitEnds + 1) * 1000).toISOString();
    const listed = await rig.run(['ls']);
    expect(listed.stdout).toContain(`waiting until ${untilIso.slice(11, 19)}Z`);
    const shown = JSON.parse((await rig.run(['show', runId, '--json'])).stdout);
    expect(shown.waitingUntil.slice(0, 19)).toBe(untilIso.slice(0, 19));
    expect((await rig.run(['show', runId])).stdout).toContain('rate or usage limit');

    expect((await rig.run(['pause', runId])).code).toBe(0);
    expect((await rig.run(['continue', runId])).code).toBe(0);
    expect((await rig.run(['cancel', runId])).code).toBe(0);
    const { code, ...finished } = await cli.done;
    expect(code).toBe(130);
    expect(resultOf({ code, ...finished }).steps[0]).toMatchObject({ outcome: 'cancellation', attempts: 1 });
    await until(() => rig.processes().length === 0);
  });
});

test('of a short limit Claude Code waits itself, and the timeout of the step is stopped', async () => {
  const { code, result } = await rig.runYaml('name: short\nsteps: [{id: ask, claude: Ask again}]');
  expect([code, result.outcome]).toEqual([0, 'success']);
  const journal = await rig.journal(result.runId);
  expect(journal.events('step.waiting', 'ask')).toEqual([]);
  const [finished] = journal.events('attempt.finished', 'ask');
  expect(finished?.pausedMs).toBeGreaterThanOrEqual(askAgain.afterSeconds * 1000);
});

describe('the end of a limit', () => {
  const now = Date.UTC(2026, 10, 28, 5, 9, 30);

  const at = (month: number, day: number, hour = 0, minute = 0) =>
    Date.UTC(month < 11 ? 2027 : 2026, month - 1, day, hour, minute);

  test.each([
    ['Claude AI usage limit reached|1795842591', 1_795_842_591_000],
    ['Claude AI usage limit reached|1795842591000', 1_795_842_591_000],
    ['API Error: 429 {"error":{"type":"rate_limit_error","resets_at":1795842591}}', 1_795_842_591_000],
    ['usage limit reached, resets at 2026-11-28T09:00:00Z', at(11, 28, 9)],
    ['usage limit reached, resets at 2026-11-28 09:00 UTC', at(11, 28, 9)],
    ['usage limit reached, resets 2026-11-28T09:00:00+01:00', at(11, 28, 8)],
    ["You've hit your limit · resets in 2h 5m", now + 125 * 60_000],
    ['rate limit reached; try again in 45 minutes', now + 45 * 60_000],
    ['weekly limit reached, resets in 1 day and 3 hours', now + 27 * 3_600_000],
    ["You've hit your limit · resets 5:30am (UTC)", at(11, 28, 5, 30)],
    ["You've hit your limit · resets 5:30\u202fAM (UTC)", at(11, 28, 5, 30)],
    ["You've hit your session limit · resets 2pm (America/New_York)", at(11, 28, 19)],
    ["You've hit your session limit · resets 3pm (Europe/Berlin)", at(11, 28, 14)],
    ['Claude usage limit reached. Your limit will reset at 3pm (Europe/Berlin).', at(11, 28, 14)],
    ["You've hit your session limit · resets 15:00 (Asia/Kolkata)", at(11, 28, 9, 30)],
    ['5-hour limit reached ∙ resets 5am (UTC)', at(11, 29, 5)],
    ["You've hit your limit · resets 12am (UTC)", at(11, 29, 0)],
    ["You've hit your weekly limit · resets Dec 3 at 5pm (UTC)", at(12, 3, 17)],
    ["You've hit your weekly limit · resets Dec 3, 5pm (Europe/Berlin)", at(12, 3, 16)],
    ["You've hit your Opus limit · resets Dec 3, 5:30pm (America/Los_Angeles)", at(12, 4, 1, 30)],
    ["You've hit your weekly limit · resets Jan 2, 2027, 5pm (UTC)", at(1, 2, 17)],
    ["You've hit your weekly limit · resets Jan 2, 5pm (UTC)", at(1, 2, 17)],
    ['try again after it resets on December 3 at 15:00 UTC.', at(12, 3, 15)],
    ['usage limit reached · resets Dec 3', at(12, 3)],
    ['Weekly limit reached ∙ resets Mon 9:00 AM (UTC)', at(11, 30, 9)],
    ['Weekly limit reached ∙ resets Monday at 9am (UTC)', at(11, 30, 9)],
    // The 28th is a Saturday, and 5 o'clock is over.
    ['Weekly limit reached ∙ resets Saturday 5am (UTC)', at(12, 5, 5)],
    ['limit reached, resets tomorrow at 9am (UTC)', at(11, 29, 9)],
    // Summer time has begun between now and then.
    ["You've hit your weekly limit · resets Apr 1, 2027, 9am (Europe/Berlin)", at(4, 1, 7)],
  ])('is read from %j', (text, untilMs) => {
    expect(limitInText(text, now)).toMatchObject({ untilMs });
  });

  test.each([
    'API Error: Request rejected (429)',
    'resets 5am (No/Where)',
    'the limit resets soon',
    'resets when your plan renews',
  ])('is not made up from %j', (text) => {
    expect(limitInText(text, now)).toBeUndefined();
  });

  test.each([
    ["You've hit your weekly limit · resets Dec 3, 5pm (UTC)", 'weekly limit'],
    ["You've hit your session limit · resets 2pm (UTC)", 'session limit'],
    ['5-hour limit reached ∙ resets 5am (UTC)', '5-hour limit'],
    ['Claude AI usage limit reached|1795842591', 'usage limit'],
  ])('comes with the name of the limit in %j', (text, what) => {
    expect(limitInText(text, now)?.what).toBe(what);
  });

  test('counts only if the limit ended the work, and is not long past', () => {
    const reader = createRateLimitReader(() => now);
    const event = (status: string, ms: number) =>
      reader.message({
        type: 'rate_limit_event',
        rate_limit_info: { status, resetsAt: ms / 1000, rateLimitType: 'five_hour' },
      });
    const result = (more: object) => readResult({ type: 'result', subtype: 'success', ...more });
    const failed = result({ is_error: true, api_error_status: 429, result: "You've hit your limit" });
    event('rejected', now + 60_000);
    expect(reader.limitOf(failed)).toEqual({ untilMs: now + 60_000, what: 'usage limit (five_hour)' });
    expect(reader.limitOf(result({ is_error: false, result: 'done' }))).toBeUndefined();
    expect(reader.limitOf(result({ is_error: true, api_error_status: 529, result: 'Overloaded' }))).toBeUndefined();
    expect(reader.limitOf(undefined)).toBeUndefined();
    event('rejected', now - 3_600_000);
    expect(reader.limitOf(failed)).toBeUndefined();
    event('rejected', now + 60_000);
    event('allowed', now + 60_000);
    expect(reader.limitOf(failed)).toBeUndefined();
  });

  test('that is reported again and again is retried less and less often, and not beyond the longest wait in all', () => {
    const limit = { untilMs: now - 5000, what: 'usage limit' };
    const ask = (inARow: number, waitedMs = 0) =>
      decideOnLimit({ policy: { kind: 'wait', maxMs: 100_000 }, limit, nowMs: now, waitedMs, inARow });
    const waits = [0, 1, 2, 10].map((inARow) => {
      const decision = ask(inARow);
      return decision.kind === 'wait' ? decision.untilMs - now : undefined;
    });
    expect(waits).toEqual([1000, 2000, 4000, 60_000]);
    expect(ask(0, 99_500)).toMatchObject({ kind: 'fail', outcome: { reason: 'rate_limited' } });
  });
});
