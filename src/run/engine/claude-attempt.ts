// One attempt of a Claude Code step: the CLI under supervision, its stream-json read into events and readable lines, its own
// telemetry taken in, its cost counted, and its result line judged. Called by execute.ts; puts run/claude and run/process
// together.
import { randomUUID } from 'node:crypto';
import type { ClaudeEvent } from '../../core/claude-event.ts';
import { formatSetDuration } from '../../core/duration.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Outcome } from '../../core/outcome.ts';
import { oneLine } from '../../runs/index.ts';
import { countLineEnds } from '../../text/line-ends.ts';
import { backgroundGraceMs } from '../../workflow/defaults.ts';
import type { ClaudeStep } from '../../workflow/workflow.ts';
import {
  addCosts,
  type ClaudeProgram,
  type ClaudeResult,
  type ClaudeStallCause,
  claudeArguments,
  claudeEnvironment,
  createCostMeter,
  createPartialMessageFilter,
  createRateLimitReader,
  createSpanDeriver,
  createStallTracker,
  createStreamJsonReader,
  describeRefusals,
  type Intake,
  isSessionMissing,
  judgeClaude,
  noCost,
  overruleSettings,
  type PriceTable,
  rateLimitWaitIn,
  refusedAccount,
  type StreamJsonReader,
  type TelemetrySettings,
} from '../claude/index.ts';
import type { LineBatch } from '../process/index.ts';
import type { Redactor } from '../redact/index.ts';
import type { Attempt, AttemptPorts, AttemptResult, SessionRef } from './attempt.ts';
import { countTokens } from './budget.ts';
import { type ClaudeInputs, promptedEvent } from './claude-inputs.ts';
import { type ClaudeQuestions, createClaudeQuestions } from './claude-questions.ts';
import { type ClaudeTurns, createClaudeTurns } from './claude-turns.ts';
import { causeOfSignal } from './exit-hint.ts';
import { createExpectationCheck, sumOfLines } from './expectations.ts';
import { hashInputFiles } from './input-files.ts';
import { type NestedClaude, openNestedClaude } from './nested-claude.ts';
import { outputOfText } from './output-capture.ts';
import { takeNamedOutputs } from './output-file.ts';
import { createOutputSink, type OutputSink } from './output-sink.ts';
import { type AttemptOptions, finishAttempt, reportCut } from './shell-attempt.ts';
import { attemptFacts, exitOutcome, type Supervised, type Supervision, supervise } from './supervise.ts';

export type ClaudePorts = AttemptPorts & {
  /** The CLI, as found before the run began. */
  readonly claude: ClaudeProgram;
  readonly intake: Intake;
  readonly prices: PriceTable;
  /** See `AttemptPlan`. */
  readonly timeLeftMs: number | undefined;
};

/** Of stderr, for the message of a failure: the judge shows the last few lines, which are bounded far below. */
const stderrTailBytes = 16 * 1024;

export type ClaudeAttemptOptions = AttemptOptions<ClaudeStep, ClaudePorts> & { readonly inputs: ClaudeInputs };

