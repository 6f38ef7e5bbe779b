// One run as one watcher gets it: first from the journal, then from the live end, from one number to the next without gap
// or repeat, and never faster than the socket takes it. Its only memory is the next number. Called by watches.ts.
import { setImmediate as turn } from 'node:timers/promises';
import type { RunId } from '../../core/ids.ts';
import { createSignal, type Signal } from '../../core/signal.ts';
import { nsOfMs } from '../../core/time.ts';
import { JournalError } from '../../journal/index.ts';
import type { ActiveAlert } from '../../runs/index.ts';
import type { ErrorCode, SubscriptionData, SubscriptionMessage } from '../schema/messages.ts';
import { linesEndedFrom, readLines, type WholeLines } from '../whole-lines.ts';
import { type Encoded, type Feed, type FeedBatch, type Gap, gapsOf } from './feed.ts';
import { type Filter, SlowSearch } from './filter.ts';
import { isoNow, progressMessage } from './live-run.ts';
import { alertData, compareAlerts, gapMessage, messagesOf } from './map.ts';
import { encode, type Outbox } from './outbox.ts';

export type Subscription = {
  readonly jumpToNow: () => void;
  /** Whether the watcher was sent the end of the run. */
  readonly hasEnd: () => boolean;
  readonly stop: () => void;
};

export type SubscriptionOptions = {
  readonly runId: RunId;
  readonly feed: Feed;
  readonly filter: Filter;
  readonly fromSeq: number;
  readonly outbox: Outbox;
  /** Called once if the subscription ends by an error. */
  readonly onError: (code: ErrorCode, message: string) => void;
  /** Milliseconds between two `lagging`. */
  readonly lagEveryMs: number;
  /** Called with how many numbers were jumped over. */
  readonly onJump: (count: number) => void;
};

/** Read at once from the journal: about one message, so that a stalled watcher holds no more than that. */
const readBytes = 64 * 1024;

/** A socket that takes nothing for so long is stalled: then the files are closed, and the block that was read is released. */
const holdMs = 1_000;

/** A writer needs a millisecond to open its next segment. */
const rollMs = 500;

/** A watcher that is behind by fewer than this is not reported: they are sent in the blink of an eye. */
const lagLines = 1_000;

export function startSubscription(options: SubscriptionOptions): Subscription {
  const { feed, outbox, onError } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const wakeUp = createSignal();
  const sending = createSending(options, signal);
  const journal = createJournalSender(options, sending, wakeUp, signal);

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const seen = wakeUp.count();
      if (feed.failure() !== undefined) throw feed.failure();
      if (!outbox.hasRoom()) {
        await wakeUp.wait(seen);
        continue;
      }
      if (sending.isJumping()) await sending.jump();
      const next = feed.take(sending.position());
      if (next === 'behind') await journal.catchUp();
      else if (next === 'wait' || next === 'ended') {
        feed.run.start();
        // Nothing follows the end of a run, so that is reported when its progress and its alerts are known.
        if (next === 'wait' || feed.run.isSettled()) sending.reportEnd(next === 'ended');
        await wakeUp.wait(seen);
      } else sending.sendLive(next);
    }
  };

  feed.watch(wakeUp.raise);
  const stopRoom = outbox.onRoom(wakeUp.raise);
  run()
    .catch((error: unknown) => {
      if (!signal.aborted) onError(...errorOf(error));
    })
    .finally(() => {
      feed.unwatch(wakeUp.raise);
      stopRoom();
    });
  return {
    jumpToNow() {
      sending.requestJump();
      wakeUp.raise();
    },
    hasEnd: sending.hasReportedEnd,
    stop() {
      stopping.abort();
      wakeUp.raise();
    },
  };
}

type Sending = ReturnType<typeof createSending>;

