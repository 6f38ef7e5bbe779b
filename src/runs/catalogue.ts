// The catalogue of the runs of a data folder: state, view and summary of each, the list with its filters, and the history of a
// workflow for estimates. Every process that looks at several runs has one; a hub shares one among the API, the tail and the
// supervisor. Active runs are folded on from where they were; of ended ones only what a list shows stays in memory.
import { isRunId, type RunId } from '../core/ids.ts';
import { type DataFolder, isAlive, type JournalReader, openJournal } from '../journal/index.ts';
import type { ReadRunAlerts } from './alerts/run-alerts.ts';
import { createEndedRuns, type EndedRun, type StepDurations, stepDurationsOf } from './ended-runs.ts';
import { type History, historyOf } from './estimate.ts';
import { foldAll } from './fold-run.ts';
import { summarizeRun, viewRun } from './make-view.ts';
import type { RunState } from './run-state.ts';
import type { RunStateName, RunSummary, RunView } from './run-view.ts';
import { readRunState, savedState } from './saved-state.ts';

export type RunOfWorkflow = { readonly runId: string; readonly workflow: string };

export type RunFilter = {
  readonly workflow?: string | undefined;
  readonly states?: readonly RunStateName[] | undefined;
  /** Any part of what a list shows, without regard to case. */
  readonly search?: string | undefined;
  /** Only runs with smaller ids, which are older. */
  readonly before?: string | undefined;
  /** Unix milliseconds: only runs that started then or later. */
  readonly sinceMs?: number | undefined;
  /** 0 for all. */
  readonly limit: number;
  /** So many runs are examined at most; 0 for all. */
  readonly maxExamined?: number;
  /** Receives runs that cannot be read; they are left out of the list. */
  readonly onUnreadable?: (runId: RunId, error: unknown) => void;
};

export type RunPage = {
  /** Newest first. */
  readonly runs: readonly RunSummary[];
  /** The last run that was examined, if there are older ones: ask for `before` this to continue. */
  readonly next: RunId | undefined;
  /** Older runs that were not examined. */
  readonly unexamined: number;
  /** Runs in the data folder, whatever the filter. */
  readonly total: number;
};

export type Catalogue = {
  readonly readerOf: (runId: RunId) => JournalReader;
  /** Undefined if the run has no journal (any more). @throws JournalError if a later version wrote it */
  readonly stateOf: (runId: RunId) => Promise<RunState | undefined>;
  /** As `stateOf`. */
  readonly viewOf: (runId: RunId) => Promise<RunView | undefined>;
  /** The view of a state that was folded elsewhere, as by who follows the run. */
  readonly viewOfState: (state: RunState) => Promise<RunView>;
  readonly list: (filter: RunFilter) => Promise<RunPage>;
  /** How long the steps took in earlier runs of the workflow. Read once for each run: its past does not change. */
  readonly historyOf: (run: RunOfWorkflow) => Promise<History>;
  /** Reads of these ended runs what a list shows, so that lists find it in memory. */
  readonly rememberEnded: (runIds: readonly RunId[]) => Promise<void>;
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
  /** The alerts of a run that fire; none are shown without it. */
  readonly alertsOf?: ReadRunAlerts;
};

/** A state takes some 10 KB and a few more for each step: 200 take some MB. */
const keptStates = 200;

/** An estimate is made from this many earlier runs: enough for a median, few enough to follow a change. */
const historyRuns = 10;

/** So many earlier runs are examined for them. Reading the saved state of an ended run takes 0.5 ms. */
const examinedForHistory = 100;

/** Alerts of an ended run fire for a day by default; a list does not count those of runs that ended longer ago. */
const alertsShownForMs = 48 * 3_600_000;

/** A history is a few numbers for each step. */
const keptHistories = 100;

