// The catalogue of the runs of a data folder: each run folded once to its state and its alerts, the views and summaries made from
// that, the list with its filters, and the history of a workflow for estimates. Every process that looks at several runs has one; a
// hub shares one among the API, the tail, the metrics and the supervisor. An active run is folded from where the last reading ended;
// of ended ones only what a list shows stays in memory.
import { statSync } from 'node:fs';
import { isRunId, type RunId } from '../core/ids.ts';
import { createRecent } from '../core/recent.ts';
import type { JournalRecord } from '../core/record.ts';
import { createTimeSlice } from '../core/time-slice.ts';
import { settledAfterMs } from '../data/data-folder.ts';
import {
  createProblemLog,
  type DataFolder,
  isAlive,
  type JournalReader,
  openJournal,
  type ProblemLog,
  type RunFolder,
} from '../journal/index.ts';
import { type Alert, isFiring, isResolvedBySuccess } from './alerts/alert.ts';
import { type AlertEvaluation, emptyEvaluation, withHistory } from './alerts/evaluation.ts';
import { foldAlerts, tickAlerts } from './alerts/fold-alerts.ts';
import type { AlertSettings } from './alerts/rule.ts';
import { alertsOfEndedRun, isShown, viewAlerts } from './alerts/run-alerts.ts';
import { createEndedRuns, type EndedRun, type StepDurations, stepDurationsOf } from './ended-runs.ts';
import { type History, historyOf } from './estimate.ts';
import { foldAll } from './fold-run.ts';
import { listRuns, type RunFilter, type RunPage } from './list-runs.ts';
import { summarizeRun, type ViewContext, viewRun } from './make-view.ts';
import { createQuickTest } from './quick-search.ts';
import type { RunState } from './run-state.ts';
import type { RunSummary, RunView } from './run-view.ts';
import { readRunState, savedState } from './saved-state.ts';
import type { Selection } from './select-records.ts';

type KnownRun = { readonly runId: RunId; readonly kind: 'live' | 'ended' };

export type RunOfWorkflow = { readonly runId: string; readonly workflow: string };

export type Catalogue = {
  readonly readerOf: (runId: RunId) => JournalReader;
  /** What was found wrong with the journal of a run, by the catalogue and by those who read with `readerOf`. Its view shows it. */
  readonly problemsOf: (runId: RunId) => ProblemLog;
  /**
   * The run with its alerts, up to the end of its journal and to now. Undefined if it has no journal.
   * @throws JournalError if a later version wrote it
   */
  readonly evaluationOf: (runId: RunId) => Promise<AlertEvaluation | undefined>;
  /** The evaluation after more records, for a caller that follows the run itself. */
  readonly fold: (before: AlertEvaluation, records: readonly JournalRecord[]) => AlertEvaluation;
  /** The evaluation now. Only for one that has all records of the run. */
  readonly tick: (evaluation: AlertEvaluation) => AlertEvaluation;
  readonly viewOf: (evaluation: AlertEvaluation) => Promise<RunView>;
  readonly list: (filter: RunFilter) => Promise<RunPage>;
  /** Says of nearly every run that has no such line that it has none, in less time than reading it takes. */
  readonly quickTest: (selection: Selection) => (runId: RunId) => boolean;
  /** What a list needs of a run that has ended. Undefined if it has not. */
  readonly endedRunOf: (runId: RunId) => Promise<EndedRun | undefined>;
  /**
   * The alerts that fire now, over these runs. Of an ended run that `rememberEnded` has not read yet, none.
   * @param runs newest first
   */
  readonly firingAlerts: (runs: readonly KnownRun[]) => Promise<readonly BriefAlert[]>;
  /** How long the steps took in earlier runs of the workflow. Read once for each run: its past does not change. */
  readonly historyOf: (run: RunOfWorkflow) => Promise<History>;
  /** Reads of these ended runs what lists and metrics show, so that they find it in memory. */
  readonly rememberEnded: (runIds: readonly RunId[]) => Promise<void>;
  /** Notes that all of the journal of an ended run is archived, as the folder of the journal is now. */
  readonly markArchived: (runId: RunId) => void;
  /** The number behind the last record of a run whose journal is known to be archived and not to have changed since. */
  readonly archivedEnd: (runId: RunId) => number | undefined;
  /** Reads what the last hub has kept of ended runs. */
  readonly load: () => Promise<void>;
  /** Keeps what is known of ended runs for the next process. For the hub, which is the only one to write. */
  readonly save: () => void;
  /** Forgets a run of which an end is known that its journal does not have: a power cut took it. */
  readonly confirm: (runId: RunId, head: { readonly nextSeq: number; readonly finished: boolean }) => void;
};

