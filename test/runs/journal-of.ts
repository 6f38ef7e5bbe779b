// Hand-made journals for tests of readers: records with right numbers and times, and arbitrary ones for properties.
import fc from 'fast-check';
import type { ModelUsage } from '../../src/core/claude-event.ts';
import type { Event, EventOf } from '../../src/core/event.ts';
import type { RunId } from '../../src/core/ids.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { JournalRecord, OutputRecord, Subject } from '../../src/core/record.ts';
import type { Catalogue, RunView } from '../../src/runs/index.ts';
import { type Severity, type Stream, streams } from '../../src/text/stream.ts';

/** What a catalogue shows of a run now. */
export async function viewOfRun(catalogue: Catalogue, runId: RunId): Promise<RunView> {
  const evaluation = await catalogue.evaluationOf(runId);
  if (evaluation === undefined) throw new Error(`run ${runId} has no journal`);
  return catalogue.viewOf(evaluation);
}

export const startNs = 1_790_000_000_000_000_000n;
const gapNs = 1_000_000_000n;

export type HandMade = {
  readonly records: JournalRecord[];
  readonly event: (event: Event, step?: string, attempt?: number) => HandMade;
  /** `text` as the child prints it; a last line without LF is unterminated. */
  readonly output: (text: string | Buffer, step?: string, options?: OutputOptions) => HandMade;
};

type OutputOptions = { stream?: Stream; attempt?: number; severity?: Severity; continues?: boolean };

/** One second passes from record to record. */
export function journalOf(): HandMade {
  const records: JournalRecord[] = [];
  let seq = 0;
  let timeNs = startNs;
  const base = (subject: Subject | undefined, count: number) => {
    const place = { seq, timeNs, subject };
    seq += count;
    timeNs += gapNs;
    return place;
  };
  const self: HandMade = {
    records,
    event(event, step, attempt = 1) {
      records.push({ kind: 'event', ...base(step === undefined ? undefined : { step, attempt }, 1), event });
      return self;
    },
    output(text, step, { stream = 'stdout', attempt = 1, severity, continues = false } = {}) {
      const bytes = Buffer.from(text);
      const unterminated = bytes.at(-1) !== 0x0a;
      const lineCount = bytes.filter((byte) => byte === 0x0a).length + (unterminated ? 1 : 0);
      const place = base(step === undefined ? undefined : { step, attempt }, lineCount);
      const record: OutputRecord = {
        kind: 'output',
        ...place,
        stream,
        severity,
        lineCount,
        bytes,
        continues,
        unterminated,
      };
      records.push(record);
      return self;
    },
  };
  return self;
}

export function runStarted(
  steps: readonly string[],
  fields: Partial<EventOf<'run.started'>> = {},
): EventOf<'run.started'> {
  return {
    type: 'run.started',
    runId: '20261123-151402-abc123',
    traceId: '0123456789abcdef0123456789abcdef',
    workflow: 'nightly',
    description: '',
    file: 'nightly.yaml',
    definition: {},
    params: {},
    steps: steps.map((id) => ({ id, name: id, kind: 'run', needs: [] })),
    cwd: '/',
    concurrency: 2,
    budgetUsd: undefined,
    budgetTokens: undefined,
    writer: { pid: 1, startTime: '1', host: 'here' },
    stepspanVersion: '0.1.0',
    resumedFrom: undefined,
    ...fields,
  };
}

export const attemptStarted: Event = {
  type: 'attempt.started',
  command: 'make',
  cwd: '/',
  pid: 42,
  pidStartTime: '7',
};

export function asked(questionId = 'q-1'): Event {
  return {
    ...{ type: 'claude.asked', questionId, kind: 'permission', tool: 'Bash', toolUseId: 't' },
    ...{ input: '{"command":"npm test"}', isCut: false, suggestions: ['Bash(npm test:*)'] },
    ...{ untilNs: '1800000000000000000', onTimeout: 'deny' },
  };
}

export const answered: EventOf<'claude.answered'> = {
  ...{ type: 'claude.answered', questionId: 'q-1', toolUseId: 't', answer: 'allowed' },
  ...{ by: 'anna', from: 'cli', waitedMs: 60 * 60_000, text: '' },
};

export const success: Outcome = { kind: 'success' };
export const exit1: Outcome = { kind: 'failure', reason: 'exit_code', message: 'exit code 1', exitCode: 1 };

export function attemptFinished(outcome: Outcome = success, durationMs = 1000): Event {
  return {
    type: 'attempt.finished',
    outcome,
    durationMs,
    pausedMs: 0,
    cpuSeconds: 1,
    maxRssBytes: 1024,
    lines: {},
  };
}

export function stepFinished(outcome: Outcome = success, durationMs = 1000, attempts = 1): Event {
  return {
    type: 'step.finished',
    outcome,
    attempts,
    durationMs,
    costUsd: 0,
    output: '',
    outputCut: false,
    tolerated: false,
  };
}

export function runFinished(outcome: Outcome = success, durationMs = 5000): Event {
  return { type: 'run.finished', outcome, durationMs, pausedMs: 0, costUsd: 0 };
}

export function modelUse(model: string, inputTokens: number, costUsd: number): ModelUsage {
  return { model, inputTokens, outputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0, costUsd };
}