/** What is sent to the watcher, and how far. */
function createSending(options: SubscriptionOptions, signal: AbortSignal) {
  const { runId, feed, filter, outbox } = options;
  let position = options.fromSeq;
  let isJumping = false;
  const reports = createReports(options, () => position);

  /** If not, the loop looks at what has changed and continues at `position`. */
  const canContinue = (): boolean => outbox.hasRoom() && !isJumping && !signal.aborted;

  const moveTo = (seq: number): void => {
    position = Math.max(position, seq);
  };
  const send = ({ seq, bytes }: Encoded): void => {
    outbox.send(bytes);
    moveTo(seq + 1);
  };
  /** @returns whether all were sent */
  const sendAll = (messages: Iterable<Encoded>): boolean => {
    let isPartOfNext = false;
    for (const message of messages) {
      if (!isPartOfNext && !canContinue()) return false;
      send(message);
      ({ isPartOfNext } = message);
    }
    return true;
  };

  const encodedFrom = (batch: FeedBatch): Iterable<Encoded> => {
    const fresh = encodeBatch({ runId, filter, from: position }, linesOf(batch, filter), batch.gaps);
    if (position > batch.fromSeq) return fresh;
    const shared = batch.encoded.get(filter.key) ?? [...fresh];
    batch.encoded.set(filter.key, shared);
    return shared;
  };

  return {
    position: () => position,
    moveTo,
    canContinue,
    send,
    sendAll,
    reportLag: reports.lag,
    reportEnd: reports.end,
    hasReportedEnd: reports.isEnded,
    sendLive(batch: FeedBatch): void {
      if (sendAll(encodedFrom(batch))) moveTo(batch.nextSeq);
      reports.lag();
      if (reports.isCaughtUp()) reports.runState();
    },
    isJumping: () => isJumping,
    requestJump(): void {
      isJumping = true;
    },
    async jump(): Promise<void> {
      // The live end has possibly not read yet what is in the files already.
      const head = await feed.reader.head();
      isJumping = false;
      const now = Math.max(head.nextSeq, feed.nextSeq());
      const fromSeq = position;
      // The last record of a run that has ended says how it ended, which every watcher wants to see.
      moveTo(head.finished ? now - 1 : now);
      reports.jumped(fromSeq);
    },
  };
}

/** What a watcher is sent about its subscription. */
function createReports(
  { runId, feed, filter, outbox, lagEveryMs, onJump }: SubscriptionOptions,
  position: () => number,
) {
  let state: 'behind' | 'caught_up' | 'ended' = 'behind';
  let lagReportedAt = performance.now();
  let sentProgress: unknown;
  let sentAlerts: readonly ActiveAlert[] = [];

  type Body = { [T in keyof SubscriptionData]: { readonly type: T; readonly data: SubscriptionData[T] } };
  const report = (body: Body[keyof Body]): void => {
    const message: SubscriptionMessage = { ...body, executionId: runId, seq: position() - 1, timestamp: isoNow() };
    outbox.send(encode(message));
  };
  const progress = (): void => {
    const now = feed.run.progress();
    if (now === undefined || now === sentProgress || !filter.wantsEvents) return;
    sentProgress = now;
    outbox.send(encode(progressMessage(runId, now.data, position() - 1)));
  };

  const alerts = (): void => {
    const now = feed.run.alerts();
    if (now === undefined || now === sentAlerts || !filter.wantsEvents) return;
    const { begun, ended } = compareAlerts(sentAlerts, now);
    sentAlerts = now;
    for (const alert of ended) report({ type: 'alert_resolved', data: { step: alert.step, attempt: null, alert } });
    for (const alert of begun) report({ type: 'alert_triggered', data: alertData(alert) });
  };
  const runState = (): void => {
    progress();
    alerts();
  };

  return {
    runState,
    isCaughtUp: () => state !== 'behind',
    isEnded: () => state === 'ended',
    lag(): void {
      const now = performance.now();
      const headSeq = feed.nextSeq();
      const behindLines = headSeq - position();
      if (now - lagReportedAt < lagEveryMs || behindLines < lagLines) return;
      lagReportedAt = now;
      report({ type: 'lagging', data: { behindLines, headSeq } });
    },
    /** Everything up to now has been sent. */
    end(isEnded: boolean): void {
      if (state === 'ended') return;
      runState();
      const now = isEnded ? 'ended' : 'caught_up';
      if (state === now) return;
      state = now;
      report({ type: 'caught_up', data: { seq: position() - 1, ended: isEnded } });
    },
    jumped(fromSeq: number): void {
      state = 'behind';
      const toSeq = position();
      onJump(toSeq - fromSeq);
      report({ type: 'jumped', data: { fromSeq, toSeq, lines: toSeq - fromSeq } });
    },
  };
}