export type CatalogueOptions = {
  readonly data: DataFolder;
  readonly now?: () => number;
  /** What alerts.yaml says; without it no alerts are evaluated. */
  readonly alerts?: AlertSettings;
};

/** An evaluation takes some 10 KB, and up to 20 KB for each active step: 200 take some MB. */
const keptEvaluations = 200;

/** Estimates and the rule about slow steps use this many earlier runs: one odd run does not move a median of twenty. */
const historyRuns = 20;

/** This many earlier runs are examined for them. Reading the saved state of an ended run takes 0.5 ms. */
const examinedForHistory = 300;

/** Reading the file of ten thousand ended runs takes 60 ms, reading the saved state of one 0.5 ms. */
const readBeforeLoading = 50;

/** Alerts of an ended run fire for a day by default; a list does not count those of runs that ended longer ago. */
const alertsShownForMs = 48 * 3_600_000;

/** What a list and a metric need of an alert; small, so that it can be kept of every run that has ended recently. */
export type BriefAlert = Pick<Alert, 'rule' | 'severity' | 'startsMs' | 'endedMs' | 'keepMs'>;

/** Of 100 bytes each; a busy hub ends a few thousand runs in the time in which their alerts are shown. */
const keptEndedAlerts = 10_000;

/** A history is a few numbers for each step. */
const keptHistories = 100;

export function createCatalogue({ data, now = Date.now, alerts }: CatalogueOptions): Catalogue {
  const problemsOf = createProblemLogs();
  const ended = createEndedReader(data, now, problemsOf, (runId) => evaluations.known(runId)?.run);
  const { endedRunOf } = ended;
  const fold = createFold(alerts);
  const historyFor = createHistories(data, endedRunOf);
  const evaluations = createEvaluations({ data, alerts, fold, historyOf: historyFor, problemsOf });
  const summaries = createSummaries({ evaluationOf, endedRunOf, contextOf, now, knownEnd: ended.get });

  function tick(evaluation: AlertEvaluation): AlertEvaluation {
    const isOver = alerts === undefined || evaluation.run.phase.kind === 'finished';
    return isOver ? evaluation : tickAlerts(evaluation, now(), alerts);
  }

  async function evaluationOf(runId: RunId): Promise<AlertEvaluation | undefined> {
    const evaluation = await evaluations.read(runId);
    return evaluation === undefined ? undefined : tick(evaluation);
  }

  function contextOf({ run, alerts: all }: AlertEvaluation): ViewContext {
    return { nowMs: now(), isWriterGone: isWriterGone(run), alerts: viewAlerts(all) };
  }

  return {
    readerOf: evaluations.readerOf,
    problemsOf,
    evaluationOf,
    fold,
    tick,
    async viewOf(evaluation) {
      const { run } = evaluation;
      const history = run.phase.kind === 'running' ? await historyFor(run) : new Map();
      const journalProblems = isRunId(run.runId) ? problemsOf(run.runId).sentences() : [];
      return viewRun(run, { ...contextOf(evaluation), history, journalProblems });
    },
    async list(filter) {
      const page = await listRuns(ended.listRunIds(), filter, summaries);
      return alerts === undefined
        ? page
        : { ...page, runs: await Promise.all(page.runs.map(summaries.withAlertCount)) };
    },
    quickTest(selection) {
      const mayHaveLine = createQuickTest(data, selection);
      return (runId) => mayHaveLine(data.runDir(runId));
    },
    endedRunOf,
    firingAlerts: summaries.firingAlerts,
    historyOf: historyFor,
    async rememberEnded(runIds) {
      const slice = createTimeSlice();
      for (const runId of runIds) {
        // A run that cannot be read is reported by the reader that follows it.
        const end = await endedRunOf(runId).catch(() => undefined);
        if (end !== undefined && alerts !== undefined) await summaries.rememberAlerts(end.summary);
        await slice();
      }
    },
    markArchived: ended.markArchived,
    archivedEnd: ended.archivedEnd,
    load: ended.load,
    save: ended.save,
    confirm(runId, { nextSeq, finished }) {
      const end = ended.get(runId);
      const isWrong = end !== undefined && !(finished && end.nextSeq === nextSeq);
      if (!isWrong && (evaluations.known(runId)?.run.nextSeq ?? 0) <= nextSeq) return;
      evaluations.forget(runId);
      ended.delete(runId);
    },
  };
}