export function startClaudeAttempt(options: ClaudeAttemptOptions): Attempt {
  const { step, setting, inputs, identity, run, ports } = options;
  const { append, log } = ports;
  const { subject } = setting;
  const parts = openParts(options);
  const { sink, telemetry, expectations, tracker, partial, stderr, meter } = parts;

  // Its own Bash tool can start Claude Code again, which is not part of this one's output.
  const mode = step.claudeTelemetry === 'env' ? 'path' : step.claudeTelemetry;
  const nested = openNestedClaude({ mode, isInsideClaude: true, setting, identity, ports, onUse: () => reportUse() });
  const reportUse = (unknown?: string): void => {
    const { costUsd, models, estimated } = addCosts(meter.soFar(), nested.soFar());
    run.use(step, subject.attempt, { usd: costUsd, tokens: countTokens(models), estimated, unknown });
  };
  const waits = createWaits(options, parts, () => supervision);
  const reader = createReader(options, parts, {
    reportUse,
    supervision: () => supervision,
    waits,
    asking: () => asking,
  });
  const { command, settings } = commandOf(options, parts);
  const asking = openConversation(options, parts, { prompt: command.stdin, waits, supervision: () => supervision });
  const supervision = supervise({
    file: ports.claude.path,
    args: command.args,
    cwd: setting.cwd,
    env: claudeEnvironment({ base: nested.env, intake: telemetry, traceparent: setting.traceparent }),
    stdin: asking?.turns.input ?? command.stdin,
    marker: setting.marker,
    command: command.shown,
    subject,
    append,
    log,
    timeoutMs: step.timeoutMs,
    timeLeftMs: ports.timeLeftMs,
    stalls: step.stalls,
    prepare: expectations.prepare,
    hasResult: () => tracker.isDone() && asking?.turns.isInterrupted() !== true,
    onStarted(process) {
      ports.onStarted(process);
      append.event(promptedEvent(inputs, ports.redactor), subject);
    },
    onTree: nested.watch,
    inputFiles: hashInputFiles(step),
    activity: () => tracker.activity(performance.now()),
    onOutput(stream, batch) {
      if (stream === 'stdout') {
        // The raw line comes first, so that a readable line is recorded just below the line that it was made from.
        writeRaw(sink, partial.push(batch.bytes));
        reader.push(batch.bytes);
      } else {
        sink.write('stderr', batch);
        stderr.push(batch.bytes);
      }
    },
  });
  const done = supervision.done.then((supervised) => {
    asking?.close();
    return finishClaudeAttempt({ options, parts, nested, reader, settings, reportUse }, supervised);
  });
  const controls = expectations.controlsOf(supervision);
  const stop: Attempt['stop'] = (outcome, why) => {
    asking?.close();
    controls.stop(outcome, why);
  };
  return { ...controls, done, stop, turns: asking?.turns };
}

/** The command line, and the settings file that it names. */
function commandOf({ setting, inputs, run, ports }: ClaudeAttemptOptions, { telemetry }: Parts) {
  const { version } = ports.claude;
  const settings = overruleSettings({ setting, args: inputs.step.extraArgs, telemetry, version });
  const command = claudeArguments(
    { ...inputs.step, extraArgs: settings.args },
    {
      settingsPath: settings.path,
      prompt: inputs.prompt,
      resumeSessionId: inputs.resumeSessionId,
      sessionId: randomUUID(),
      mcpConfigPath: inputs.mcpConfigPath,
      textFiles: inputs.textFiles,
      remainingUsd: run.budget.remainingUsd(),
      version,
    },
  );
  return { command, settings };
}

/** What Claude Code asks, and what people send to it. */
type Conversing = {
  readonly turns: ClaudeTurns;
  readonly message: ClaudeQuestions['message'];
  readonly close: () => void;
};

type Opening = { readonly prompt: string; readonly waits: Waits; readonly supervision: () => Supervision };

/** @returns undefined for a step that asks nobody */
function openConversation(
  { step, setting, run, ports }: ClaudeAttemptOptions,
  { tracker }: Parts,
  { prompt, waits, supervision }: Opening,
): Conversing | undefined {
  const { ask } = step;
  if (ask.kind === 'never') return undefined;
  const { subject } = setting;
  const stop = (outcome: Outcome, why: string): void => supervision().stop(outcome, why);
  // A question can be open when the run is paused, and the other way round.
  let holds = 0;
  const hold = (isHeld: boolean): void => {
    holds += isHeld ? 1 : -1;
    supervision().waitForPerson(holds > 0);
  };
  const turns = createClaudeTurns({
    ...{ prompt, subject, append: ports.append, isDone: tracker.isDone, onHeld: hold },
    askHowToContinue: (accept) => questions.askHowToContinue(accept),
    onContinued() {
      tracker.continued(performance.now());
      waits.update();
    },
    end(by, reason) {
      const why = reason.trim() === '' ? '' : `: ${oneLine(reason)}`;
      const message = `interrupted, and ended by ${by}${why}`;
      stop({ kind: 'failure', reason: 'interrupted', message }, 'a person ended the step');
    },
  });
  const questions = createClaudeQuestions({
    ...{ ask, subject, questions: run.questions, send: turns.send, stop },
    onWaiting(isWaiting) {
      hold(isWaiting);
      if (isWaiting) return;
      tracker.answered(performance.now());
      waits.update();
    },
  });
  return {
    turns,
    message(original, shown) {
      questions.message(original, shown);
      turns.message(original);
    },
    close() {
      questions.close();
      turns.close();
    },
  };
}