/** Sends what is in the files, for a watcher that is behind the live end. */
function createJournalSender(
  { runId, feed, filter, outbox }: SubscriptionOptions,
  sending: Sending,
  wakeUp: Signal,
  signal: AbortSignal,
) {
  /** Waits for room for a while, with the place in the journal held open. */
  const hasRoomSoon = async (): Promise<boolean> => {
    for (;;) {
      const seen = wakeUp.count();
      if (outbox.hasRoom() || sending.isJumping() || signal.aborted) return sending.canContinue();
      if (!(await wakeUp.wait(seen, holdMs))) return false;
    }
  };

  /** Reads the journal once, from the position to its end of now, or until the socket takes no more. */
  const readOnce = async (): Promise<void> => {
    const gaps: Gap[] = [];
    const reading = readLines(feed.reader, {
      from: sending.position(),
      isWhole: filter.isWhole,
      maxBatchBytes: readBytes,
      reuseMemory: true,
      signal,
      onProblem: (problem) => void gaps.push(...gapsOf(problem)),
    });
    for await (const batch of reading) {
      let isPartOfNext = false;
      for (const message of encodeBatch({ runId, filter, from: sending.position() }, batch, gaps.splice(0))) {
        if (!isPartOfNext && !(await hasRoomSoon())) return;
        sending.send(message);
        ({ isPartOfNext } = message);
      }
      sending.moveTo(batch.endSeq);
      sending.reportLag();
      // Other watchers get their turn after each message, however much of the journal is in memory already.
      await turn();
      if (!sending.canContinue() && !(await hasRoomSoon())) return;
    }
    sending.sendAll(encodeBatch({ runId, filter, from: sending.position() }, nothing, gaps));
  };

  return {
    async catchUp(): Promise<void> {
      const seen = wakeUp.count();
      const before = sending.position();
      await readOnce();
      if (sending.position() > before || !sending.canContinue() || feed.take(before) !== 'behind') return;
      // The files do not show what the live end has read: the end is damaged, or the writer is opening its next segment.
      if (await wakeUp.wait(seen, rollMs)) return;
      const gap = { fromSeq: before, toSeq: feed.oldestSeq(), why: 'corrupt' } as const;
      sending.sendAll(encodeBatch({ runId, filter, from: before }, nothing, [gap]));
    },
  };
}

const nothing: WholeLines = { records: [], endedBy: new Map() };

function linesOf(batch: FeedBatch, filter: Filter): WholeLines {
  return filter.isWhole ? batch.whole : { records: batch.records, endedBy: nothing.endedBy };
}

/** The messages of a batch from the number `from` on, one after the other as they are asked for. Their numbers only rise. */
function* encodeBatch(
  { runId, filter, from }: { readonly runId: RunId; readonly filter: Filter; readonly from: number },
  lines: WholeLines,
  gaps: readonly Gap[],
): Generator<Encoded> {
  let reached = from - 1;
  for (const gap of gaps) {
    if (gap.toSeq <= from) continue;
    // Records of an unknown kind are among those of the batch, so nothing behind them has been sent yet.
    if (gap.why !== 'unknown') reached = Math.max(reached, gap.toSeq - 1);
    const shown = { ...gap, fromSeq: Math.max(gap.fromSeq, from) };
    const message = { ...gapMessage(runId, shown, nsOfMs(Date.now())), seq: reached };
    yield { seq: reached, bytes: encode(message), isPartOfNext: false };
  }
  const { records, endedBy } = linesEndedFrom(lines, from);
  for (const message of messagesOf(runId, filter.select(records))) {
    // A line that the end of its attempt ended is older than what was sent before.
    const isPartOfNext = endedBy.has(message.seq);
    reached = Math.max(reached, message.seq);
    yield { seq: reached, bytes: encode({ ...message, seq: reached }), isPartOfNext };
  }
}

function errorOf(error: unknown): [ErrorCode, string] {
  if (error instanceof SlowSearch) {
    const message = 'The regular expression in "filters.search" takes too long; write one that backtracks less.';
    return ['search_too_slow', message];
  }
  if (error instanceof JournalError) return ['journal_unreadable', error.message];
  const cause = error instanceof Error ? error.message : String(error);
  return ['journal_unreadable', `The journal cannot be read: ${cause}`];
}
