// The notifier of one run: follows its journal, evaluates the rules, and has the alerts delivered. One a run, by a lock.
// The journal is its queue: while the receiver is down it keeps reading and holds no more than the alerts themselves.
import type { RunId } from '../../core/ids.ts';
import {
  acquireLock,
  type DataFolder,
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
import { msOfNs, type RunReference } from '../../runs/index.ts';
import { createOutbox, type Deliveries, firstDueMs, type Outbox, type OutboxOptions } from './deliver/outbox.ts';
import { createSend, type Send } from './deliver/receiver.ts';
import { readHistory } from './history.ts';
import { loadNotifierState, type NotifierState, saveNotifierState } from './notifier-state.ts';
import { laterSuccess, resolveEarlier } from './resolve-earlier.ts';
import type { NotifySettings, SendResult } from './settings.ts';

export type NotifierOptions = {
  readonly data: DataFolder;
  readonly runId: RunId;
  readonly settings: NotifySettings;
  /** The journal, where it is open in this process already. */
  readonly reader?: JournalReader;
  readonly onSent?: (result: SendResult, count: number) => void;
  /** Resolves, in the notifier that this process has of an earlier run; false where it has none. */
  readonly openHere?: (runId: RunId, atMs: number) => boolean;
  /** Is told of earlier runs whose alerts have an end that somebody has to send. */
  readonly onResolvedEarlier?: (runIds: readonly RunId[]) => void;
  /** For tests. */
  readonly send?: Send;
  readonly now?: () => number;
  readonly tickMs?: number;
  readonly wait?: OutboxOptions['wait'];
};

/**
 * When a notifier of a run that has ended would have something to do, by what the last one has saved: a time (Unix ms),
 * or undefined where never.
 */
export function nextWorkMs(state: NotifierState, settings: NotifySettings, nowMs: number): number | undefined {
  const { rules, deliveries, hasMetOthers } = state;
  return hasMetOthers ? firstDueMs(rules.alerts, rules.run, deliveries, settings, nowMs) : nowMs;
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
  /** A later run of the workflow has succeeded. False where this notifier has done its work and can send no more. */
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
/** Lines come in bursts; an alert is no later for being looked for ten times a second. */
const gatherMs = 100;

export async function startNotifier(options: NotifierOptions): Promise<NotifierStart> {
  const { data, runId, settings, now = Date.now, tickMs = defaultTickMs } = options;
  const folder = data.runDir(runId);
  const lock = await acquireLock(folder, 'notify', `sends the alerts of run ${runId}`);
  if (lock.kind === 'held') return lock;

  const reader = options.reader ?? openJournal(folder);
  const stopping = new AbortController();
  const cursor = openCursor(folder, 'notify');
  const send = options.send ?? createSend(settings.receiver);
  const stored = loadNotifierState(folder);
  let rules: AlertEvaluation = emptyEvaluation();
  let hasMetOthers = false;
  let deliveries: Deliveries = stored?.deliveries ?? {};
  let savedRules: AlertEvaluation | undefined;
  let savedAtMs = now();
  let isRead = false;
  let lastReadAt = Number.NEGATIVE_INFINITY;
  let hasLooked = false;
  let hasEnded = false;
  const delivered = Promise.withResolvers<void>();
  let wake = (): void => undefined;

  const outbox = createOutbox(
    {
      settings,
      send,
      now,
      onSent: (result, count) => options.onSent?.(result, count),
      ...(options.wait && { wait: options.wait }),
    },
    deliveries,
  );
  const run = (): RunReference => ({ ...rules.run, runId });
  const waiting = (): number => outbox.waiting(rules.alerts, run());

  async function keep(next: Deliveries): Promise<void> {
    deliveries = next;
    savedRules = rules;
    savedAtMs = now();
    const state: NotifierState = { rules, deliveries, hasMetOthers };
    await saveNotifierState(folder, state);
    if (waiting() === 0) await cursor.save(state.rules.run.nextSeq);
  }

  async function read(): Promise<void> {
    const { nextSeq, finished } = await reader.head();
    // A journal that was cut or replaced: what was known of it is not of this one.
    if (stored !== undefined && stored.rules.run.nextSeq <= nextSeq) ({ rules, hasMetOthers } = stored);
    const batches = reader.read({
      from: rules.run.nextSeq,
      follow: !finished,
      signal: stopping.signal,
      maxBatchMs: finished ? 0 : gatherMs,
      reuseMemory: true,
      // What is damaged is counted by who measures; an alert about the rest is better than none.
      onProblem: () => undefined,
    });
    for await (const records of batches) {
      const first = records[0];
      if (first?.kind === 'event' && first.event.type === 'run.started') {
        rules = withHistory(rules, await readHistory(data, first.event.workflow, runId));
      }
      const { alerts } = rules;
      for (const record of records) rules = foldAlerts(rules, record, settings.alerts);
      lastReadAt = performance.now();
      if (rules.alerts !== alerts) wake();
    }
    isRead = true;
    wake();
  }

  /**
   * Asks the clock where everything that was written was read. Only in silence: each record brings the rules up to its own
   * time, and looking for the end of a journal that grows fast costs as much as reading it.
   */
  async function tick(): Promise<void> {
    const nowMs = now();
    if (performance.now() - lastReadAt < tickMs) return;
    lastReadAt = performance.now();
    const { nextSeq } = await reader.head();
    if (nextSeq === rules.run.nextSeq) rules = tickAlerts(rules, nowMs, settings.alerts);
  }

  /** A success resolves what earlier runs left firing; a failure may have been made good before anybody looked at it. */
  async function meetOthers(): Promise<void> {
    const { phase, workflow } = rules.run;
    if (!isRead || hasMetOthers || phase.kind !== 'finished') return;
    await keep(deliveries);
    hasLooked = true;
    if (phase.outcome.kind === 'success') {
      const success = { runId, workflow, atMs: msOfNs(phase.endedNs) };
      const earlier = await resolveEarlier(data, success, options.openHere ?? (() => false));
      if (earlier.changed.length > 0) options.onResolvedEarlier?.(earlier.changed);
      hasMetOthers = !earlier.isBusy;
    } else {
      const atMs = awaitsSuccess(rules.alerts) ? laterSuccess(data, { runId, workflow }) : undefined;
      if (atMs !== undefined) resolve(atMs);
      hasMetOthers = true;
    }
    savedRules = undefined;
  }

  function resolve(atMs: number): void {
    rules = { ...rules, alerts: resolveBySuccess(rules.alerts, atMs) };
    wake();
  }

  async function work(): Promise<NotifierEnd> {
    let readError: Error | undefined;
    const reading = read().catch((error: unknown) => {
      readError = error as Error;
      wake();
    });
    try {
      for (;;) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        if (!isRead && readError === undefined) await tick();
        await meetOthers();
        // The end of the run may have been read just now: what it means is known in the next round.
        const isDecided = rules.run.phase.kind !== 'finished' || hasMetOthers || hasLooked;
        if (isDecided) await outbox.sendDue(rules.alerts, run(), stopping.signal, keep);
        if (stopping.signal.aborted) return { kind: 'stopped' };
        if (readError !== undefined) return { kind: 'failed', error: readError };
        const nextMs = outbox.nextMs(rules.alerts, run());
        const isAlone = hasMetOthers || rules.run.phase.kind !== 'finished';
        if (isRead && isAlone && waiting() === 0) delivered.resolve();
        if (isRead && isAlone && waiting() === 0 && (nextMs === undefined || nextMs > now() + parkAfterMs)) {
          hasEnded = true;
          return { kind: 'settled', nextMs };
        }
        if (savedRules !== rules && now() - savedAtMs >= saveEveryMs) await keep(deliveries);
        // The clock says nothing more of a run that has ended and whose alerts are known.
        const lookMs = isRead && isAlone ? Number.POSITIVE_INFINITY : now() + tickMs;
        await pause(woken, Math.max(0, Math.min(nextMs ?? lookMs, lookMs) - now()));
      }
    } finally {
      hasEnded = true;
      stopping.abort();
      await reading;
    }
  }
  async function pause(woken: Promise<void>, ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timed = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([woken, timed]);
    clearTimeout(timer);
  }

  const done = work()
    .then(async (end) => {
      if (rules.run.nextSeq > 0 && savedRules !== rules) await keep(deliveries);
      return end;
    })
    .catch((error: unknown): NotifierEnd => ({ kind: 'failed', error: error as Error }))
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
        if (!hasEnded) resolve(atMs);
        return !hasEnded;
      },
      async stop() {
        stopping.abort();
        wake();
        await done;
      },
    },
  };
}
