// One attempt of a shell step: its command under supervision, its output to the journal, its exit code as its outcome. Also what
// both kinds of attempt do at their end.
import { countFindings, type Findings, noFindings } from '../../core/finding.ts';
import { messageOf, type Outcome } from '../../core/outcome.ts';
import type { Stream } from '../../core/record.ts';
import { noOutput } from '../../core/step-output.ts';
import { describeFindings, describeOutcomeKind } from '../../runs/describe-findings.ts';
import { commandText, type ShellStep } from '../../workflow/index.ts';
import type { CostSoFar, RateLimit } from '../claude/index.ts';
import type { Attempt, AttemptPorts, AttemptResult } from './attempt.ts';
import { countTokens } from './budget.ts';
import { createExpectationCheck, type ExpectationCheck, sumOfLines } from './expectations.ts';
import { type NestedClaude, type NestedClaudePorts, openNestedClaude } from './nested-claude.ts';
import { type BoundedOutput, outputOfCapture } from './output-capture.ts';
import { type OutputFile, takeNamedOutputs } from './output-file.ts';
import { createOutputSink, type OutputSink } from './output-sink.ts';
import type { RunScope } from './run-workflow.ts';
import { createShellQuestions, type ShellQuestions } from './shell-questions.ts';
import type { RunIdentity, StepSetting } from './step-context.ts';
import { attemptFacts, exitOutcome, type Supervision, supervise } from './supervise.ts';
import type { SystemLog } from './system-log.ts';

/** What an attempt of either kind starts with. */
export type AttemptSetting = StepSetting & { readonly outputFile: OutputFile };

export type ShellPorts = AttemptPorts & Pick<NestedClaudePorts, 'intake' | 'prices'>;

/** An attempt of either kind, with the ports that it needs. */
export type AttemptOptions<KindOfStep, Ports> = {
  readonly step: KindOfStep;
  readonly setting: AttemptSetting;
  readonly identity: RunIdentity;
  readonly run: RunScope;
  readonly ports: Ports;
};

export function startShellAttempt(options: AttemptOptions<ShellStep, ShellPorts>): Attempt {
  const { step, setting, identity, run, ports } = options;
  const { subject } = setting;
  const reportUse = ({ costUsd, models, estimated, unknown }: CostSoFar): void =>
    run.use(step, subject.attempt, { usd: costUsd, tokens: countTokens(models), estimated, unknown });
  const nested = openNestedClaude({
    mode: step.claudeTelemetry,
    isInsideClaude: false,
    setting,
    identity,
    ports,
    onUse: () => reportUse(nested.soFar()),
  });

  const sink = createOutputSink({ append: ports.append, subject, redactStream: ports.redactor.stream });
  const expectations = createExpectationCheck(step, setting, ports);
  const asking = openQuestions(options, sink.activity, () => supervision);
  const supervision = superviseCommand(options, { nested, sink, expectations, asking });

  async function finish(): Promise<AttemptResult> {
    const supervised = await supervision.done;
    asking?.close();
    sink.end();
    const cost = await nested.finish();
    if (cost !== undefined) {
      ports.append.event({ type: 'claude.cost', ...cost }, subject);
      reportUse(cost);
    }
    const { ending } = supervised;
    const ownOutcome = exitOutcome(ending);
    const bounded = outputOfCapture(sink.captured(), setting.readOutputWith);
    reportCut(bounded, setting, ports.log);
    const outcome = await expectations.check(ownOutcome, { output: bounded.output, denials: [] });
    const outputs = takeNamedOutputs(setting.outputFile, setting.subject, ports);
    finishAttempt(ports, setting, outcome, {
      ...attemptFacts(supervised),
      lines: sumOfLines(sink.lines(), expectations.lines()),
    });
    return {
      outcome,
      ...bounded.output,
      outputs,
      costUsd: cost?.costUsd ?? 0,
      costUnknown: cost?.unknown !== undefined,
      session: undefined,
      isSessionLost: false,
      limit: undefined,
      ranMs: supervised.durationMs - supervised.pausedMs,
      retryAsked: ending.kind === 'stopped' && ending.stall?.retryAsked === true,
    };
  }

  const controls = expectations.controlsOf(supervision);
  const stop: Attempt['stop'] = (outcome, why) => {
    asking?.close();
    controls.stop(outcome, why);
  };
  return { done: finish(), ...controls, stop };
}