const outcome = fc.constantFrom<Outcome>(
  success,
  exit1,
  { kind: 'cancellation', message: 'SIGINT' },
  {
    kind: 'skip',
    reason: 'need',
    message: 'a need failed',
  },
);
const count = fc.integer({ min: 0, max: 1000 });
// Names that are members of Object.prototype too, which a careless count would trip over.
const name = fc.constantFrom('build', 'build', 'build', 'test', 'test', '__proto__', 'constructor');
const use = fc.record({
  model: name,
  inputTokens: count,
  outputTokens: count,
  cacheReadTokens: count,
  cacheCreationTokens: count,
  costUsd: fc.double({ min: 0, max: 10, noNaN: true }),
});

/** Any event, in no sensible order: what a fold must survive. */
export const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  fc.uniqueArray(name, { maxLength: 4 }).map((steps) => runStarted(steps)),
  fc.record({ type: fc.constant('run.paused' as const), by: name, now: fc.boolean() }),
  fc.record({ type: fc.constant('run.resumed' as const), by: name, pausedMs: count }),
  fc.record({ type: fc.constant('run.cancelling' as const), by: name }),
  fc.record({ type: fc.constant('run.suspended' as const), suspendedMs: count }),
  fc.record({
    type: fc.constant('step.expectation_unmet' as const),
    expectation: fc.constantFrom('changed' as const, 'command' as const),
    expected: fc.string(),
    actual: fc.string(),
  }),
  outcome.map((end) => runFinished(end)),
  fc.constant<Event>({ type: 'step.started' }),
  fc.constant(attemptStarted),
  outcome.map((end) => attemptFinished(end)),
  outcome.map((end) => stepFinished(end)),
  fc.record({
    type: fc.constant('step.waiting' as const),
    reason: fc.constant('rate_limit' as const),
    untilNs: fc.bigInt(0n, 2n ** 63n).map(String),
    nextAttempt: count,
    outcome,
  }),
  fc.record({ type: fc.constant('step.retrying' as const), nextAttempt: count, delayMs: count, outcome }),
  fc.record({
    type: fc.constant('resource.sampled' as const),
    cpuSeconds: count,
    cpuCores: count,
    rssBytes: count,
    processes: count,
  }),
  fc.record({
    type: fc.constant('stall.detected' as const),
    cause: fc.constantFrom('no_output' as const, 'rate_limited' as const),
    durationMs: count,
    action: fc.constant('none' as const),
  }),
  fc.record({
    type: fc.constant('stall.cleared' as const),
    cause: fc.constant('no_output' as const),
    durationMs: count,
  }),
  fc.record({ type: fc.constant('secret.redacted' as const), kinds: fc.dictionary(name, count) }),
  fc.record({
    type: fc.constant('journal.lost' as const),
    reason: fc.constantFrom('disk' as const, 'retention' as const),
    lines: count,
    events: count,
    bytes: count,
    reader: fc.constant(undefined),
  }),
  fc.record({ type: fc.constant('claude.usage' as const), messageId: name, usage: use }),
  fc.record({
    type: fc.constant('claude.cost' as const),
    costUsd: fc.double({ min: 0, max: 10, noNaN: true }),
    estimated: fc.boolean(),
    models: fc.array(use, { maxLength: 2 }),
  }),
  fc.record({
    type: fc.constant('claude.tool_called' as const),
    toolUseId: name,
    tool: name,
    input: fc.string(),
    parentToolUseId: fc.constant(undefined),
  }),
  fc.record({
    type: fc.constant('claude.tool_returned' as const),
    toolUseId: name,
    isError: fc.boolean(),
    text: fc.string(),
    bytes: count,
    parentToolUseId: fc.constant(undefined),
  }),
  fc.record({
    type: fc.constant('claude.asked' as const),
    questionId: name,
    kind: fc.constantFrom('permission' as const, 'question' as const, 'plan' as const),
    tool: name,
    toolUseId: name,
    input: fc.string(),
    isCut: fc.boolean(),
    suggestions: fc.array(fc.string(), { maxLength: 2 }),
    untilNs: fc.bigInt(0n, 2n ** 63n).map(String),
    onTimeout: fc.constantFrom('deny' as const, 'fail' as const),
  }),
  fc.record({
    type: fc.constant('claude.answered' as const),
    questionId: name,
    toolUseId: name,
    answer: fc.constantFrom('allowed' as const, 'timed_out' as const),
    by: name,
    from: fc.constant('cli' as const),
    waitedMs: count,
    text: fc.string(),
  }),
);

type Part =
  | { readonly kind: 'event'; readonly event: Event; readonly step: string | undefined; readonly attempt: number }
  | {
      readonly kind: 'output';
      readonly text: string;
      readonly step: string | undefined;
      readonly stream: Stream;
      readonly continues: boolean;
    };

const subjectStep = fc.option(name, { nil: undefined });

const part: fc.Arbitrary<Part> = fc.oneof(
  fc.record({
    kind: fc.constant('event' as const),
    event: anyEvent,
    step: subjectStep,
    attempt: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({
    kind: fc.constant('output' as const),
    text: fc
      .array(fc.string({ unit: fc.constantFrom('a', ' ', '\n', '\u001b', 'é') }), { maxLength: 3 })
      .map((lines) => `${lines.join('\n')}x`),
    step: subjectStep,
    stream: fc.constantFrom(...streams),
    continues: fc.boolean(),
  }),
);

/** Records with right numbers and times, and any content in any order. */
export const anyJournal: fc.Arbitrary<readonly JournalRecord[]> = fc
  .array(part, { maxLength: 60, size: 'max' })
  .map((parts) => {
    const made = journalOf();
    for (const one of parts) {
      if (one.kind === 'event') made.event(one.event, one.step, one.attempt);
      else made.output(one.text, one.step, { stream: one.stream, continues: one.continues });
    }
    return made.records;
  });
