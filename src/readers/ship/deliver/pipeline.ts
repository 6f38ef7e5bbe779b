// One signal of one run: journal -> batches -> server -> cursor. One request is under way at a time, so that records go
// out in the order of the journal and a crash repeats one batch at most; the next batches are encoded meanwhile.

import type { Contact } from '../../../core/contact.ts';
import { toError } from '../../../core/errors.ts';
import { type Cursor, type JournalReader, problemText } from '../../../journal/index.ts';
import { type Counted, countedIn, nothingCounted, plus } from '../counted.ts';
import type { Batch, Batcher, Content } from '../encode/batch.ts';
import type { Signal } from '../settings.ts';
import { nothingSent, type PipelineState, type SignalStatus } from '../status.ts';
import { createChannel } from './channel.ts';
import { type DeliveryReport, deliver } from './delivery.ts';
import { fillBatches, type Sendable } from './fill-batches.ts';
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

export type PipelineOptions<C extends Content = Content> = {
  readonly signal: Signal;
  readonly reader: Pick<JournalReader, 'read' | 'head'>;
  /** What is sent of the journal: spans are made of its records as they are, log records of whole lines. */
  readonly lines: WholeLines;
  readonly cursor: Pick<Cursor, 'position' | 'counters' | 'open' | 'save'>;
  readonly batcher: Batcher<C>;
  readonly transport: Transport<C>;
  readonly refused: Refused;
  readonly pace: Pace;
  /** How long a record may wait for others to share its request, in milliseconds. */
  readonly lingerMs: number;
  readonly random: () => number;
  /** What was wrong with the beginning of the journal, if this pipeline does not read that itself. */
  readonly headProblems: readonly string[];
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

export function startPipeline<C extends Content>(options: PipelineOptions<C>): Pipeline {
  const stopping = new AbortController();
  const channel = createChannel<Sendable<C>>(batchesAhead);
  const tally = createTally(options, () => place.saveSoon());
  const place = createPlace(options.cursor, tally.counted);

  async function sendBatches(): Promise<void> {
    const { transport, refused, pace, random } = options;
    for (let next = await channel.take(); next !== undefined; next = await channel.take()) {
      const { batch, open } = next;
      const how = { transport, refused, pace, random, signal: stopping.signal, report: tally.report };
      if (!(await deliver(batch, how))) return;
      tally.delivered(batch);
      for (const part of batch.parts) part.release?.();
      place.acknowledged(batch.nextSeq, open);
      if (stopping.signal.aborted) return;
      tally.setState({ kind: 'idle' });
      options.onChange();
    }
  }

  async function run(): Promise<void> {
    const failures: unknown[] = [];
    const filling = fillBatches({
      ...options,
      channel,
      signal: stopping.signal,
      onBatch(batch) {
        tally.encoded(batch);
        place.sawHead(batch.nextSeq);
      },
      onProblem: (problem) => tally.journalProblem(problemText(problem)),
    }).catch((error: unknown) => {
      failures.push(error);
    });
    const sending = sendBatches().catch((error: unknown) => {
      failures.push(error);
      stopping.abort();
      channel.close();
    });
    await Promise.all([filling, sending]);
    await place.close();
    options.transport.close();
    const failure = failures[0];
    const isStopped = stopping.signal.aborted;
    if (failure === undefined || (isStopped && isAbort(failure)))
      tally.setState({ kind: isStopped ? 'stopped' : 'finished' });
    else tally.setState({ kind: 'failed', why: toError(failure).message });
  }

  const done = run();
  return {
    status: () => ({
      signal: options.signal,
      ...tally.status(),
      ...place.status(),
      pendingItems: tally.underWay() + options.batcher.pending(),
      lagSeconds: place.isBehind() ? tally.ackedAge() : 0,
    }),
    done,
    async stop() {
      stopping.abort();
      channel.close();
      await done;
    },
    async lookAhead() {
      const { nextSeq } = await options.reader.head();
      place.sawHead(nextSeq);
      return nextSeq;
    },
  };
}

type TallyFields = 'state' | 'contact' | 'lastError' | 'lastJournalProblem' | keyof typeof nothingSent;

/** What is counted and said of a pipeline. */
type Tally = {
  readonly report: DeliveryReport;
  readonly setState: (state: PipelineState) => void;
  readonly encoded: (batch: Batch) => void;
  readonly delivered: (batch: Batch) => void;
  readonly journalProblem: (text: string) => void;
  readonly counted: () => Counted;
  readonly status: () => Pick<SignalStatus, TallyFields>;
  /** Items that are encoded and not delivered. */
  readonly underWay: () => number;
  /** Age of the last record of the last batch that was delivered, in seconds; 0 before the first. */
  readonly ackedAge: () => number;
};

function createTally(options: Pick<PipelineOptions, 'headProblems' | 'onChange'>, onRetry: () => void): Tally {
  const count = { ...nothingSent, journalProblems: options.headProblems.length };
  let underWay = 0;
  let state: PipelineState = { kind: 'idle' };
  let contact: Contact = 'none';
  let lastError: string | undefined;
  let lastJournalProblem = options.headProblems.at(-1);
  let ackedNs: bigint | undefined;
  /** Of whole batches only: what a crash has sent again must not have been counted yet. */
  let whole: Pick<Counted, 'sent' | 'refused' | 'rejected'> = nothingCounted;

  const setState = (next: PipelineState): void => {
    const isChanged = next.kind !== state.kind;
    state = next;
    if (next.kind === 'failed') lastError = next.why;
    if (isChanged) options.onChange();
  };
  return {
    setState,
    report: {
      requested(bytes) {
        count.requests++;
        count.bytes += bytes;
      },
      sent(items, rejected, message) {
        count.sent += items;
        count.rejected += rejected;
        if (rejected > 0) lastError = `The server took a request without ${rejected} of its records: ${message}`;
      },
      retried() {
        count.retries++;
        // If nothing is acknowledged the position stays; that it is tried is to be seen all the same.
        onRetry();
      },
      refused(isKept) {
        count.refused++;
        if (!isKept) count.refusedNotKept++;
      },
      failed(message) {
        lastError = message;
      },
      contacted(now) {
        if (contact !== 'answered') contact = now;
      },
      state: setState,
    },
    encoded(batch) {
      underWay += batch.count;
    },
    delivered(batch) {
      whole = { sent: count.sent, refused: count.refused, rejected: count.rejected };
      underWay -= batch.count;
      ackedNs = batch.lastNs;
    },
    journalProblem(text) {
      count.journalProblems++;
      lastJournalProblem = text;
    },
    counted: () => ({ ...whole, bytes: count.bytes, retried: count.retries }),
    status: () => ({ state, contact, ...count, lastError, lastJournalProblem }),
    underWay: () => underWay,
    ackedAge: () => (ackedNs === undefined ? 0 : ageOf(ackedNs)),
  };
}

/** How far a pipeline has come, kept on disk now and then. */
type Place = {
  readonly sawHead: (nextSeq: number) => void;
  readonly acknowledged: (nextSeq: number, open: readonly number[]) => void;
  readonly saveSoon: () => void;
  readonly close: () => Promise<void>;
  readonly isBehind: () => boolean;
  readonly status: () => Pick<SignalStatus, 'shippedSeq' | 'headSeq' | 'pendingSeqs'>;
};

function createPlace(cursor: PipelineOptions['cursor'], counted: () => Counted): Place {
  const countedBefore = countedIn(cursor.counters);
  let shippedSeq = cursor.position;
  let headSeq = shippedSeq;
  let openSeqs = cursor.open;
  let savedMs = 0;
  let saving: NodeJS.Timeout | undefined;

  const save = (): Promise<void> => cursor.save(shippedSeq, plus(countedBefore, counted()), openSeqs);
  const saveSoon = (): void => {
    saving ??= setTimeout(
      () => {
        saving = undefined;
        savedMs = Date.now();
        void save();
      },
      Math.max(cursorEveryMs - (Date.now() - savedMs), 0),
    );
  };
  return {
    sawHead(nextSeq) {
      headSeq = Math.max(headSeq, nextSeq);
    },
    acknowledged(nextSeq, open) {
      // What was folded over again after a restart moves nothing; neither does a part of a line, whose number is an older one.
      if (nextSeq <= shippedSeq && open.length === 0 && openSeqs.length === 0) return;
      shippedSeq = Math.max(shippedSeq, nextSeq);
      openSeqs = open;
      saveSoon();
    },
    saveSoon,
    close() {
      clearTimeout(saving);
      return save();
    },
    isBehind: () => headSeq > shippedSeq,
    status: () => ({
      shippedSeq,
      headSeq: Math.max(headSeq, shippedSeq),
      pendingSeqs: Math.max(headSeq - shippedSeq, 0),
    }),
  };
}

function ageOf(ns: bigint): number {
  return Math.max(Date.now() / 1000 - Number(ns / 1_000_000n) / 1000, 0);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