type Parts = {
  readonly nested: NestedClaude;
  readonly sink: OutputSink;
  readonly expectations: ExpectationCheck;
  readonly asking: ShellQuestions | undefined;
};

function superviseCommand(
  { step, setting, ports }: AttemptOptions<ShellStep, ShellPorts>,
  { nested, sink, expectations, asking }: Parts,
): Supervision {
  const [file = '', ...args] = [...step.shell, step.command];
  return supervise({
    file,
    args,
    cwd: setting.cwd,
    env: nested.env,
    ...(asking === undefined ? {} : { stdin: asking.input }),
    marker: setting.marker,
    command: commandText(step),
    subject: setting.subject,
    append: ports.append,
    log: ports.log,
    inheritsStdin: step.inheritsStdin,
    joinsStderr: step.stderr === 'join',
    timeoutMs: step.timeoutMs,
    stalls: step.stalls,
    prepare: expectations.prepare,
    onOutput: sink.write,
    activity: sink.activity,
    onStarted: ports.onStarted,
    onTree(tree) {
      nested.watch(tree);
      asking?.watch(tree);
    },
  });
}

/** @returns undefined for a step whose command nobody types lines for */
function openQuestions(
  { step, setting, run, ports }: AttemptOptions<ShellStep, ShellPorts>,
  activity: OutputSink['activity'],
  supervision: () => Supervision,
): ShellQuestions | undefined {
  const { ask } = step;
  if (ask.kind === 'never') return undefined;
  return createShellQuestions({
    ...{ ask, activity, subject: setting.subject, questions: run.questions, redactor: ports.redactor },
    onWaiting: (isWaiting) => supervision().waitForPerson(isWaiting),
    stop: (outcome, why) => supervision().stop(outcome, why),
  });
}

/** Logs what later steps get of an output that was cut. */
export function reportCut(
  { output, kept }: BoundedOutput,
  { subject, readOutputWith }: Pick<StepSetting, 'subject' | 'readOutputWith'>,
  log: SystemLog,
): void {
  if (kept === undefined) return;
  const json = output.outputJson === undefined ? '' : '; its fields as JSON are complete';
  const size = `the first ${kept.headBytes} and the last ${kept.tailBytes} of its ${output.outputBytes} bytes of output`;
  log('info', `later steps get ${size}${json}; \`${readOutputWith}\` prints all of it`, subject);
}

/** The end of any attempt: its event, and one line for people unless all is well. */
export function finishAttempt(
  ports: Pick<AttemptPorts, 'append' | 'log'>,
  { subject }: Pick<StepSetting, 'subject'>,
  outcome: Outcome,
  facts: ReturnType<typeof attemptFacts> & {
    readonly lines: Readonly<Partial<Record<Stream, number>>>;
    readonly findings?: Findings;
    readonly partialMessages?: number;
    /** What stopped it, if its end is known: the step waits for it or says why not. */
    readonly limit?: RateLimit | undefined;
  },
): void {
  const { findings = noFindings, limit, ...rest } = facts;
  const found = countFindings(findings) > 0;
  ports.append.event({ type: 'attempt.finished', outcome, ...rest, ...(found ? { findings } : {}) }, subject);
  if (limit !== undefined)
    ports.log('warning', `${limit.what} reached; it ends at ${new Date(limit.untilMs).toISOString()}`, subject);
  else if (outcome.kind !== 'success') ports.log('error', `${outcome.kind}: ${messageOf(outcome)}`, subject);
  if (found) ports.log('warning', `${describeOutcomeKind(outcome, findings)}: ${describeFindings(findings)}`, subject);
}

/** An attempt that could not even be started, in the form of one that ended at once. */
export function refusedAttempt(
  ports: Pick<AttemptPorts, 'append' | 'log'>,
  setting: Pick<StepSetting, 'subject'>,
  outcome: Outcome,
): Attempt {
  const facts = { durationMs: 0, pausedMs: 0, cpuSeconds: 0, maxRssBytes: 0, lines: {} };
  finishAttempt(ports, setting, outcome, facts);
  const none = (): void => undefined;
  const nothing = { ...noOutput, costUsd: 0, costUnknown: false, session: undefined, limit: undefined, ranMs: 0 };
  const result = { outcome, ...nothing, isSessionLost: false, retryAsked: false };
  return { done: Promise.resolve(result), stop: none, killNow: none, freeze: none, thaw: none };
}
