// The notifier of one run: follows its journal, evaluates the rules, and has the alerts delivered. A lock admits one for each run.
// The journal is its queue: while the receiver is down it keeps reading and holds no more than the alerts themselves. The hub starts
// one for each run with news, and a run without a hub starts its own.
//
// Four parts: the evaluator reads the journal into alerts, the keeper saves them with what was delivered, the outbox
// (deliver/outbox.ts) sends what is due, and the loop here decides what to do next and when the work is done.
import { toError } from '../../core/errors.ts';
import type { RunId } from '../../core/ids.ts';
import {
  acquireLock,
  type DataFolder,
  type JournalProblem,
  type JournalReader,
  type LockHolder,
  openCursor,
  openJournal,
} from '../../journal/index.ts';
import {
  type AlertEvaluation,
  awaitsSuccess,
  emptyEvaluation,
  foldAlerts,
  resolveBySuccess,
  tickAlerts,
  withHistory,
} from '../../runs/alerts/index.ts';
import { type Catalogue, createCatalogue, msOfNs, type RunReference } from '../../runs/index.ts';
import { createOutbox, type Deliveries, firstDueMs, type Outbox, type OutboxOptions } from './deliver/outbox.ts';
import { createSend, type Send } from './deliver/receiver.ts';
import { loadNotifierState, type NotifierState, saveNotifierState } from './notifier-state.ts';
import { laterSuccess, resolveEarlier } from './resolve-earlier.ts';
import type { NotifySettings, SendResult } from './settings.ts';

export type NotifierOptions = {
  readonly data: DataFolder;
  readonly runId: RunId;
  readonly settings: NotifySettings;
  /** How long steps took in earlier runs of a workflow. Default: read from the data folder. */
  readonly historyOf?: Catalogue['historyOf'];
  /** The journal, if it is open in this process already. */
  readonly reader?: JournalReader;
  /** Called with damage and gaps of the journal. An alert about the rest is better than none. */
  readonly onProblem: (problem: JournalProblem) => void;
  readonly onSent?: (result: SendResult, count: number) => void;
  /** Resolves, in the notifier that this process has of an earlier run; false if it has none. */
  readonly openHere?: (runId: RunId, atMs: number) => boolean;
  /** Called with earlier runs whose alerts have an end that somebody has to send. */
  readonly onResolvedEarlier?: (runIds: readonly RunId[]) => void;
  /** For tests. */
  readonly send?: Send;
  readonly now?: () => number;
  readonly tickMs?: number;
  readonly wait?: OutboxOptions['wait'];
};

/**
 * When a notifier of a run that has ended would have something to do, by what the last one has saved: a time (Unix ms),
 * or undefined for never.
 */
export function nextWorkMs(state: NotifierState, settings: NotifySettings, nowMs: number): number | undefined {
  const { rules, deliveries, areOthersChecked } = state;
  return areOthersChecked ? firstDueMs({ alerts: rules.alerts, run: rules.run, deliveries }, settings, nowMs) : nowMs;
}

export type NotifierEnd =
  /** Everything is delivered. `nextMs`: something is to be sent then, by another notifier. */
  | { readonly kind: 'settled'; readonly nextMs: number | undefined }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly error: Error };

export type Notifier = {
  readonly runId: RunId;
  /** Resolves when the run has ended and nothing is to be sent soon, or when it was stopped. Never rejects. */
  readonly done: Promise<NotifierEnd>;
  /** Resolves once the run has ended and its alerts were taken, or with `done`. */
  readonly delivered: Promise<void>;
  readonly waiting: () => number;
  /** Why the receiver did not take what was sent last. */
  readonly lastFailure: () => string | undefined;
  /** Whether the receiver has answered since this notifier started. */
  readonly contact: Outbox['contact'];
  /** A later run of the workflow has succeeded. False if this notifier has done its work and can send no more. */
  readonly resolve: (atMs: number) => boolean;
  readonly stop: () => Promise<void>;
};

export type NotifierStart =
  | { readonly kind: 'started'; readonly notifier: Notifier }
  | { readonly kind: 'held'; readonly by: LockHolder };

