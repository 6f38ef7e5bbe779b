// Puts a run together: the engine that orders steps, the kinds of attempt, the intake for Claude Code's telemetry, and the
// last look for processes that are still alive. Called by the library for each run. Everything that is recorded goes through
// the redactor first.
import type { EventOf } from '../../core/event.ts';
import type { RunId } from '../../core/ids.ts';
import type { Append } from '../../core/record.ts';
import type { Step, Workflow } from '../../workflow/workflow.ts';
import { type ClaudeProgram, type Intake, type PriceTable, startIntake } from '../claude/index.ts';
import { endLeftoverProcesses, type Identity, markerOf } from '../process/index.ts';
import type { Redactor } from '../redact/index.ts';
import { startApprovalAttempt } from './approval-attempt.ts';
import type { Attempt, AttemptPlan, AttemptPorts, Continuation } from './attempt.ts';
import type { Used } from './budget.ts';
import { startClaudeAttempt } from './claude-attempt.ts';
import { placeInSessionFolder, prepareClaudeInputs } from './claude-inputs.ts';
import { createOutputFile } from './output-file.ts';
import { redactAppend } from './redacted-append.ts';
import { type PreviousResult, type RunHandle, type RunScope, startRun } from './run-workflow.ts';
import { type AttemptSetting, refusedAttempt, startShellAttempt } from './shell-attempt.ts';
import { prepareSetting, type RunIdentity, type StepSetting } from './step-context.ts';
import { internalError } from './supervise.ts';
import { createSystemLog, type SystemLog } from './system-log.ts';

export type ExecuteOptions = {
  readonly workflow: Workflow;
  readonly runId: RunId;
  readonly started: Omit<EventOf<'run.started'>, DerivedField>;
  /** The journal's own append; what the run writes goes through the redactor first. */
  readonly append: Append;
  readonly redactor: Redactor;
  /** Makes what was appended durable. */
  readonly sync: () => Promise<void>;
  /** The environment of stepspan itself, which children inherit. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The Claude Code CLI, as found before the run began; only needed if a step is a Claude step. */
  readonly claude: ClaudeProgram | undefined;
  /** What is probably wrong with the workflow; said at the start of the run. */
  readonly warnings: readonly string[];
  readonly prices: PriceTable;
  readonly previousResults?: ReadonlyMap<string, PreviousResult>;
  readonly continued?: ReadonlyMap<string, Continuation>;
  readonly usedBefore?: Used;
  /** Sentences for people, printed at the start of the run. */
  readonly notes?: readonly string[];
};

/** What `run.started` says that follows from the workflow itself. */
type DerivedField =
  | 'type'
  | 'workflow'
  | 'description'
  | 'file'
  | 'params'
  | 'steps'
  | 'cwd'
  | 'concurrency'
  | 'budgetUsd'
  | 'budgetTokens';

/** Starts the run. The handle's `done` never rejects. */
export async function executeWorkflow(options: ExecuteOptions): Promise<RunHandle> {
  const { workflow, runId, redactor } = options;
  const append = redactAppend(options.append, redactor);
  const log = createSystemLog(append);
  const processes: Identity[] = [];
  const identity: RunIdentity = { runId, traceId: options.started.traceId, env: options.env };
  const ports: AttemptPorts = { append, log, redactor, onStarted: (process) => processes.push(process) };
  const intake = await startTelemetryIntake(append);

  function startAttempt(step: Step, number: number, run: RunScope, plan: AttemptPlan): Attempt {
    const { continuation, timeLeftMs } = plan;
    const subject = { step: step.id, attempt: number };
    const refuse = (message: string): Attempt =>
      refusedAttempt(ports, { subject }, { kind: 'error', reason: 'setup', message });
    try {
      if (step.kind === 'approve') return startApprovalAttempt({ step, subject, runId, run, ports });
      const setting = prepareSetting(identity, step, number, run);
      if (!setting.ok) return refuse(setting.message);
      if (step.kind === 'run')
        return startShellAttempt({
          ...{ step, identity, run, setting: withOutputFile(setting) },
          ports: { ...ports, intake, prices: options.prices },
        });
      const version = options.claude?.version ?? '';
      const inputs = prepareClaudeInputs(step, setting.scope, run.sessions, { version, continuation });
      if (!inputs.ok) return refuse(inputs.message);
      const placed = placeInSessionFolder(step, setting, inputs.inputs);
      if (!placed.ok) {
        inputs.inputs.cleanUp();
        if (continuation === undefined) return refuse(placed.message);
        log('warning', `${placed.message}; the step starts again`, subject);
        return startAttempt(step, number, run, { ...plan, continuation: undefined });
      }
      if (placed.note !== undefined) log('info', placed.note, subject);
      if (options.claude === undefined) return refuse('the Claude Code CLI was not found');
      const claudePorts = { ...ports, claude: options.claude, intake, prices: options.prices, timeLeftMs };
      return startClaudeAttempt({
        ...{ step, identity, run, setting: withOutputFile(placed.setting) },
        ...{ inputs: inputs.inputs, ports: claudePorts },
      });
    } catch (error) {
      return refusedAttempt(ports, { subject }, internalError(error));
    }
  }

  const handle = startRun({
    workflow,
    append,
    started: options.started,
    startAttempt,
    sync: options.sync,
    async endLeftoverProcesses() {
      await endWhatIsLeft(runId, processes, append, log);
      await intake.close();
    },
    ...(options.previousResults === undefined ? {} : { previousResults: options.previousResults }),
    ...(options.continued === undefined ? {} : { continued: options.continued }),
    ...(options.usedBefore === undefined ? {} : { usedBefore: options.usedBefore }),
  });
  // After `run.started`, which is the first record of every journal.
  if (!redactor.enabled) log('warning', 'redaction is off: secrets are kept as they are printed');
  for (const { message } of redactor.problems()) log('warning', message);
  for (const note of options.notes ?? []) log('warning', note);
  for (const warning of options.warnings) log('warning', warning);
  return handle;
}

function withOutputFile(setting: StepSetting): AttemptSetting {
  const outputFile = createOutputFile();
  setting.env.STEPSPAN_OUTPUTS = outputFile.path;
  return { ...setting, outputFile };
}

function startTelemetryIntake(append: Append): Promise<Intake> {
  return startIntake({
    onRequest({ signal, request, items, dropped, subject }) {
      const left = dropped > 0 ? { dropped } : {};
      append.event({ type: 'claude.telemetry', signal, derived: false, items, ...left, request }, subject);
    },
  });
}

/** Each step ends its own processes; this finds those that left one by a new session and a clean environment. */
async function endWhatIsLeft(runId: RunId, known: readonly Identity[], append: Append, log: SystemLog): Promise<void> {
  const { found, survivors } = await endLeftoverProcesses({ marker: markerOf(runId), known, reach: 'own_run' });
  if (found.length > 0) {
    append.event({ type: 'process.orphaned', processes: found });
    log(
      'warning',
      `the run left processes running, now ended: ${found.map(({ pid, command }) => `${pid} (${command})`).join(', ')}`,
    );
  }
  for (const { pid } of survivors) log('error', `process ${pid} could not be ended`);
}
