// One signal of one run: journal -> batches -> server -> cursor. One request is under way at a time, so that records go
// out in the order of the journal and a crash repeats one batch at most; the next batches are encoded meanwhile.

import type { Contact } from '../../../core/contact.ts';
import { type Cursor, type JournalReader, problemText } from '../../../journal/index.ts';
import { type Counted, countedIn, nothingCounted, plus } from '../counted.ts';
import type { Batch, Batcher } from '../encode/batch.ts';
import type { Signal } from '../settings.ts';
import { nothingSent, type PipelineState, type SignalStatus } from '../status.ts';
import { createChannel } from './channel.ts';
import { deliver } from './delivery.ts';
import type { Pace } from './pace.ts';
import type { Refused } from './refused.ts';
import type { Transport } from './transport.ts';
import type { WholeLines } from './whole-lines.ts';

/** Batches that wait encoded beside the one under way. With 2 MiB each, and one being filled, that is some 8 MiB a signal. */
const batchesAhead = 2;

/**
 * The cursor is kept on disk so often at most: an fdatasync and a rename took 4 ms here, more than encoding a batch. A crash
 * sends again what was acknowledged in that time, under the same ids.
 */
const cursorEveryMs = 200;

/** How often lines are looked at that may have been open for too long. */
const expireEveryMs = 1_000;

/** A batch with the lines that are open behind it, by their first numbers. */
type Sendable = { readonly batch: Batch; readonly open: readonly number[] };

export type PipelineOptions = {
  readonly signal: Signal;
  readonly reader: Pick<JournalReader, 'read' | 'head'>;
  /** What is sent of the journal: spans are made of its records as they are, log records of whole lines. */
  readonly lines: WholeLines;
  readonly cursor: Pick<Cursor, 'position' | 'counters' | 'open' | 'save'>;
  readonly batcher: Batcher;
  readonly transport: Transport;
  readonly refused: Refused;
  readonly pace: Pace;
  /** How long a record may wait for others to share its request, in milliseconds. */
  readonly lingerMs: number;
  readonly random: () => number;
  readonly onChange: () => void;
};

export type Pipeline = {
  readonly status: () => SignalStatus;
  /** Ends when the run is shipped whole, or after `stop`. Never rejects. */
  readonly done: Promise<void>;
  readonly stop: () => Promise<void>;
  /** Looks again where the journal ends. */
  readonly lookAhead: () => Promise<number>;
};