export function createCatalogue({ data, now = Date.now, alertsOf }: CatalogueOptions): Catalogue {
  const states = createStates(data);
  const ended = createEndedRuns(data);
  const historyFor = createHistories(data, endedRunOf);
  const withAlertCount = createAlertCounter({ now, alertsOf, stateOf: states.stateOf, historyOf: historyFor });

  /** Of an ended run nothing but its summary stays in memory, however many a list examines. */
  async function endedRunOf(runId: RunId): Promise<EndedRun | undefined> {
    const known = ended.get(runId);
    if (known !== undefined) return known;
    const folder = data.runDir(runId);
    let state = states.known(runId) ?? savedState(folder);
    if (state?.phase.kind !== 'finished') {
      if (!(await openJournal(folder).head()).finished) return undefined;
      state = await readRunState(folder);
    }
    if (state?.phase.kind !== 'finished') return undefined;
    const run = {
      summary: summarizeRun(state, { nowMs: now(), isWriterGone: false }),
      stepDurations: stepDurationsOf(state),
      nextSeq: state.nextSeq,
    };
    ended.set(runId, run);
    return run;
  }

  async function summaryOf(runId: RunId): Promise<RunSummary | undefined> {
    const run = await endedRunOf(runId);
    if (run !== undefined) return run.summary;
    const state = await states.stateOf(runId);
    return state === undefined ? undefined : summarizeRun(state, { nowMs: now(), isWriterGone: isWriterGone(state) });
  }

  async function contextOf(state: RunState) {
    const alerts = (await alertsOf?.(state, historyFor)) ?? [];
    return { nowMs: now(), isWriterGone: isWriterGone(state), alerts };
  }

  async function viewOfState(state: RunState): Promise<RunView> {
    const history = state.phase.kind === 'running' ? await historyFor(state) : new Map();
    return viewRun(state, { ...(await contextOf(state)), history });
  }

  return {
    readerOf: states.readerOf,
    stateOf: states.stateOf,
    async viewOf(runId) {
      const state = await states.stateOf(runId);
      return state === undefined ? undefined : viewOfState(state);
    },
    viewOfState,
    async list(filter) {
      const runIds = data.listRunIds();
      ended.keepOnly(new Set(runIds));
      const page = await listRuns(runIds, filter, summaryOf);
      return { ...page, runs: await Promise.all(page.runs.map(withAlertCount)) };
    },
    historyOf: historyFor,
    async rememberEnded(runIds) {
      // A run that cannot be read is reported by who follows it.
      for (const runId of runIds) if (ended.get(runId) === undefined) await endedRunOf(runId).catch(() => undefined);
    },
    load: ended.load,
    save: ended.save,
    confirm(runId, { nextSeq, finished }) {
      const end = ended.get(runId);
      const isWrong = end !== undefined && !(finished && end.nextSeq === nextSeq);
      if (!isWrong && (states.known(runId)?.nextSeq ?? 0) <= nextSeq) return;
      states.forget(runId);
      ended.delete(runId);
    },
  };
}

type States = {
  readonly readerOf: (runId: RunId) => JournalReader;
  readonly stateOf: (runId: RunId) => Promise<RunState | undefined>;
  /** The last state that was read, if it is still kept. */
  readonly known: (runId: RunId) => RunState | undefined;
  readonly forget: (runId: RunId) => void;
};

/** The states of the runs that were asked for last; each continues where it was. */
function createStates(data: DataFolder): States {
  const states = createRecent<RunId, { reader: JournalReader; state: RunState | undefined }>(keptStates);
  const folding = new Map<RunId, Promise<RunState | undefined>>();

  async function fold(runId: RunId): Promise<RunState | undefined> {
    const kept = states.get(runId);
    if (kept?.state?.phase.kind === 'finished') return kept.state;
    const folder = data.runDir(runId);
    const reader = kept?.reader ?? openJournal(folder);
    const { firstSeq, nextSeq } = await reader.head();
    let state = kept?.state;
    if (state === undefined || state.nextSeq > nextSeq || firstSeq > state.nextSeq) state = await readRunState(folder);
    else if (state.nextSeq < nextSeq) {
      for await (const records of reader.read({ from: state.nextSeq, onProblem: () => undefined }))
        state = foldAll(records, state);
    }
    states.set(runId, { reader, state });
    return state;
  }

  return {
    readerOf: (runId) => states.get(runId)?.reader ?? openJournal(data.runDir(runId)),
    /** Two callers who ask for the same run at once share one reading. */
    stateOf(runId) {
      const running = folding.get(runId) ?? fold(runId).finally(() => folding.delete(runId));
      folding.set(runId, running);
      return running;
    },
    known: (runId) => states.get(runId)?.state,
    forget: states.delete,
  };
}

