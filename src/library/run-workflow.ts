// One run, put together from its parts: journal, redactor, locks, engine, shipper. The composition that the CLI and the
// public API share. The terminal, signals and exit codes are the CLI's.
import { listenForControl, steer } from '../control/index.ts';
import { errorCode, errorPath, toError } from '../core/errors.ts';
import { newRunId, type RunId } from '../core/ids.ts';
import type { Labels } from '../core/labels.ts';
import type { Append } from '../core/record.ts';
import type { Pushing } from '../hub/push-run.ts';
import {
  createJournal,
  createProblemLog,
  dataFolder,
  fileErrorText,
  JournalError,
  type JournalReader,
  type JournalWriter,
  openJournal,
  type ProblemLog,
  processIdentity,
  type RunFolder,
} from '../journal/index.ts';
import type { ShipperStatus } from '../readers/ship/index.ts';
import { createRedactor, executeWorkflow, lockWorkingFolders, type Redactor, type RunHandle } from '../run/index.ts';
import type { RunState } from '../runs/index.ts';
import {
  defineWorkflow,
  formatWarnings,
  type GivenParams,
  loadWorkflow,
  type Problem,
  paramVariable,
  problemText,
  type Workflow,
  type WorkflowInput,
  workflowToJson,
} from '../workflow/index.ts';
import {
  type Archiving,
  type ArchivingEnd,
  archivedSegmentBytes,
  archiveTargetOf,
  startArchiving,
} from './archiving.ts';
import { ciJobIn, withBranchOfCi } from './ci-job.ts';
import { createRunFollower, type RunFollower } from './follow-run.ts';
import { journalNotes, withLostEnd } from './lost-end.ts';
import { type NewBudget, withBudget } from './new-budget.ts';
import { type Notifying, type NotifyingEnd, startNotifying } from './notifying.ts';
import { checkBeforeRun, type Preflight } from './preflight.ts';
import { startPushing } from './pushing.ts';
import type { Refusal, Unusable } from './refusal.ts';
import { type Resumable, type ResumeOptions, readResumable } from './resume.ts';
import { labelsOfRun } from './run-labels.ts';
import { type RunResult, runResultOf } from './run-result.ts';
import { endWaitOf, type RunSettings, settingsOf } from './settings.ts';
import { problemsOfShipping, type Shipping, type ShippingEnd, startShipping } from './shipping.ts';
import { traceContextOf } from './trace-context.ts';
import { version } from './version.ts';
import { readWorkTree } from './version-control.ts';

/** What to run: a file, a workflow made in code, one that was checked already, or an earlier run to continue. */
export type WorkflowSource =
  | { readonly file: string; readonly params?: GivenParams }
  | { readonly workflow: WorkflowInput; readonly cwd?: string; readonly params?: GivenParams }
  | { readonly checked: Workflow }
  /** `budget` is for this run and those before it together. */
  | (ResumeOptions & { readonly budget?: NewBudget });

export type RunOptions = WorkflowSource & Partial<RunSettings>;

export type RunStart = { readonly kind: 'started'; readonly run: StartedRun } | Refusal;

export type StartedRun = Pick<RunHandle, 'pause' | 'resume' | 'cancel' | 'phase'> & {
  readonly runId: RunId;
  readonly traceId: string;
  readonly workflow: Workflow;
  /** Sentences for people about a resumed run, for example that the workflow file has changed since. */
  readonly notes: readonly string[];
  /** Follows the journal of the run, in this process. */
  readonly journal: JournalReader;
  /** Watches the run from its start. What was followed is not read again when the run has ended. */
  readonly follow: RunFollower['follow'];
  /** How far the shipper of this run is; undefined if it has none. */
  readonly shipperStatus: () => ShipperStatus | undefined;
  /** Resolves when the run has ended and shipping has had its time; `shipping` says what is left. Never rejects. */
  readonly done: Promise<RunDone>;
};

export type RunDone = {
  readonly result: RunResult;
  readonly shipping: ShippingEnd;
  readonly archiving: ArchivingEnd;
  readonly notifying: NotifyingEnd;
  /** One sentence if the run sends its metrics itself and the last of them were not taken, else ''. */
  readonly metricsNote: string;
  /** What is wrong with how the journal is kept, one sentence each. */
  readonly journalNotes: readonly string[];
  /** What the journal folds to, with the end of the run, also if a full disk has not taken it. */
  readonly state: RunState;
};