/** What is known of ended runs, read when somebody asks for it: of each nothing but its summary stays in memory. */
function createEndedReader(
  data: DataFolder,
  now: () => number,
  problemsOf: Catalogue['problemsOf'],
  knownState: (runId: RunId) => RunState | undefined,
) {
  const ended = createEndedRuns(data);
  let listed: readonly RunId[] = [];
  let misses = 0;
  let loading: Promise<void> | undefined;

  function load(): Promise<void> {
    loading ??= ended.load();
    return loading;
  }

  /** Forgets what is known of runs that are gone. */
  function listRunIds(): readonly RunId[] {
    const runIds = data.listRunIds();
    if (runIds !== listed) ended.keepOnly(new Set(runIds));
    listed = runIds;
    return runIds;
  }

  return {
    get: ended.get,
    delete: ended.delete,
    listRunIds,
    load,
    async endedRunOf(runId: RunId): Promise<EndedRun | undefined> {
      const known = ended.get(runId);
      if (known !== undefined) return known;
      // A caller that asks for many of them is better off with the file that has all.
      misses += 1;
      if (misses === readBeforeLoading || loading !== undefined) await load();
      const loaded = ended.get(runId);
      if (loaded !== undefined) return loaded;
      const read = knownState(runId);
      const state =
        read?.phase.kind === 'finished' ? read : await readEndedState(data.runDir(runId), problemsOf(runId));
      if (state?.phase.kind !== 'finished') return undefined;
      const run = {
        summary: summarizeRun(state, { nowMs: now(), isWriterGone: false }),
        stepDurations: stepDurationsOf(state),
        nextSeq: state.nextSeq,
      };
      ended.set(runId, run);
      return run;
    },
    markArchived(runId: RunId): void {
      const end = ended.get(runId);
      const archivedMs = changedMsOf(data.runDir(runId));
      if (end === undefined || archivedMs === undefined || archivedMs === end.archivedMs) return;
      if (Date.now() - archivedMs > settledAfterMs) ended.set(runId, { ...end, archivedMs });
    },
    archivedEnd(runId: RunId): number | undefined {
      const end = ended.get(runId);
      const isArchived = end?.archivedMs !== undefined && end.archivedMs === changedMsOf(data.runDir(runId));
      return isArchived ? end.nextSeq : undefined;
    },
    save(): void {
      listRunIds();
      ended.save();
    },
  };
}

/** When a file of the journal came or went last, as Unix ms. */
function changedMsOf({ journalDir }: RunFolder): number | undefined {
  return statSync(journalDir, { throwIfNoEntry: false })?.mtimeMs;
}

/** The saved state of a run that has ended; folds its journal if none was saved. Undefined for a run that is active. */
async function readEndedState(folder: RunFolder, problems: ProblemLog): Promise<RunState | undefined> {
  const saved = savedState(folder);
  if (saved?.phase.kind === 'finished') return saved;
  return (await openJournal(folder).head()).finished ? readRunState(folder, problems.note) : undefined;
}

type SummarySources = Pick<Catalogue, 'evaluationOf'> & {
  /** In memory. */
  readonly knownEnd: (runId: RunId) => EndedRun | undefined;
  readonly endedRunOf: (runId: RunId) => Promise<EndedRun | undefined>;
  readonly contextOf: (evaluation: AlertEvaluation) => ViewContext;
  readonly now: () => number;
};