/** How often the clock is looked at: alerts about time come so much late at most. */
const defaultTickMs = 1_000;
/** Between two saves without an alert: so much is read again after a crash. */
const saveEveryMs = 10_000;
/** What is to be sent again later than this is left to another notifier, so that none is kept open to wait for it. */
const parkAfterMs = 10_000;
/** Lines come in bursts; looking for alerts ten times a second delays none noticeably. */
const gatherMs = 100;

export async function startNotifier(options: NotifierOptions): Promise<NotifierStart> {
  const { data, runId, settings, now = Date.now } = options;
  const folder = data.runDir(runId);
  const lock = await acquireLock(folder, 'notify', `sends the alerts of run ${runId}`);
  if (lock.kind === 'held') return lock;

  const stopping = new AbortController();
  const stored = loadNotifierState(folder);
  const deliveries = stored?.deliveries ?? {};
  const wakeUp = createWakeUp();
  const evaluator = createEvaluator(options, {
    stored: stored?.rules,
    signal: stopping.signal,
    onChange: wakeUp.raise,
    onContinued: () => otherRuns.continueFrom(stored?.areOthersChecked === true),
  });
  const outbox = createOutbox(
    {
      settings,
      send: options.send ?? createSend(settings.receiver),
      now,
      onSent: (result, count) => options.onSent?.(result, count),
      ...(options.wait && { wait: options.wait }),
    },
    deliveries,
  );
  const run = (): RunReference => ({ ...evaluator.rules().run, runId });
  const waiting = (): number => outbox.waiting(evaluator.rules().alerts, run());
  const areOthersChecked = (): boolean => otherRuns.state() === 'checked';
  const keeper = createKeeper(options, { deliveries, rules: evaluator.rules, waiting, areOthersChecked });
  const otherRuns = createOtherRuns(options, evaluator, keeper);
  const delivered = Promise.withResolvers<void>();
  const parts = { options, stopping, wakeUp, evaluator, outbox, keeper, otherRuns, run, waiting };
  const done = work(parts, delivered.resolve)
    .then(async (end) => {
      if (evaluator.rules().run.nextSeq > 0 && keeper.isStale()) await keeper.keep();
      return end;
    })
    .catch((error: unknown): NotifierEnd => ({ kind: 'failed', error: toError(error) }))
    .finally(() => {
      lock.release();
      delivered.resolve();
    });

  return {
    kind: 'started',
    notifier: {
      runId,
      done,
      delivered: delivered.promise,
      waiting,
      lastFailure: outbox.lastFailure,
      contact: outbox.contact,
      resolve(atMs) {
        const isWorking = !stopping.signal.aborted;
        if (isWorking) evaluator.resolve(atMs);
        return isWorking;
      },
      async stop() {
        stopping.abort();
        wakeUp.raise();
        await done;
      },
    },
  };
}

type Parts = {
  readonly options: NotifierOptions;
  readonly stopping: AbortController;
  readonly wakeUp: WakeUp;
  readonly evaluator: Evaluator;
  readonly outbox: Outbox;
  readonly keeper: Keeper;
  readonly otherRuns: OtherRuns;
  readonly run: () => RunReference;
  readonly waiting: () => number;
};

/** How far the notifier is with its run. */
type Phase =
  /** Records come, or another process still has an earlier run of the workflow open: alerts may change. */
  | { readonly kind: 'open' }
  /** The run has ended, and what that means for other runs of the workflow, and they for it, was not looked at yet. */
  | { readonly kind: 'ended' }
  /** Neither a record nor the clock changes its alerts from here on. */
  | { readonly kind: 'decided' }
  | { readonly kind: 'failed'; readonly error: Error };

function phaseOf({ evaluator, otherRuns }: Parts): Phase {
  const reading = evaluator.reading();
  if (reading.kind === 'failed') return reading;
  const hasEnded = evaluator.rules().run.phase.kind === 'finished';
  if (hasEnded && otherRuns.state() === 'unchecked') return { kind: 'ended' };
  const isRead = reading.kind === 'read';
  return { kind: isRead && (otherRuns.state() === 'checked' || !hasEnded) ? 'decided' : 'open' };
}