/** Starts a workflow and returns at once. Problems of the workflow or the machine are a `Refusal` and never thrown. */
export async function startWorkflow(options: RunOptions): Promise<RunStart> {
  const prepared = await prepareRun(options);
  return prepared.kind === 'ready' ? { kind: 'started', run: await beginRun(prepared) } : prepared;
}

type PreparedRun = {
  readonly kind: 'ready';
  readonly settings: RunSettings;
  readonly workflow: Workflow;
  readonly labels: Labels;
  readonly resumed: Resumable | undefined;
  readonly claude: Extract<Preflight, { kind: 'ready' }>['claude'];
  readonly warnings: readonly string[];
  readonly versionControl: ReturnType<typeof readWorkTree>;
  readonly writer: JournalWriter;
  readonly shipping: Shipping;
  readonly archiving: Archiving;
  readonly releaseLock: () => void;
};

/** Checks everything before anything is started, and takes what the run needs for itself: its folders, journal and shipper. */
async function prepareRun(options: RunOptions): Promise<PreparedRun | Refusal> {
  const settings = settingsOf(options);
  const source = await resolveSource(options, settings);
  if (source.kind !== 'ready') return source;
  const { resumed } = source;
  const workflow = { ...source.workflow, concurrency: settings.concurrency ?? source.workflow.concurrency };

  const labelled = labelsOfRun(workflow, resumed?.labels ?? {}, settings.labels, ciJobIn(settings.env));
  if (labelled.kind !== 'ready') return labelled;
  const unshippable = problemsOfShipping(settings);
  if (unshippable.length > 0) return { kind: 'unsuited', code: 'otel_settings', message: unshippable.join('\n') };

  const archive = archiveTargetOf(settings);
  if (!archive.ok) return { kind: 'unsuited', code: 'archive', message: archive.problem };

  const versionControl = readWorkTree(workflow.cwd);
  const done = new Set(resumed?.previousResults.keys());
  const preflight = await checkBeforeRun(workflow, done, settings, 'checked' in options);
  if (preflight.kind !== 'ready') return preflight;

  const runId = settings.runId ?? newRunId();
  const lock = settings.shared ? undefined : takeLock(workflow, dataFolder(settings.dataDir).locksDir, runId);
  if (lock !== undefined && lock.kind !== 'acquired') return lock;
  const releaseLock = (): void => lock?.release();

  settings.onBegin?.();
  const journal = openWriter(settings, runId);
  if (journal.kind !== 'open') {
    releaseLock();
    return journal;
  }
  const { writer } = journal;
  const start = await startShipping(writer.folder, settings);
  if (start.kind === 'invalid') {
    releaseLock();
    await writer.close();
    return { kind: 'unsuited', code: 'otel_settings', message: start.problems.join('\n') };
  }
  const { claude } = preflight;
  const warnings = [...source.warnings.map((each) => formatWarnings([each]).trim()), ...preflight.warnings];
  return {
    kind: 'ready',
    settings,
    workflow,
    labels: labelled.labels,
    resumed,
    claude,
    warnings,
    versionControl,
    writer,
    shipping: start.shipping,
    archiving: await startArchiving(writer.folder, archive.value),
    releaseLock,
  };
}