function createSummaries({ evaluationOf, knownEnd, endedRunOf, contextOf, now }: SummarySources) {
  const endedAlerts = createRecent<string, readonly BriefAlert[]>(keptEndedAlerts);

  /** ISO 8601 texts compare as their times do. */
  const shownSince = (): string => new Date(now() - alertsShownForMs).toISOString();

  /** None of a run that ended long ago. */
  async function endedAlertsOf({ runId, endedAt }: RunSummary): Promise<readonly BriefAlert[]> {
    if (!isRunId(runId) || endedAt === null || endedAt < shownSince()) return [];
    const known = endedAlerts.get(runId);
    if (known !== undefined) return known;
    const evaluation = await evaluationOf(runId);
    const alerts = Object.values(evaluation?.alerts ?? {}).map(briefAlert);
    endedAlerts.set(runId, alerts);
    return alerts;
  }

  async function activeAlertsOf(runId: RunId): Promise<readonly BriefAlert[]> {
    // A run that cannot be read is reported by the reader that follows it.
    const evaluation = await evaluationOf(runId).catch(() => undefined);
    return Object.values(evaluation?.alerts ?? {});
  }

  return {
    async firingAlerts(runs: readonly KnownRun[]): Promise<readonly BriefAlert[]> {
      const slice = createTimeSlice();
      const since = shownSince();
      const firing: BriefAlert[] = [];
      const succeeded = new Set<string>();
      for (const { runId, kind } of runs) {
        if (kind === 'live') {
          firing.push(...(await activeAlertsOf(runId)));
          await slice();
          continue;
        }
        const end = knownEnd(runId)?.summary;
        if (end === undefined) continue;
        if (end.endedAt !== null && end.endedAt >= since) {
          const alerts = endedAlerts.get(runId) ?? [];
          const isOutdated = (alert: BriefAlert) => succeeded.has(end.workflow) && isResolvedBySuccess(alert);
          firing.push(...alerts.filter((alert) => !isOutdated(alert)));
        }
        if (end.state === 'success') succeeded.add(end.workflow);
      }
      return firing.filter((alert) => isFiring(alert, now()));
    },
    /** So that `firingAlerts` has them in memory. */
    async rememberAlerts(summary: RunSummary): Promise<void> {
      // A run that cannot be read is reported by the reader that follows it.
      await endedAlertsOf(summary).catch(() => undefined);
    },
    /** Of an ended run, if it is in memory. */
    knownSummary: (runId: RunId): RunSummary | undefined => knownEnd(runId)?.summary,
    async summaryOf(runId: RunId): Promise<RunSummary | undefined> {
      const run = await endedRunOf(runId);
      if (run !== undefined) return run.summary;
      const evaluation = await evaluationOf(runId);
      return evaluation === undefined ? undefined : summarizeRun(evaluation.run, contextOf(evaluation));
    },
    /** Only for the ended runs that a list shows: their alerts are not kept with their summaries. */
    async withAlertCount(summary: RunSummary): Promise<RunSummary> {
      if (summary.endedAt === null) return summary;
      return { ...summary, alertCount: (await endedAlertsOf(summary)).filter(isShown).length };
    },
  };
}

function briefAlert({ rule, severity, startsMs, endedMs, keepMs }: Alert): BriefAlert {
  return { rule, severity, startsMs, endedMs, keepMs };
}

/** Reads each record once, for the state of the run and, if there are settings, for its alerts. */
function createFold(alerts: AlertSettings | undefined): Catalogue['fold'] {
  if (alerts === undefined) return (before, records) => ({ ...before, run: foldAll(records, before.run) });
  return (before, records) => records.reduce((evaluation, record) => foldAlerts(evaluation, record, alerts), before);
}

type Evaluations = {
  readonly readerOf: (runId: RunId) => JournalReader;
  readonly read: (runId: RunId) => Promise<AlertEvaluation | undefined>;
  /** The last one that was read, if it is still kept. */
  readonly known: (runId: RunId) => AlertEvaluation | undefined;
  readonly forget: (runId: RunId) => void;
};

type Kept = { readonly reader: JournalReader; readonly evaluation: AlertEvaluation | undefined };

type EvaluationsOptions = Pick<CatalogueOptions, 'data'> & {
  readonly alerts: AlertSettings | undefined;
} & Pick<Catalogue, 'fold' | 'historyOf' | 'problemsOf'>;

/** Of the damaged runs that were read last. */
function createProblemLogs(): Catalogue['problemsOf'] {
  const logs = createRecent<RunId, ProblemLog>(keptEvaluations);
  return (runId) => ({
    note(problem) {
      const log = logs.get(runId) ?? createProblemLog();
      log.note(problem);
      logs.set(runId, log);
    },
    sentences: () => logs.get(runId)?.sentences() ?? [],
  });
}