/** @param onDelivered called each time nothing waits after the end of the run */
async function work(parts: Parts, onDelivered: () => void): Promise<NotifierEnd> {
  const { options, stopping, wakeUp, evaluator, outbox, keeper, otherRuns, run, waiting } = parts;
  const { now = Date.now, tickMs = defaultTickMs } = options;
  const { signal } = stopping;
  const alerts = () => evaluator.rules().alerts;
  const reading = evaluator.read();
  try {
    for (;;) {
      const woken = wakeUp.next();
      if (evaluator.reading().kind === 'reading') await evaluator.tick();
      await otherRuns.check();
      const phase = phaseOf(parts);
      // The end of the run may have been read just now: what it means is known in the next round.
      if (phase.kind !== 'ended') await outbox.sendDue(alerts(), run(), signal, keeper.keep);
      if (signal.aborted) return { kind: 'stopped' };
      if (phase.kind === 'failed') return phase;
      const nextMs = outbox.nextMs(alerts(), run());
      const isDecided = phase.kind === 'decided';
      if (isDecided && waiting() === 0) {
        onDelivered();
        if (nextMs === undefined || nextMs > now() + parkAfterMs) return { kind: 'settled', nextMs };
      }
      if (keeper.isDue()) await keeper.keep();
      const lookMs = isDecided ? Number.POSITIVE_INFINITY : now() + tickMs;
      await pause(woken, Math.max(0, Math.min(nextMs ?? lookMs, lookMs) - now()));
    }
  } finally {
    stopping.abort();
    await reading;
  }
}

type WakeUp = {
  readonly raise: () => void;
  /** Resolves when it is raised from now on. */
  readonly next: () => Promise<void>;
};

function createWakeUp(): WakeUp {
  let wake = (): void => undefined;
  return {
    raise: () => wake(),
    next: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
  };
}

async function pause(woken: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([woken, timed]);
  clearTimeout(timer);
}

type Evaluator = {
  readonly rules: () => AlertEvaluation;
  readonly reading: () => Reading;
  /** Reads the journal to the end of the run. Never rejects. */
  readonly read: () => Promise<void>;
  /**
   * Evaluates the clock if everything that was written was read. Only in silence: each record brings the rules up to its own
   * time, and looking for the end of a journal that grows fast costs as much as reading it.
   */
  readonly tick: () => Promise<void>;
  /** Resolves the alerts that a later success of the workflow resolves. */
  readonly resolve: (atMs: number) => void;
};

type Reading =
  | { readonly kind: 'reading' }
  /** The run has ended, and all of it was read. */
  | { readonly kind: 'read' }
  | { readonly kind: 'failed'; readonly error: Error };

type EvaluatorOptions = {
  readonly stored: AlertEvaluation | undefined;
  readonly signal: AbortSignal;
  readonly onChange: () => void;
  /** The stored evaluation is of this journal and is continued. */
  readonly onContinued: () => void;
};

function createEvaluator(
  { data, runId, settings, now = Date.now, tickMs = defaultTickMs, ...options }: NotifierOptions,
  { stored, signal, onChange, onContinued }: EvaluatorOptions,
): Evaluator {
  const reader = options.reader ?? openJournal(data.runDir(runId));
  const historyOf = options.historyOf ?? createCatalogue({ data }).historyOf;
  let rules = emptyEvaluation();
  let reading: Reading = { kind: 'reading' };
  let lastReadAt = Number.NEGATIVE_INFINITY;

  async function readAll(): Promise<void> {
    const { nextSeq, finished } = await reader.head();
    // A journal that was cut or replaced: what was stored is not about this one.
    if (stored !== undefined && stored.run.nextSeq <= nextSeq) {
      rules = stored;
      onContinued();
    }
    const batches = reader.read({
      from: rules.run.nextSeq,
      follow: !finished,
      signal,
      maxBatchMs: finished ? 0 : gatherMs,
      reuseMemory: true,
      onProblem: options.onProblem,
    });
    for await (const records of batches) {
      const [first] = records;
      if (first?.kind === 'event' && first.event.type === 'run.started')
        rules = withHistory(rules, await historyOf({ runId, workflow: first.event.workflow }));
      const { alerts } = rules;
      for (const record of records) rules = foldAlerts(rules, record, settings.alerts);
      lastReadAt = performance.now();
      if (rules.alerts !== alerts) onChange();
    }
  }

  return {
    rules: () => rules,
    reading: () => reading,
    async read() {
      reading = await readAll().then(
        (): Reading => ({ kind: 'read' }),
        (error: unknown): Reading => ({ kind: 'failed', error: toError(error) }),
      );
      onChange();
    },
    async tick() {
      const nowMs = now();
      if (performance.now() - lastReadAt < tickMs) return;
      lastReadAt = performance.now();
      const { nextSeq } = await reader.head();
      if (nextSeq === rules.run.nextSeq) rules = tickAlerts(rules, nowMs, settings.alerts);
    },
    resolve(atMs) {
      rules = { ...rules, alerts: resolveBySuccess(rules.alerts, atMs) };
      onChange();
    },
  };
}

