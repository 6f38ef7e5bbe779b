// One attempt of a Claude Code step: the CLI under supervision, its stream-json read into events and readable lines,
// its own telemetry taken in, its cost counted, and its result line judged. Puts run/claude and run/process together.
import { randomUUID } from 'node:crypto';
import type { ClaudeEvent } from '../../core/claude-event.ts';
import { formatSetDuration } from '../../core/duration.ts';
import type { Outcome } from '../../core/outcome.ts';
import { oneLine } from '../../runs/index.ts';
import { countLineEnds } from '../../text/line-ends.ts';
import { backgroundGraceMs } from '../../workflow/defaults.ts';
import type { ClaudeStep } from '../../workflow/workflow.ts';
import {
  addCosts,
  type ClaudeProgram,
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
} from '../claude/index.ts';
import type { LineBatch } from '../process/index.ts';
import type { Attempt, AttemptPorts, AttemptResult, SessionRef } from './attempt.ts';
import { countTokens } from './budget.ts';
import type { ClaudeInputs } from './claude-inputs.ts';
import { createExpectationCheck, sumOfLines } from './expectations.ts';
import { hashInputFiles } from './input-files.ts';
import { openNestedClaude } from './nested-claude.ts';
import { outputOfText } from './output-capture.ts';
import { takeNamedOutputs } from './output-file.ts';
import { createOutputSink } from './output-sink.ts';
import { promptedEvent } from './prompted-event.ts';
import type { RunScope } from './run-workflow.ts';
import { type AttemptSetting, finishAttempt, reportCut } from './shell-attempt.ts';
import type { RunIdentity } from './step-context.ts';
import { attemptFacts, exitOutcome, type Supervised, supervise } from './supervise.ts';

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

