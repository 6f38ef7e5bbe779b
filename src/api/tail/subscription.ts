// One run as one watcher gets it: first from the journal, then from the live end, from one number to the next without gap
// or repeat, and never faster than the socket takes it. Its only memory is the next number.
import { setImmediate as turn } from 'node:timers/promises';
import type { RunId } from '../../core/ids.ts';
import type { JournalRecord } from '../../core/record.ts';
import { nsOfMs } from '../../core/time.ts';
import { JournalError } from '../../journal/index.ts';
import type { ErrorCode, SubscriptionData, SubscriptionMessage } from '../schema/messages.ts';
import { type Encoded, type Feed, type FeedBatch, type Gap, gapsOf } from './feed.ts';
import { type Filter, SlowSearch } from './filter.ts';
import { isoNow, progressMessage } from './live-run.ts';
import { gapMessage, messagesOf } from './map.ts';
import { encode, type Outbox } from './outbox.ts';
import { createSignal } from './signal.ts';

export type Subscription = {
  readonly jumpToNow: () => void;
  readonly stop: () => void;
  /** Resolves when it sends nothing any more: it was stopped, or has told of its error. */
  readonly done: Promise<void>;
};

export type SubscriptionOptions = {
  readonly runId: RunId;
  readonly feed: Feed;
  readonly filter: Filter;
  readonly fromSeq: number;
  readonly outbox: Outbox;
  readonly onError: (code: ErrorCode, message: string) => void;
  /** Milliseconds between two `lagging`. */
  readonly lagEveryMs: number;
  /** Is told how many numbers were jumped over. */
  readonly onJump: (count: number) => void;
};

/** Read at once from the journal: about one message, so that a stalled watcher holds no more than that. */
const readBytes = 64 * 1024;

/** A socket that takes nothing for so long is stalled: then the files are closed, and the block that was read is let go. */
const holdMs = 1_000;

/** A writer needs a millisecond to open its next segment. */
const rollMs = 500;

/** Fewer than this is nothing to tell a person: it is sent in the blink of an eye. */
const lagLines = 1_000;