export function startPipeline(options: PipelineOptions): Pipeline {
  const { batcher, cursor, lines } = options;
  const stopping = new AbortController();
  const channel = createChannel<Sendable>(batchesAhead);
  const count = { ...nothingSent, underWay: 0 };
  let state: PipelineState = { kind: 'idle' };
  let contact: Contact = 'none';
  let lastError: string | undefined;
  let shippedSeq = cursor.position;
  let headSeq = shippedSeq;
  let openSeqs = cursor.open;
  let ackedNs: bigint | undefined;
  const countedBefore = countedIn(cursor.counters);
  /** Of whole batches only: what a crash has sent again must not have been counted yet. */
  let whole: Pick<Counted, 'sent' | 'refused' | 'rejected'> = nothingCounted;
  let savedMs = 0;
  let saving: NodeJS.Timeout | undefined;

  const setState = (next: PipelineState): void => {
    const changed = next.kind !== state.kind;
    state = next;
    if (changed) options.onChange();
  };

  /** @param openBefore lines that were open before what the batch ends with, if that may have ended one */
  async function put(batch: Batch, openBefore: readonly number[] = []): Promise<boolean> {
    count.underWay += batch.count;
    headSeq = Math.max(headSeq, batch.nextSeq);
    const openNow = lines.openSeqs();
    return channel.put({ batch, open: openBefore.length === 0 ? openNow : [...new Set([...openBefore, ...openNow])] });
  }

  /** Reads and encodes; waits while the batches ahead are encoded already. */
  async function produce(): Promise<void> {
    let due = false;
    let timer: NodeJS.Timeout | undefined;
    // Called whenever a partial batch may have to go: its time is up and there is room, so no full one can come first.
    const flushIfDue = (): void => {
      if (!due || !channel.hasRoom() || filling) return;
      due = false;
      const batch = batcher.take();
      if (batch !== undefined) void put(batch);
    };
    let filling = false;
    channel.onTaken(flushIfDue);
    const flushSoon = (): void => {
      if (due || timer !== undefined) return;
      timer = setTimeout(() => {
        timer = undefined;
        due = true;
        flushIfDue();
      }, options.lingerMs);
    };
    // For a line that is open while nothing else comes.
    const expiring = setInterval(() => {
      if (filling || !channel.hasRoom()) return;
      for (const part of lines.expire(BigInt(Date.now()) * 1_000_000n)) {
        for (const batch of batcher.push(part)) void put(batch);
        flushSoon();
      }
    }, expireEveryMs).unref();
    try {
      const { finished } = await options.reader.head();
      for await (const records of options.reader.read({
        from: lines.readFrom,
        // A follower sees by the last record that a run has ended; one that starts behind it would wait for ever.
        follow: !finished,
        signal: stopping.signal,
        onProblem(problem) {
          count.journalProblems++;
          lastError = problemText(problem);
        },
      })) {
        filling = true;
        for (const record of records) {
          const openBefore = lines.openSeqs();
          for (const whole of lines.add(record)) {
            for (const batch of batcher.push(whole)) if (!(await put(batch, openBefore))) return;
          }
        }
        filling = false;
        flushIfDue();
        flushSoon();
      }
      filling = true;
      if (!stopping.signal.aborted) {
        for (const part of lines.end()) for (const batch of batcher.push(part)) if (!(await put(batch))) return;
      }
      const rest = batcher.take();
      if (rest !== undefined && !stopping.signal.aborted) await put(rest);
    } finally {
      clearTimeout(timer);
      clearInterval(expiring);
      channel.end();
    }
  }

  async function consume(): Promise<void> {
    for (let next = await channel.take(); next !== undefined; next = await channel.take()) {
      const { batch, open } = next;
      const delivered = await deliver(batch, {
        transport: options.transport,
        refused: options.refused,
        pace: options.pace,
        random: options.random,
        signal: stopping.signal,
        report,
      });
      if (!delivered) return;
      whole = { sent: count.sent, refused: count.refused, rejected: count.rejected };
      count.underWay -= batch.count;
      ackedNs = batch.lastNs;
      acknowledged(batch.nextSeq, open);
      if (stopping.signal.aborted) return;
      setState({ kind: 'idle' });
      options.onChange();
    }
  }

  function acknowledged(nextSeq: number, open: readonly number[]): void {
    // What was folded over again after a restart moves nothing; neither does a part of a line, whose number is an older one.
    if (nextSeq <= shippedSeq && open.length === 0 && openSeqs.length === 0) return;
    shippedSeq = Math.max(shippedSeq, nextSeq);
    openSeqs = open;
    saveSoon();
  }

  function saveSoon(): void {
    saving ??= setTimeout(
      () => {
        saving = undefined;
        savedMs = Date.now();
        void save();
      },
      Math.max(cursorEveryMs - (Date.now() - savedMs), 0),
    );
  }

  function save(): Promise<void> {
    const now = { ...whole, bytes: count.bytes, retried: count.retries };
    return cursor.save(shippedSeq, plus(countedBefore, now), openSeqs);
  }

  const report = {
    requested(bytes: number) {
      count.requests++;
      count.bytes += bytes;
    },
    sent(items: number, rejected: number, message: string) {
      count.sent += items;
      count.rejected += rejected;
      if (rejected > 0) lastError = `The server took a request without ${rejected} of its records: ${message}`;
    },
    retried() {
      count.retries++;
      // Where nothing is acknowledged the position stays; that it is tried is to be seen all the same.
      saveSoon();
    },
    refused(kept: boolean) {
      count.refused++;
      if (!kept) count.refusedNotKept++;
    },
    failed(message: string) {
      lastError = message;
    },
    contacted(now: 'unreachable' | 'answered') {
      if (contact !== 'answered') contact = now;
    },
    state: setState,
  };

  async function run(): Promise<void> {
    const failures: unknown[] = [];
    const producing = produce().catch((error: unknown) => {
      failures.push(error);
    });
    const consuming = consume().catch((error: unknown) => {
      failures.push(error);
      stopping.abort();
      channel.close();
    });
    await Promise.all([producing, consuming]);
    clearTimeout(saving);
    await save();
    options.transport.close();
    const failure = failures[0];
    if (failure !== undefined && !(stopping.signal.aborted && isAbort(failure))) {
      lastError = failure instanceof Error ? failure.message : String(failure);
      setState({ kind: 'failed', why: lastError });
    } else setState({ kind: stopping.signal.aborted ? 'stopped' : 'finished' });
  }

  const done = run();
  return {
    status: () => ({
      signal: options.signal,
      state,
      contact,
      shippedSeq,
      headSeq: Math.max(headSeq, shippedSeq),
      pendingSeqs: Math.max(headSeq - shippedSeq, 0),
      pendingItems: count.underWay + batcher.pending(),
      lagSeconds: headSeq > shippedSeq && ackedNs !== undefined ? ageOf(ackedNs) : 0,
      sent: count.sent,
      rejected: count.rejected,
      refused: count.refused,
      refusedNotKept: count.refusedNotKept,
      journalProblems: count.journalProblems,
      requests: count.requests,
      retries: count.retries,
      bytes: count.bytes,
      lastError,
    }),
    done,
    async stop() {
      stopping.abort();
      channel.close();
      await done;
    },
    async lookAhead() {
      const { nextSeq } = await options.reader.head();
      headSeq = Math.max(headSeq, nextSeq);
      return nextSeq;
    },
  };
}

function ageOf(ns: bigint): number {
  return Math.max(Date.now() / 1000 - Number(ns / 1_000_000n) / 1000, 0);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