/** What reads and counts the output of one attempt. */
type Parts = ReturnType<typeof openParts>;

function openParts({ step, setting, inputs, identity, ports }: ClaudeAttemptOptions) {
  const { append, redactor } = ports;
  const { subject, spanId } = setting;
  const { runId, traceId } = identity;
  const target = { runId, subject, traceId, spanId };
  const { sessionCostUsd } = inputs;
  const resumed = sessionCostUsd === undefined ? {} : { resumed: { totalCostUsd: sessionCostUsd } };
  return {
    sink: createOutputSink({ append, subject, redactStream: redactor.stream }),
    telemetry: ports.intake.open(target),
    expectations: createExpectationCheck(step, setting, ports),
    /** Tool calls that were denied, each once, for `expect`. */
    denials: new Map<string, string>(),
    meter: createCostMeter({ prices: ports.prices, ...resumed }),
    tracker: createStallTracker(performance.now()),
    partial: createPartialMessageFilter(),
    deriver: createSpanDeriver(target),
    limits: createRateLimitReader(),
    stderr: createStderrTail(redactor),
  };
}

/** The message of a failure shows the last lines: without the beginning of a key the redactor would not recognise it there. */
function createStderrTail({ stream }: Redactor) {
  const redaction = stream();
  let tail: Buffer = Buffer.alloc(0);
  const add = (bytes: Buffer): void => {
    tail = Buffer.concat([tail, bytes.subarray(-stderrTailBytes)]).subarray(-stderrTailBytes);
  };
  return {
    push: (bytes: Buffer): void => add(redaction.push(bytes).bytes),
    end: (): void => add(redaction.end().bytes),
    text: (): string => tail.toString('utf8'),
  };
}

type Reporting = {
  readonly reportUse: (unknown?: string) => void;
  /** Of the attempt; it starts after the reader. */
  readonly supervision: () => Supervision;
  readonly waits: Waits;
  readonly asking: () => Conversing | undefined;
};

/** Reads the messages of Claude Code: into events and readable lines, and for what ends or holds the attempt. */
function createReader(options: ClaudeAttemptOptions, parts: Parts, reporting: Reporting): StreamJsonReader {
  const { step, setting, ports } = options;
  const { append, redactor } = ports;
  const { subject } = setting;
  const { sink, tracker, limits } = parts;
  const { reportUse, supervision, waits, asking } = reporting;
  let original: JsonObject = {};
  const reader = createStreamJsonReader({
    meter: parts.meter,
    version: ports.claude.version,
    isInterrupted: () => asking()?.turns.isEnding() === true,
    emit(event: ClaudeEvent) {
      append.event(event, subject);
      if (event.type === 'claude.permission_denied')
        parts.denials.set(event.toolUseId, `${event.tool} ${oneLine(event.input)}`);
      if (event.type === 'claude.usage' || event.type === 'claude.result') reportUse();
      if (event.type === 'claude.session') requireServers(reader.missingServers(step.requireMcp), supervision());
      const refused = refusedAccount(event);
      if (refused !== undefined) supervision().stop(refused, 'the API refuses the account');
    },
    show: (text, severity) => sink.write('stdout', batchOf(text), severity),
    hide(message) {
      const { value, hidden } = redactor.value(message);
      if (hidden !== undefined) append.event({ type: 'secret.redacted', kinds: hidden }, subject);
      return value;
    },
    observe(message) {
      original = message;
      parts.deriver.message(message, nowNs());
    },
    // Outcomes name what is running, cut to a line: half a secret would not be recognised there.
    observeShown(message) {
      tracker.message(message, performance.now());
      limits.message(message);
      const waitMs = rateLimitWaitIn(message);
      if (waitMs !== undefined) supervision().holdTimeout(waitMs);
      asking()?.message(original, message);
      waits.update();
      // Work in the background continues the conversation by itself when it ends.
      if (tracker.isDone() && tracker.background() === undefined) asking()?.turns.finish();
    },
  });
  return reader;
}

/** Without its servers the step would spend money on work that it cannot do. */
function requireServers(missing: ReturnType<StreamJsonReader['missingServers']>, supervision: Supervision): void {
  if (missing.length === 0) return;
  const names = missing.map(({ name, status }) => `${name} (${status})`).join(', ');
  const message = `${missing.length === 1 ? 'a required MCP server is' : 'required MCP servers are'} not connected: ${names}; check mcpConfig, or run \`claude mcp list\` in the working folder`;
  supervision.stop({ kind: 'failure', reason: 'mcp_unavailable', message }, 'a required MCP server is not connected');
}