export function startSubscription(options: SubscriptionOptions): Subscription {
  const { runId, feed, filter, outbox, onError, lagEveryMs } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const bell = createSignal();
  let position = options.fromSeq;
  let jumping = false;
  let caughtUp = false;
  let ended = false;
  let toldLagAt = performance.now();
  let toldProgress: unknown;

  const say = <T extends keyof SubscriptionData>(type: T, data: SubscriptionData[T]): void => {
    const message = { type, executionId: runId, seq: position - 1, timestamp: isoNow(), data };
    outbox.send(encode(message as unknown as SubscriptionMessage));
  };

  /** Whether to go on with sending; where not, the loop looks what has changed and takes up at `position`. */
  const mayGoOn = (): boolean => outbox.hasRoom() && !jumping && !signal.aborted;

  const sendAll = (messages: Iterable<Encoded>): boolean => {
    for (const { seq, bytes } of messages) {
      if (!mayGoOn()) return false;
      outbox.send(bytes);
      position = Math.max(position, seq + 1);
    }
    return true;
  };

  const tellLag = (): void => {
    const now = performance.now();
    const headSeq = feed.nextSeq();
    if (now - toldLagAt < lagEveryMs || headSeq - position < lagLines) return;
    toldLagAt = now;
    say('lagging', { behindLines: headSeq - position, headSeq });
  };

  const tellProgress = (): void => {
    const now = feed.run.progress();
    if (now === undefined || now === toldProgress || !filter.wantsEvents) return;
    toldProgress = now;
    outbox.send(encode(progressMessage(runId, now.data, position - 1)));
  };

  /** Reads the journal once, from `position` to its end of now, or until the socket takes no more. */
  const readJournal = async (): Promise<void> => {
    let gaps: Gap[] = [];
    const reading = feed.reader.read({
      from: position,
      maxBatchBytes: readBytes,
      reuseMemory: true,
      signal,
      onProblem: (problem) => void gaps.push(...gapsOf(problem)),
    });
    for await (const records of reading) {
      for (const message of encodeBatch(runId, filter, records, gaps, position)) {
        if (!(await getsRoom())) return;
        sendAll([message]);
      }
      gaps = [];
      position = Math.max(position, endOf(records));
      tellLag();
      // Everybody else's turn comes after each message, however much of the journal is in memory already.
      await turn();
      if (!mayGoOn() && !(await getsRoom())) return;
    }
    sendAll(encodeBatch(runId, filter, [], gaps, position));
  };

  /** Waits for room for a while, with the place in the journal held open. */
  const getsRoom = async (): Promise<boolean> => {
    while (!outbox.hasRoom() && !jumping && !signal.aborted) if (!(await bell.wait(holdMs))) return false;
    return mayGoOn();
  };

  /** Where the files do not show what the live end knows of: the end is damaged, or the writer is amid a roll. */
  const passOver = async (toSeq: number): Promise<void> => {
    if (await bell.wait(rollMs)) return;
    const gap = { fromSeq: position, toSeq, why: 'corrupt' } as const;
    sendAll(encodeBatch(runId, filter, [], [gap], position));
  };

  const sendBatch = (batch: FeedBatch): void => {
    if (position > batch.fromSeq) {
      if (!sendAll(encodeBatch(runId, filter, batch.records, batch.gaps, position))) return;
    } else {
      let shared = batch.encoded.get(filter.key);
      if (shared === undefined) {
        shared = [...encodeBatch(runId, filter, batch.records, batch.gaps, position)];
        batch.encoded.set(filter.key, shared);
      }
      if (!sendAll(shared)) return;
    }
    position = Math.max(position, batch.nextSeq);
  };

  const jump = async (): Promise<void> => {
    // The live end may not have read yet what is in the files already.
    const head = await feed.reader.head();
    jumping = false;
    const now = Math.max(head.nextSeq, feed.nextSeq());
    const fromSeq = position;
    // The last record of a run that is over says how it ended, and nobody would wish to miss it.
    position = Math.max(fromSeq, head.finished ? now - 1 : now);
    caughtUp = false;
    options.onJump(position - fromSeq);
    say('jumped', { fromSeq, toSeq: position, lines: position - fromSeq });
  };

  const atEnd = (state: 'wait' | 'ended'): void => {
    feed.run.start();
    tellProgress();
    if (caughtUp && !(state === 'ended' && !ended)) return;
    caughtUp = true;
    ended = state === 'ended';
    say('caught_up', { seq: position - 1, ended });
  };

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      if (feed.failure() !== undefined) throw feed.failure();
      if (!outbox.hasRoom()) {
        await bell.wait();
        continue;
      }
      if (jumping) await jump();
      const next = feed.take(position);
      if (next === 'behind') {
        const before = position;
        await readJournal();
        if (position === before && mayGoOn() && feed.take(position) === 'behind') await passOver(feed.oldestSeq());
      } else if (next === 'wait' || next === 'ended') {
        atEnd(next);
        await bell.wait();
      } else {
        sendBatch(next);
        tellLag();
        if (caughtUp) tellProgress();
      }
    }
  };

  feed.watch(bell.raise);
  const stopRoom = outbox.onRoom(bell.raise);
  const done = run()
    .catch((error: unknown) => {
      if (!signal.aborted) onError(...errorOf(error));
    })
    .finally(() => {
      feed.unwatch(bell.raise);
      stopRoom();
    });
  return {
    jumpToNow() {
      jumping = true;
      bell.raise();
    },
    stop() {
      stopping.abort();
      bell.raise();
    },
    done,
  };
}

/** The messages of a batch from the number `from` on, one after the other as they are asked for. */
function* encodeBatch(
  runId: RunId,
  filter: Filter,
  records: readonly JournalRecord[],
  gaps: readonly Gap[],
  from: number,
): Generator<Encoded> {
  for (const gap of gaps) {
    if (gap.toSeq <= from) continue;
    // Records of an unknown kind stand among those of the batch, so nothing behind them has been told yet.
    const seq = gap.why === 'unknown' ? from - 1 : gap.toSeq - 1;
    const message = { ...gapMessage(runId, gap, nsOfMs(Date.now())), seq };
    yield { seq, bytes: encode(message) };
  }
  for (const message of messagesOf(runId, filter.select(records, from)))
    yield { seq: message.seq, bytes: encode(message) };
}

function endOf(records: readonly JournalRecord[]): number {
  const last = records.at(-1)!;
  return last.seq + (last.kind === 'output' ? last.lineCount : 1);
}

function errorOf(error: unknown): [ErrorCode, string] {
  if (error instanceof SlowSearch)
    return [
      'search_too_slow',
      'The regular expression in "filters.search" takes too long; write one that backtracks less.',
    ];
  if (error instanceof JournalError) return ['journal_unreadable', error.message];
  return [
    'journal_unreadable',
    `The journal cannot be read: ${error instanceof Error ? error.message : String(error)}`,
  ];
}