type AlertSources = { readonly alertsOf: CatalogueOptions['alertsOf'] | undefined } & Pick<
  Catalogue,
  'stateOf' | 'historyOf'
> & { readonly now: () => number };

/** Only for the runs that a list shows: evaluating alerts reads a journal. */
function createAlertCounter({ now, alertsOf, stateOf, historyOf: historyFor }: AlertSources) {
  return async (summary: RunSummary): Promise<RunSummary> => {
    const { runId, endedAt } = summary;
    const isOld = endedAt !== null && now() - Date.parse(endedAt) > alertsShownForMs;
    if (alertsOf === undefined || isOld || !isRunId(runId)) return summary;
    const state = await stateOf(runId);
    return state === undefined ? summary : { ...summary, alertCount: (await alertsOf(state, historyFor)).length };
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

async function listRuns(
  all: readonly RunId[],
  filter: RunFilter,
  summaryOf: (runId: RunId) => Promise<RunSummary | undefined>,
): Promise<RunPage> {
  const { before, limit, maxExamined = 0 } = filter;
  const runIds = before === undefined ? all : all.filter((runId) => runId < before);
  const fits = matcherOf(filter);
  const runs: RunSummary[] = [];
  let examined = 0;
  for (const runId of runIds) {
    if ((limit > 0 && runs.length >= limit) || (maxExamined > 0 && examined >= maxExamined)) break;
    examined += 1;
    try {
      const summary = await summaryOf(runId);
      if (summary !== undefined && fits(summary)) runs.push(summary);
    } catch (error) {
      filter.onUnreadable?.(runId, error);
    }
  }
  const next = examined < runIds.length ? runIds[examined - 1] : undefined;
  return { runs, next, unexamined: runIds.length - examined, total: all.length };
}

/** Whether the process that runs it, or ran it, is known to be dead. */
export function isWriterGone({ writer }: Pick<RunState, 'writer'>): boolean {
  return writer !== undefined && !isAlive(writer);
}

function matcherOf({ workflow, states, search, sinceMs }: RunFilter): (summary: RunSummary) => boolean {
  const sought = search?.toLowerCase();
  return (summary) => {
    if (workflow !== undefined && summary.workflow !== workflow) return false;
    if (states !== undefined && !states.includes(summary.state)) return false;
    if (sinceMs !== undefined && !(summary.startedAt !== null && Date.parse(summary.startedAt) >= sinceMs))
      return false;
    return sought === undefined || searchedText(summary).includes(sought);
  };
}

function searchedText(summary: RunSummary): string {
  const { runId, workflow, state, cause, message, traceId, file, description } = summary;
  return [runId, workflow, state, cause, message, traceId, file, description].join('\n').toLowerCase();
}

type Recent<K, V> = {
  readonly get: (key: K) => V | undefined;
  readonly set: (key: K, value: V) => void;
  readonly delete: (key: K) => void;
};

/** Keeps the last `limit` values that somebody asked for. */
function createRecent<K, V>(limit: number): Recent<K, V> {
  const entries = new Map<K, V>();
  const set = (key: K, value: V): void => {
    entries.delete(key);
    entries.set(key, value);
    for (const [oldest] of entries) {
      if (entries.size <= limit) break;
      entries.delete(oldest);
    }
  };
  return {
    set,
    get(key) {
      const value = entries.get(key);
      if (value !== undefined) set(key, value);
      return value;
    },
    delete: (key) => void entries.delete(key),
  };
}