type Waits = ReturnType<typeof createWaits>;

/** Limits what the session waits for, as its messages show it: by stall rules, and its background work after a result. */
function createWaits(
  { step, setting, ports }: ClaudeAttemptOptions,
  { tracker }: Parts,
  supervision: () => Supervision,
) {
  // The supervision starts with `no_output`; only messages change what Claude Code waits for.
  let waitingFor: ClaudeStallCause = 'no_output';
  /** Takes back the limit on work that continues in the background of a session that has given its result. */
  let stopWaitingForBackground: (() => void) | undefined;

  function watchFor(cause: ClaudeStallCause): void {
    if (cause === waitingFor) return;
    const { stallWatch } = supervision();
    stallWatch.clear(waitingFor);
    stallWatch.start(cause, step.stalls[cause].afterMs);
    waitingFor = cause;
  }

  function limitBackground(): void {
    const work = tracker.background();
    if (work === undefined) {
      stopWaitingForBackground?.();
      stopWaitingForBackground = undefined;
      return;
    }
    const limitMs = step.waitForBackgroundMs ?? (work.kind === 'commands' ? backgroundGraceMs : undefined);
    if (limitMs === undefined || stopWaitingForBackground !== undefined) return;
    const what = work.descriptions.join('; ');
    const limit = formatSetDuration(limitMs);
    const why = `Claude Code gave its result ${limit} ago and still has work in the background: ${what}`;
    stopWaitingForBackground = supervision().endAfter(limitMs, { kind: 'success' }, why);
    ports.log('info', `waiting ${limit} for work in the background: ${what}`, setting.subject);
  }

  return {
    update() {
      watchFor(tracker.waiting().cause);
      limitBackground();
    },
  };
}

/** An attempt whose process has ended: what the functions below share. */
type EndedAttempt = {
  readonly options: ClaudeAttemptOptions;
  readonly parts: Parts;
  readonly nested: NestedClaude;
  readonly reader: StreamJsonReader;
  readonly settings: TelemetrySettings;
  readonly reportUse: Reporting['reportUse'];
};

async function finishClaudeAttempt(attempt: EndedAttempt, supervised: Supervised): Promise<AttemptResult> {
  const { options, parts, nested, reader, settings } = attempt;
  const { setting, inputs, ports } = options;
  const { append, log, redactor } = ports;
  const { subject } = setting;
  const { sink, partial, telemetry, stderr, expectations } = parts;
  writeRaw(sink, partial.end());
  reader.end();
  await telemetry.settled();
  telemetry.close();
  checkNesting(attempt);
  const cost = addCosts(parts.meter.finish(), (await nested.finish()) ?? noCost);
  append.event({ type: 'claude.cost', ...cost }, subject);
  attempt.reportUse(cost.unknown);
  stderr.end();
  const ownOutcome = outcomeOf(attempt, supervised);
  sink.end();
  inputs.cleanUp();
  settings.remove();
  const bounded = outputOfText(redactor.text(resultText(reader.result())).text, setting.readOutputWith);
  reportCut(bounded, setting, log);
  const denials = [...parts.denials.values()];
  const outcome = await expectations.check(ownOutcome, { output: bounded.output, denials });
  const outputs = takeNamedOutputs(setting.outputFile, setting.subject, ports);
  // A limit explains a failure of Claude Code's own, and nothing that stepspan has ended.
  const isOwnFailure = outcome.kind === 'failure' && outcome.reason === 'claude_error';
  const limit = isOwnFailure ? parts.limits.limitOf(reader.result()) : undefined;
  finishAttempt(ports, setting, outcome, {
    ...attemptFacts(supervised),
    lines: sumOfLines(sink.lines(), expectations.lines()),
    findings: reader.findings(),
    partialMessages: partial.count(),
    limit,
  });
  const { ending } = supervised;
  const isSuccess = outcome.kind === 'success';
  return {
    outcome,
    ...bounded.output,
    outputs,
    costUsd: cost.costUsd,
    costUnknown: cost.unknown !== undefined,
    session: sessionLeft(reader, inputs),
    limit,
    ranMs: supervised.durationMs - supervised.pausedMs,
    isSessionLost: inputs.isContinued && !isSuccess && isSessionMissing(reader.result(), stderr.text()),
    retryAsked: !isSuccess && ending.kind === 'stopped' && ending.stall?.retryAsked === true,
  };
}