export function startClaudeAttempt(
  step: ClaudeStep,
  setting: AttemptSetting,
  inputs: ClaudeInputs,
  identity: RunIdentity,
  run: RunScope,
  ports: ClaudePorts,
): Attempt {
  const { append, log, redactor } = ports;
  const { subject, spanId } = setting;
  const { runId, traceId } = identity;
  const sink = createOutputSink({ append, subject, redactStream: redactor.stream });
  const telemetry = ports.intake.open({ runId, subject, traceId, spanId });
  const expectations = createExpectationCheck(step, setting, ports);
  /** Tool calls that were denied, each once, for `expect`. */
  const denials = new Map<string, string>();
  const { sessionCostUsd } = inputs;
  const resumed = sessionCostUsd === undefined ? {} : { resumed: { totalCostUsd: sessionCostUsd } };
  const meter = createCostMeter({ prices: ports.prices, ...resumed });
  const tracker = createStallTracker(performance.now());
  const partial = createPartialMessageFilter();
  const deriver = createSpanDeriver({ runId, subject, traceId, spanId });
  let stderrTail: Buffer = Buffer.alloc(0);
  /** The message of a failure shows the last lines, of which the redactor would not know a key whose beginning is left out. */
  const tailRedaction = redactor.stream();
  let waitingFor: ClaudeStallCause = 'no_output';
  /** Takes back the limit on work that goes on in the background of a session that has given its result. */
  let stopWaitingForBackground: (() => void) | undefined;

  const limits = createRateLimitReader();
  const reader = createStreamJsonReader({
    meter,
    version: ports.claude.version,
    emit(event: ClaudeEvent) {
      append.event(event, subject);
      if (event.type === 'claude.permission_denied')
        denials.set(event.toolUseId, `${event.tool} ${oneLine(event.input)}`);
      if (event.type === 'claude.usage' || event.type === 'claude.result') reportUse();
      if (event.type === 'claude.session') requireServers();
      const refused = refusedAccount(event);
      if (refused !== undefined) supervision.stop(refused, 'the API refuses the account');
    },
    show: (text, severity) => sink.write('stdout', batchOf(text), severity),
    hide(message) {
      const { value, hidden } = redactor.value(message);
      if (hidden !== undefined) append.event({ type: 'secret.redacted', kinds: hidden }, subject);
      return value;
    },
    observe: (message) => deriver.message(message, nowNs()),
    // What is running is named by outcomes, cut to a line: half a secret would not be known as one.
    observeShown(message) {
      tracker.message(message, performance.now());
      limits.message(message);
      const waitMs = rateLimitWaitIn(message);
      if (waitMs !== undefined) supervision.holdTimeout(waitMs);
      watchFor(tracker.waiting().cause);
      limitBackground();
    },
  });

  /** Without its servers the step would spend money on work that it cannot do. */
  function requireServers(): void {
    const missing = reader.missingServers(step.requireMcp);
    if (missing.length === 0) return;
    const names = missing.map(({ name, status }) => `${name} (${status})`).join(', ');
    const message = `${missing.length === 1 ? 'a required MCP server is' : 'required MCP servers are'} not connected: ${names}; check mcpConfig, or run \`claude mcp list\` in the working folder`;
    supervision.stop({ kind: 'failure', reason: 'mcp_unavailable', message }, 'a required MCP server is not connected');
  }

  /** The supervision starts with `no_output`; what Claude Code waits for changes with its messages alone. */
  function watchFor(cause: ClaudeStallCause): void {
    if (cause === waitingFor) return;
    supervision.stallWatch.clear(waitingFor);
    supervision.stallWatch.start(cause, step.stalls[cause].afterMs);
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
    const why = `Claude Code gave its result ${formatSetDuration(limitMs)} ago and still has work in the background: ${what}`;
    stopWaitingForBackground = supervision.endAfter(limitMs, { kind: 'success' }, why);
    log('info', `waiting ${formatSetDuration(limitMs)} for work in the background: ${what}`, subject);
  }

  function reportUse(unknown?: string): void {
    const { costUsd, models, estimated } = addCosts(meter.soFar(), nested.soFar());
    run.use(step, subject.attempt, { usd: costUsd, tokens: countTokens(models), estimated, unknown });
  }

  // Its own Bash tool can start Claude Code again, which is then no part of this one's output.
  const mode = step.claudeTelemetry === 'env' ? 'path' : step.claudeTelemetry;
  const nested = openNestedClaude({ mode, isInsideClaude: true, setting, identity, ports, onUse: () => reportUse() });
  const settings = overruleSettings({ setting, args: inputs.step.extraArgs, telemetry, version: ports.claude.version });
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
      version: ports.claude.version,
    },
  );
  /** Partial messages are a sign of life, and repeat what the whole message says: they are not recorded. */
  function writeRaw(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const unterminated = bytes.at(-1) !== 0x0a;
    const lineCount = countLineEnds(bytes) + (unterminated ? 1 : 0);
    sink.write('debug', { bytes, lineCount, continues: false, unterminated });
  }

  const supervision = supervise({
    file: ports.claude.path,
    args: command.args,
    cwd: setting.cwd,
    env: claudeEnvironment({ base: nested.env, intake: telemetry, traceparent: setting.traceparent }),
    stdin: command.stdin,
    marker: setting.marker,
    command: command.shown,
    subject,
    append,
    log,
    timeoutMs: step.timeoutMs,
    timeLeftMs: ports.timeLeftMs,
    stalls: step.stalls,
    prepare: expectations.prepare,
    hasResult: tracker.isDone,
    onStarted(process) {
      ports.onStarted(process);
      append.event(promptedEvent(inputs, redactor), subject);
    },
    onTree: nested.watch,
    inputFiles: hashInputFiles(step),
    activity: () => tracker.activity(performance.now()),
    onOutput(stream, batch) {
      if (stream === 'stdout') {
        // The raw line comes first, so that whoever finds a readable line finds what it was made from just above it.
        writeRaw(partial.push(batch.bytes));
        reader.push(batch.bytes);
      } else {
        sink.write('stderr', batch);
        stderrTail = withTail(stderrTail, tailRedaction.push(batch.bytes).bytes);
      }
    },
  });

  async function finish(): Promise<AttemptResult> {
    const supervised = await supervision.done;
    writeRaw(partial.end());
    reader.end();
    await telemetry.settled();
    telemetry.close();
    checkNesting();
    const cost = addCosts(meter.finish(), (await nested.finish()) ?? noCost);
    append.event({ type: 'claude.cost', ...cost }, subject);
    reportUse(cost.unknown);
    stderrTail = withTail(stderrTail, tailRedaction.end().bytes);
    const ownOutcome = outcomeOf(supervised);
    sink.end();
    inputs.cleanUp();
    settings.remove();
    const bounded = outputOfText(redactor.text(resultText()).text, setting.readOutputWith);
    reportCut(bounded, setting, log);
    const outcome = await expectations.check(ownOutcome, { output: bounded.output, denials: [...denials.values()] });
    const outputs = takeNamedOutputs(setting.outputFile, setting.subject, ports);
    const limit = limitOf(outcome);
    const facts = {
      ...attemptFacts(supervised),
      lines: sumOfLines(sink.lines(), expectations.lines()),
      findings: reader.findings(),
      partialMessages: partial.count(),
      limit,
    };
    finishAttempt(ports, setting, outcome, facts);
    const { ending } = supervised;
    return {
      outcome,
      ...bounded.output,
      outputs,
      costUsd: cost.costUsd,
      costUnknown: cost.unknown !== undefined,
      session: sessionLeft(),
      limit,
      ranMs: supervised.durationMs - supervised.pausedMs,
      isSessionLost:
        inputs.isContinued && outcome.kind !== 'success' && isSessionMissing(reader.result(), stderrTail.toString()),
      retryAsked: outcome.kind !== 'success' && ending.kind === 'stopped' && ending.stall?.retryAsked === true,
    };
  }

  /** Says whether Claude's own spans hang below ours, and lets derived ones stand in for those that did not come. */
  function checkNesting(): void {
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

  function outcomeOf({ ending }: Supervised): Outcome {
    if (ending.kind === 'not_started') return exitOutcome(ending);
    const judged = judgeClaude({
      result: reader.result(),
      exitCode: ending.exit.exitCode ?? null,
      signal: ending.exit.signal ?? null,
      stderrTail: stderrTail.toString('utf8').trimEnd().split('\n'),
      endedByUs: ending.kind === 'stopped',
      wantsStructuredOutput: step.jsonSchema !== undefined,
      onDenied: step.onDenied,
      findings: reader.findings(),
    });
    if (ending.kind === 'exited') return judged;
    // One that was ended because it did not exit after its result has done its work: the result line says how. One that was ended
    // for another stall gives a result line when it is asked to end, which says only that it was.
    if (ending.stall?.cause === 'no_exit_after_result' && reader.result() !== undefined) return judged;
    // Whatever ran on after a result that says success was not the work: no limit makes a failure of it.
    const wasCancelled = ending.outcome.kind === 'cancellation';
    if (ending.hadResult && !wasCancelled && (judged.kind === 'success' || ending.outcome.kind === 'success'))
      return judged;
    // The last of the money was spent on work that was done: a run that goes on from this one need not pay it again.
    const overBudget = ending.outcome.kind === 'error' && ending.outcome.reason === 'budget';
    return overBudget && judged.kind === 'success' ? judged : ending.outcome;
  }

  function sessionLeft(): SessionRef | undefined {
    const session = reader.session();
    if (session === undefined) return undefined;
    // A new session of which no result has come has nothing in its total yet.
    const before = inputs.resumeSessionId === undefined ? 0 : inputs.sessionCostUsd;
    return { ...session, totalCostUsd: reader.result()?.totalCostUsd ?? before };
  }

  /** A limit explains a failure of Claude Code's own, and nothing that stepspan has ended. */
  function limitOf(outcome: Outcome) {
    const isOwnWord = outcome.kind === 'failure' && outcome.reason === 'claude_error';
    return isOwnWord ? limits.limitOf(reader.result()) : undefined;
  }

  function resultText(): string {
    const result = reader.result();
    if (result === undefined) return '';
    return result.structuredOutput === undefined ? result.text : JSON.stringify(result.structuredOutput);
  }

  return { done: finish(), ...expectations.controlsOf(supervision) };
}

function batchOf(text: string): LineBatch {
  const bytes = Buffer.from(`${text}\n`);
  let lineCount = 0;
  for (const byte of bytes) if (byte === 0x0a) lineCount += 1;
  return { bytes, lineCount, continues: false, unterminated: false };
}

/** `bytes` is copied. */
function withTail(tail: Buffer, bytes: Buffer): Buffer {
  return Buffer.concat([tail, bytes.subarray(-stderrTailBytes)]).subarray(-stderrTailBytes);
}

function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