async function beginRun(prepared: PreparedRun): Promise<StartedRun> {
  const { settings, workflow, labels, resumed, claude, warnings, writer, shipping, archiving, releaseLock } = prepared;
  const { folder } = writer;
  const { runId } = folder;
  const redactor = redactorOf(workflow, settings);
  const ci = ciJobIn(settings.env);
  const { traceId, startedBy, env } = traceContextOf(settings.env, settings.traceContext, runId);
  const versionControl = withBranchOfCi(await prepared.versionControl, ci);
  const handle = await executeWorkflow({
    workflow,
    runId,
    started: {
      runId,
      traceId,
      definition: workflowToJson(workflow),
      writer: processIdentity(),
      stepspanVersion: version,
      resumedFrom: resumed?.resumedFrom,
      ...(resumed === undefined ? {} : { resumedFromTraceId: resumed.resumedFromTraceId }),
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
      ...(versionControl === undefined ? {} : { versionControl }),
      ...(ci === undefined ? {} : { ci }),
      ...(settings.publicUrl === undefined ? {} : { publicUrl: settings.publicUrl }),
      ...(startedBy === undefined ? {} : { startedBy }),
    },
    append: writer,
    redactor,
    sync: writer.sync,
    env,
    claude,
    warnings,
    prices: settings.prices,
    ...(resumed === undefined ? {} : takenOver(resumed)),
  });
  const closeControl = settings.control ? await openControl(folder, handle, writer) : undefined;
  const reader = openJournal(folder, { onAppend: writer.onAppend });
  const problems = createProblemLog();
  const notifying = await startNotifying(dataFolder(settings.dataDir), settings.notify, reader, problems);
  const pushing = await startPushing(dataFolder(settings.dataDir), settings, reader, resumed?.resumedFrom);
  const follower = createRunFollower(reader, problems.note);
  const release = async (): Promise<void> => {
    releaseLock();
    await closeControl?.();
  };
  return {
    runId,
    traceId,
    workflow,
    notes: resumed?.notes ?? [],
    journal: reader,
    pause: handle.pause,
    resume: handle.resume,
    cancel: handle.cancel,
    phase: handle.phase,
    follow: follower.follow,
    shipperStatus: shipping.status,
    done: finish({
      handle,
      writer,
      shipping,
      archiving,
      notifying,
      pushing,
      settings,
      follower,
      problems,
      redactor,
      release,
    }),
  };
}

/** Opens the control channel of a run that has just started. If that fails, a line of the run says so. @returns ends it */
async function openControl(folder: RunFolder, run: RunHandle, append: Append): Promise<() => Promise<void>> {
  const start = await listenForControl(folder, (request) => steer(run, request));
  if (start.kind === 'listening') return start.server.close;
  append.output({
    subject: undefined,
    stream: 'system',
    severity: 'warning',
    lineCount: 1,
    bytes: Buffer.from(`${start.message.replaceAll('\n', ' ')}\n`),
    unterminated: false,
  });
  return async () => undefined;
}

/** Runs a workflow to its end. @param options.signal ends it as a cancellation */
export async function runWorkflow(
  options: RunOptions & { readonly signal?: AbortSignal },
): Promise<({ readonly kind: 'finished' } & RunResult) | Refusal> {
  const started = await startWorkflow(options);
  if (started.kind !== 'started') return started;
  const { run } = started;
  // Nobody watches, so nothing is read before the end: following slows the capture of a loud step by a third, and reading 1 GB
  // once takes half a second.
  const cancel = (): void => run.cancel('api');
  if (options.signal?.aborted === true) cancel();
  options.signal?.addEventListener('abort', cancel, { once: true });
  const { result } = await run.done;
  options.signal?.removeEventListener('abort', cancel);
  return { kind: 'finished', ...result };
}

type RunParts = {
  readonly handle: RunHandle;
  readonly writer: JournalWriter;
  readonly shipping: Shipping;
  readonly archiving: Archiving;
  readonly notifying: Notifying;
  readonly pushing: Pushing;
  readonly settings: RunSettings;
  readonly follower: RunFollower;
  readonly problems: ProblemLog;
  readonly redactor: Redactor;
  /** Gives up the lock of the working folder and the control channel. */
  readonly release: () => Promise<void>;
};

async function finish({
  handle,
  writer,
  settings,
  follower,
  problems,
  redactor,
  release,
  ...senders
}: RunParts): Promise<RunDone> {
  const runEnd = await handle.done;
  await release();
  await writer.close();
  const wait = endWaitOf(settings);
  const [shipping, archiving, notifying, metricsNote] = await Promise.all([
    senders.shipping.finish(wait),
    senders.archiving.finish(wait),
    senders.notifying.finish(wait),
    senders.pushing.finish(wait),
  ]);
  let state = await follower.finish();
  if (state.phase.kind !== 'finished') state = withLostEnd(state, runEnd, writer.stats(), redactor);
  const notes = [...journalNotes(writer.stats()), ...problems.sentences()];
  const result = runResultOf({
    state,
    end: runEnd,
    shipping,
    runId: writer.folder.runId,
    dataDir: settings.dataDir,
  });
  return { result, shipping, archiving, notifying, metricsNote, journalNotes: notes, state };
}