/** The evaluations of the runs that were asked for last; each continues where it was. */
function createEvaluations({ data, alerts, fold, historyOf: historyFor, problemsOf }: EvaluationsOptions): Evaluations {
  const active = createRecent<RunId, Kept>(keptEvaluations);
  // Apart from the active ones: a long list of ended runs must not make an active run be read from its start again.
  const ended = createRecent<RunId, Kept>(keptEvaluations);
  const get = (runId: RunId): Kept | undefined => ended.get(runId) ?? active.get(runId);
  const reading = new Map<RunId, Promise<AlertEvaluation | undefined>>();

  async function readNow(runId: RunId): Promise<AlertEvaluation | undefined> {
    const before = get(runId);
    if (before?.evaluation?.run.phase.kind === 'finished') return before.evaluation;
    const reader = before?.reader ?? openJournal(data.runDir(runId));
    const { firstSeq, nextSeq, finished } = await reader.head();
    const known = before?.evaluation;
    const continues = known !== undefined && known.run.nextSeq <= nextSeq && known.run.nextSeq >= firstSeq;
    let evaluation = continues ? known : await readSaved(runId, finished);
    if (evaluation === undefined && nextSeq > firstSeq) evaluation = emptyEvaluation();
    if (evaluation !== undefined)
      evaluation = await readOn(reader, evaluation, Math.max(firstSeq, evaluation.run.nextSeq));
    const isOver = evaluation?.run.phase.kind === 'finished';
    if (isOver) active.delete(runId);
    (isOver ? ended : active).set(runId, { reader, evaluation });
    return evaluation;
  }

  /** An ended run needs no more than its saved state; the alerts of an active one depend on all of its records. */
  async function readSaved(runId: RunId, finished: boolean): Promise<AlertEvaluation | undefined> {
    if (alerts !== undefined && !finished) return undefined;
    const run = await readRunState(data.runDir(runId), problemsOf(runId).note);
    if (run === undefined || (alerts !== undefined && run.phase.kind !== 'finished')) return undefined;
    return { ...emptyEvaluation(), run, alerts: alerts === undefined ? {} : alertsOfEndedRun(run, alerts) };
  }

  async function readOn(reader: JournalReader, before: AlertEvaluation, from: number): Promise<AlertEvaluation> {
    let evaluation = before;
    const { runId } = reader.folder;
    for await (const records of reader.read({ from, reuseMemory: true, onProblem: problemsOf(runId).note })) {
      const [first] = records;
      // What is slow is decided from the first record on, so the history is read before it is folded.
      if (alerts !== undefined && first?.kind === 'event' && first.event.type === 'run.started')
        evaluation = withHistory(evaluation, await historyFor({ ...first.event, runId }));
      evaluation = fold(evaluation, records);
    }
    return evaluation;
  }

  return {
    readerOf: (runId) => get(runId)?.reader ?? openJournal(data.runDir(runId)),
    /** Two callers who ask for the same run at once share one reading. */
    read(runId) {
      const current = reading.get(runId) ?? readNow(runId).finally(() => reading.delete(runId));
      reading.set(runId, current);
      return current;
    },
    known: (runId) => get(runId)?.evaluation,
    forget(runId) {
      active.delete(runId);
      ended.delete(runId);
    },
  };
}

/** @param endedRunOf undefined for a run that has not ended */
function createHistories(
  data: DataFolder,
  endedRunOf: (runId: RunId) => Promise<EndedRun | undefined>,
): Catalogue['historyOf'] {
  const histories = createRecent<string, Promise<History>>(keptHistories);

  async function readHistory(run: RunOfWorkflow): Promise<History> {
    const durations: StepDurations[] = [];
    const earlier = data.listRunIds().filter((runId) => runId < run.runId);
    for (const runId of earlier.slice(0, examinedForHistory)) {
      if (durations.length === historyRuns) break;
      // A run that cannot be read does not count.
      const other = await endedRunOf(runId).catch(() => undefined);
      if (other?.summary.state === 'success' && other.summary.workflow === run.workflow)
        durations.push(other.stepDurations);
    }
    return historyOf(durations);
  }

  return (run) => {
    // The head of a journal may be gone, and with it the id.
    if (!isRunId(run.runId)) return Promise.resolve(new Map());
    const history = histories.get(run.runId) ?? readHistory(run);
    histories.set(run.runId, history);
    return history;
  };
}

/** Whether the process that runs it, or ran it, is known to be dead. */
export function isWriterGone({ writer }: Pick<RunState, 'writer'>): boolean {
  return writer !== undefined && !isAlive(writer);
}