type Keeper = {
  /** Saves the rules with these deliveries, or with those of before. */
  readonly keep: (deliveries?: Deliveries) => Promise<void>;
  /** Whether what was saved last is out of date. */
  readonly isStale: () => boolean;
  /** Whether it has been out of date for long enough to be saved. */
  readonly isDue: () => boolean;
};

type KeeperOptions = {
  readonly deliveries: Deliveries;
  readonly rules: () => AlertEvaluation;
  readonly waiting: () => number;
  readonly areOthersChecked: () => boolean;
};

function createKeeper(
  { data, runId, now = Date.now }: NotifierOptions,
  { rules, waiting, areOthersChecked, ...before }: KeeperOptions,
): Keeper {
  const folder = data.runDir(runId);
  const cursor = openCursor(folder, 'notify');
  let { deliveries } = before;
  let saved: NotifierState | undefined;
  let savedAtMs = now();
  const isStale = (): boolean => saved?.rules !== rules() || saved.areOthersChecked !== areOthersChecked();
  return {
    async keep(next = deliveries) {
      deliveries = next;
      const state = { rules: rules(), deliveries, areOthersChecked: areOthersChecked() };
      saved = state;
      savedAtMs = now();
      await saveNotifierState(folder, state);
      if (waiting() === 0) await cursor.save(state.rules.run.nextSeq);
    },
    isStale,
    isDue: () => isStale() && now() - savedAtMs >= saveEveryMs,
  };
}

type OtherRuns = {
  /** `busy`: another process works on one of the other runs, so they are to be looked at again. */
  readonly state: () => 'unchecked' | 'busy' | 'checked';
  readonly continueFrom: (isChecked: boolean) => void;
  readonly check: () => Promise<void>;
};

/** A success resolves what earlier runs left firing; a failure may have been made good before anybody looked at it. */
function createOtherRuns(
  { data, runId, openHere = () => false, onResolvedEarlier }: NotifierOptions,
  evaluator: Evaluator,
  keeper: Keeper,
): OtherRuns {
  let state: ReturnType<OtherRuns['state']> = 'unchecked';
  return {
    state: () => state,
    continueFrom(isChecked) {
      state = isChecked ? 'checked' : 'unchecked';
    },
    async check() {
      const { phase, workflow } = evaluator.rules().run;
      if (evaluator.reading().kind !== 'read' || state === 'checked' || phase.kind !== 'finished') return;
      // The other side looks for what this one has written, so it is written first.
      await keeper.keep();
      if (phase.outcome.kind === 'success') {
        const success = { runId, workflow, atMs: msOfNs(phase.endedNs) };
        const earlier = await resolveEarlier(data, success, openHere);
        if (earlier.changed.length > 0) onResolvedEarlier?.(earlier.changed);
        state = earlier.isBusy ? 'busy' : 'checked';
        return;
      }
      const atMs = awaitsSuccess(evaluator.rules().alerts) ? laterSuccess(data, { runId, workflow }) : undefined;
      if (atMs !== undefined) evaluator.resolve(atMs);
      state = 'checked';
    },
  };
}