type Source =
  | {
      readonly kind: 'ready';
      readonly workflow: Workflow;
      readonly resumed: Resumable | undefined;
      readonly warnings: readonly Problem[];
    }
  | Refusal;

async function resolveSource(options: RunOptions, settings: RunSettings): Promise<Source> {
  if ('resume' in options) {
    return resolveResume(options, settings);
  }
  if ('checked' in options) return { kind: 'ready', workflow: options.checked, resumed: undefined, warnings: [] };
  const params = options.params ?? {};
  const result =
    'file' in options
      ? loadWorkflow(options.file, { params })
      : defineWorkflow(options.workflow, { params, ...(options.cwd === undefined ? {} : { cwd: options.cwd }) });
  if (result.ok) {
    const { workflow, warnings } = result;
    return { kind: 'ready', workflow, resumed: undefined, warnings };
  }
  const message = result.problems.map(problemText).join('\n');
  return { kind: 'invalid', problems: result.problems, message };
}

async function resolveResume(
  options: ResumeOptions & { readonly budget?: NewBudget },
  settings: RunSettings,
): Promise<Source> {
  const resumed = await readResumable(settings.dataDir, options, 'start');
  if (!resumed.ok) return resumed;
  if (options.budget === undefined) return { kind: 'ready', workflow: resumed.workflow, resumed, warnings: [] };
  const raised = withBudget(resumed.workflow, resumed.usedBefore, options.budget);
  if (!raised.ok) return { kind: 'unsuited', code: 'budget', message: `run ${resumed.resumedFrom}: ${raised.message}` };
  return { kind: 'ready', workflow: raised.workflow, resumed, warnings: [] };
}

function takenOver({ previousResults, continued, usedBefore, notes }: Resumable) {
  return { previousResults, continued, usedBefore, notes };
}

type TakenLock = { readonly kind: 'acquired'; readonly release: () => void };

function takeLock(workflow: Workflow, locksDir: string, runId: RunId): TakenLock | Refusal {
  try {
    const lock = lockWorkingFolders(workflow, locksDir, runId);
    if (lock.kind === 'acquired') return lock;
    return { kind: 'locked', code: 'folder_locked', path: lock.folder, message: lock.message };
  } catch (error) {
    return unusableFolder(error, locksDir);
  }
}

function openWriter(
  settings: RunSettings,
  runId: RunId,
): { readonly kind: 'open'; readonly writer: JournalWriter } | Refusal {
  try {
    const { durability, archive } = settings;
    const writer = createJournal(dataFolder(settings.dataDir).runDir(runId), {
      durability,
      archive: archive !== false,
      ...(typeof archive === 'string' ? { segmentBytes: archivedSegmentBytes } : {}),
    });
    return { kind: 'open', writer };
  } catch (error) {
    if (error instanceof JournalError)
      return { kind: 'unusable', code: error.code, path: error.file, message: error.message };
    return unusableFolder(error, settings.dataDir);
  }
}

function unusableFolder(error: unknown, folder: string): Unusable {
  const message = `the data folder cannot be used: ${fileErrorText(toError(error))}; set STEPSPAN_DATA_DIR or --data-dir to a folder that you may write in`;
  return { kind: 'unusable', code: errorCode(error) ?? 'unreadable', path: errorPath(error) ?? folder, message };
}

/** Addresses of our own that are secrets as a whole; steps inherit them, and one that prints its environment shows them. */
const ownSecrets = ['STEPSPAN_ALERT_WEBHOOK_URL'];

/** Everything that is secret before the first step is known here, so that not even `run.started` shows it. */
function redactorOf(workflow: Workflow, settings: RunSettings): Redactor {
  const own = ownSecrets.filter((name) => settings.env[name]);
  const redactor = createRedactor({
    env: settings.env,
    extraSecretNames: [...workflow.secrets, ...own],
    enabled: settings.redact,
  });
  redactor.addEnvironment(workflow.env);
  for (const step of workflow.steps) redactor.addEnvironment(step.env);
  const params = Object.entries(workflow.paramValues).map(([name, value]) => [paramVariable(name), String(value)]);
  redactor.addEnvironment(Object.fromEntries(params));
  return redactor;
}