/** Records whether Claude's own spans hang below ours, and replaces those that did not come. */
function checkNesting({ options, parts, settings }: EndedAttempt): void {
  const { append, log } = options.ports;
  const { subject } = options.setting;
  const { telemetry, deriver } = parts;
  const found = telemetry.nesting();
  const { request, spans } = deriver.derive(found, nowNs());
  if (spans > 0) {
    append.event({ type: 'claude.telemetry', signal: 'traces', derived: true, items: spans, request }, subject);
    const cause = settings.elsewhere === undefined ? '' : ` (${settings.elsewhere})`;
    const why =
      found.ownSpans === 0 ? `Claude Code sent no spans of its own${cause}` : 'some spans of Claude Code never came';
    log('warning', `${why}; ${spans} derived from its output take their place`, subject);
  }
  append.event({ type: 'claude.nesting', ownSpans: found.ownSpans, derivedSpans: spans }, subject);
  const refused = telemetry.refusals();
  if (refused !== undefined) log('warning', describeRefusals(refused), subject);
}

function outcomeOf({ options, parts, reader }: EndedAttempt, { ending }: Supervised): Outcome {
  if (ending.kind === 'not_started') return exitOutcome(ending);
  const { step } = options;
  const { exitCode = null, signal = null } = ending.exit;
  const oomKills = ending.kind === 'exited' ? ending.oomKills : undefined;
  const judged = judgeClaude({
    result: reader.result(),
    exitCode,
    signal,
    causeOfSignal: signal === null ? undefined : causeOfSignal(signal, oomKills?.before, oomKills?.after),
    stderrTail: parts.stderr.text().trimEnd().split('\n'),
    endedByUs: ending.kind === 'stopped',
    wantsStructuredOutput: step.jsonSchema !== undefined,
    onDenied: step.onDenied,
    findings: reader.findings(),
  });
  if (ending.kind === 'exited') return judged;
  // One that was ended because it did not exit after its result has done its work: the result line says how. One that was ended
  // for another stall writes a result line when it is asked to end, which says only that it was.
  if (ending.stall?.cause === 'no_exit_after_result' && reader.result() !== undefined) return judged;
  // Work that continued after a successful result was not the step's: no limit on it makes a failure of the step.
  const wasCancelled = ending.outcome.kind === 'cancellation';
  if (ending.hadResult && !wasCancelled && (judged.kind === 'success' || ending.outcome.kind === 'success'))
    return judged;
  // The last of the money was spent on work that was done: a run that continues from this one does not have to pay it again.
  const isOverBudget = ending.outcome.kind === 'error' && ending.outcome.reason === 'budget';
  return isOverBudget && judged.kind === 'success' ? judged : ending.outcome;
}

function sessionLeft(reader: StreamJsonReader, inputs: ClaudeInputs): SessionRef | undefined {
  const session = reader.session();
  if (session === undefined) return undefined;
  // A new session without a result has nothing in its total yet.
  const before = inputs.resumeSessionId === undefined ? 0 : inputs.sessionCostUsd;
  return { ...session, totalCostUsd: reader.result()?.totalCostUsd ?? before };
}

function resultText(result: ClaudeResult | undefined): string {
  if (result === undefined) return '';
  return result.structuredOutput === undefined ? result.text : JSON.stringify(result.structuredOutput);
}

/** Records raw lines. Partial messages are not among them: they are a sign of life, and repeat what the whole message says. */
function writeRaw(sink: OutputSink, bytes: Buffer): void {
  if (bytes.length === 0) return;
  const unterminated = bytes.at(-1) !== 0x0a;
  const lineCount = countLineEnds(bytes) + (unterminated ? 1 : 0);
  sink.write('debug', { bytes, lineCount, continues: false, unterminated });
}

function batchOf(text: string): LineBatch {
  const bytes = Buffer.from(`${text}\n`);
  return { bytes, lineCount: countLineEnds(bytes), continues: false, unterminated: false };
}

function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
