// The one writer of a run's journal: gives numbers and times, keeps frames that the disk would not take, tells of loss.
// It calls the kernel on the caller's own stack, so what append has returned for outlives a kill of this process.
// Knows no bytes of a frame (frame.ts) and no files (segment-roll.ts). Disk errors never reach the caller of append.
import { backoffMs } from '../core/backoff.ts';
import { createClock } from '../core/clock.ts';
import type { Event } from '../core/event.ts';
import type { Append, OutputDraft, Subject } from '../core/record.ts';
import { lockPath, makeRunFolder, type RunFolder } from '../data/data-folder.ts';
import { fileErrorText } from '../data/file-error.ts';
import { type HeldLock, tryLockFile } from '../data/lock-file.ts';
import { startArchiver } from './archiver.ts';
import { maxFrameBytes, maxOutputPayloadBytes } from './format.ts';
import { type FrameFields, frameBytes } from './frame.ts';
import { JournalError } from './journal-error.ts';
import { defaultJournalOptions, type JournalOptions } from './journal-options.ts';
import { createPending, type Loss } from './pending.ts';
import { recoverTail } from './recovery.ts';
import { keepReserve } from './reserve.ts';
import { listSegments } from './segment-files.ts';
import { createSegmentRoll } from './segment-roll.ts';
import { continueSegment, createSegment, type SegmentSettings, type SegmentWriter } from './segment-writer.ts';
import { splitOutput } from './split-output.ts';

export type JournalStats = {
  /** Bytes of frames that this writer has handed to the kernel. */
  readonly bytes: number;
  readonly segments: number;
  /** Lines and events that were dropped because the disk took nothing and memory was full. */
  readonly lostLines: number;
  readonly lostEvents: number;
  readonly lostBytes: number;
  /** Bytes that wait in memory for the disk. */
  readonly pendingBytes: number;
  readonly writeErrors: number;
  /** Of these: how often the disk did not confirm that it keeps what the kernel has. */
  readonly syncErrors: number;
  readonly lastError?: string;
};

export type JournalWriter = Append & {
  readonly folder: RunFolder;
  /** The next sequence number to be given. */
  readonly nextSeq: number;
  /** Resolves when everything appended before is on disk (with durability `none`: in the kernel). Never rejects. */
  readonly sync: () => Promise<void>;
  /** Writes what waits, syncs, gives the writer lock back. What the disk still does not take is counted as lost. */
  readonly close: () => Promise<void>;
  /** Calls `listener` after each append that reached the kernel. Returns how to stop. It must be cheap. */
  readonly onAppend: (listener: () => void) => () => void;
  readonly stats: () => JournalStats;
};

/** Wait between tries to write what waits: from 50 ms, doubled, to 1 s. A full disk is seldom freed faster. */
const retryPace = { firstMs: 50, maxMs: 1_000 };

/** How long `close` goes on trying. A run that cannot write its end must still end. */
const closePatienceMs = 2_000;

/** And then with the room that was kept for it. A failing segment is given up after some tries, which have to fit in. */
const reservePatienceMs = 1_000;

/**
 * The journal of a new run. Makes the folders and takes the writer lock.
 * Throws a JournalError `exists` or `locked`, and what the file system throws when nothing can be made there at all.
 */
export function createJournal(folder: RunFolder, options: Partial<JournalOptions> = {}): JournalWriter {
  const settings = { ...defaultJournalOptions, ...options };
  makeRunFolder(folder);
  return underLock(folder, (lock) => {
    if (listSegments(folder.journalDir).length > 0) {
      const message = `There is a journal in ${folder.journalDir} already. Give the run another id, or reopen it.`;
      throw new JournalError('exists', message, folder.journalDir);
    }
    const files = segmentSettings(folder, settings);
    const clock = createClock(0n, settings.wallNs);
    const first = createSegment(files, folder.runId, 0, clock.reserve(1));
    return startWriter(folder, settings, lock, first, 0, clock);
  });
}

/**
 * Goes on with the journal of a run whose writer has ended. A torn tail is cut off and told of by `journal.recovered`.
 * Throws a JournalError `not_found`, `locked` or `newer_format`, and what the file system throws.
 */
export function reopenJournal(folder: RunFolder, options: Partial<JournalOptions> = {}): JournalWriter {
  const settings = { ...defaultJournalOptions, ...options };
  if (listSegments(folder.journalDir).length === 0) {
    throw new JournalError('not_found', `There is no journal in ${folder.journalDir}.`, folder.journalDir);
  }
  makeRunFolder(folder);
  return underLock(folder, (lock) => {
    const found = recoverTail(folder);
    const files = segmentSettings(folder, settings);
    const clock = createClock(found.lastNs, settings.wallNs);
    const last = found.goOn && continueSegment(files, found.goOn.header, found.goOn.size, found.goOn.entries);
    const writer = startWriter(folder, settings, lock, last, found.nextSeq, clock);
    if (found.cutBytes > 0 || found.skippedSeqs > 0) {
      writer.event({ type: 'journal.recovered', cutBytes: found.cutBytes, lastSeq: found.lastSeq });
    }
    return writer;
  });
}

function underLock(folder: RunFolder, start: (lock: HeldLock) => JournalWriter): JournalWriter {
  const lock = tryLockFile(lockPath(folder, 'writer'), `journal of run ${folder.runId}`);
  if (lock.kind === 'held') {
    const { pid, host, since } = lock.by;
    const message = `The journal of run ${folder.runId} is being written by process ${pid} on ${host} since ${since}.`;
    throw new JournalError('locked', message, folder.journalDir);
  }
  try {
    return start(lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

function segmentSettings(folder: RunFolder, options: JournalOptions): SegmentSettings {
  const { fileSystem, indexEveryBytes } = options;
  return { journalDir: folder.journalDir, fileSystem, indexEveryBytes, durable: options.durability !== 'none' };
}

function startWriter(
  folder: RunFolder,
  options: JournalOptions,
  lock: HeldLock,
  segment: SegmentWriter | undefined,
  firstFreeSeq: number,
  clock: ReturnType<typeof createClock>,
): JournalWriter {
  const pending = createPending(options.maxPendingBytes);
  const reserve = keepReserve(folder, options.reserveBytes, options.fileSystem);
  const listeners = new Set<() => void>();
  const files = segmentSettings(folder, options);
  const archiver = options.archive ? startArchiver(folder, () => bytes) : undefined;
  const noteError = (error: Error): void => {
    writeErrors += 1;
    lastError = fileErrorText(error);
  };
  const noteSyncError = (error: Error): void => {
    syncErrors += 1;
    noteError(error);
  };
  const roll = createSegmentRoll(folder, options, files, clock, segment, () => archiver?.nudge(), noteSyncError);
  let nextSeq = firstFreeSeq;
  let bytes = 0;
  let [writeErrors, syncErrors] = [0, 0];
  let lastError: string | undefined;
  let failedTries = 1;
  let retryAt = 0;
  let retryTimer: NodeJS.Timeout | undefined;
  let closing: Promise<void> | undefined;
  let ended = false;

  const number = (fields: Omit<FrameFields, 'seq' | 'timeNs'>): FrameFields => {
    const numbered = { ...fields, seq: nextSeq, timeNs: clock.reserve(fields.lineCount) };
    nextSeq += fields.lineCount;
    return numbered;
  };
  const numberLoss = (): FrameFields => number(eventFields(undefined));

  const write = (fields: FrameFields, payload: Buffer): boolean => {
    const failure = roll.write(fields, payload);
    if (failure === undefined) {
      bytes += frameBytes(fields, payload.length);
      return true;
    }
    noteError(failure);
    const retryMs = backoffMs(failedTries, retryPace);
    retryAt = performance.now() + retryMs;
    retryTimer ??= setTimeout(retry, retryMs).unref();
    return false;
  };

  const drain = (): boolean => {
    for (let frame = pending.first(); frame !== undefined; frame = pending.first()) {
      const payload = Buffer.isBuffer(frame.payload) ? frame.payload : encodeEvent(lostEvent('disk', frame.payload));
      if (!write(frame.fields, payload)) return false;
      pending.shift();
    }
    failedTries = 1;
    return true;
  };

  function retry(): void {
    retryTimer = undefined;
    failedTries += 1;
    if (drain()) wake();
  }

  function wake(): void {
    for (const listener of listeners) listener();
  }

  const append = (unnumbered: Omit<FrameFields, 'seq' | 'timeNs'>, payload: Buffer): number => {
    const fields = number(unnumbered);
    if (ended) {
      // The journal is closed: a line that comes now is counted, and nobody's crash.
      pending.push(fields, payload, numberLoss);
      pending.giveUp();
      return fields.seq;
    }
    const blocked = closing !== undefined || (!pending.isEmpty() && (performance.now() < retryAt || !drain()));
    if (!blocked && write(fields, payload)) {
      pending.written(fields);
      wake();
    } else pending.push(fields, payload, numberLoss);
    return fields.seq;
  };

  const appendOutput = (draft: OutputDraft): number => append(outputFields(draft), draft.bytes);

  const flush = async (): Promise<void> => {
    if (drain()) wake();
    await roll.sync();
  };

  const finish = async (): Promise<void> => {
    clearTimeout(retryTimer);
    let until = performance.now() + closePatienceMs;
    while (!drain()) {
      clearTimeout(retryTimer);
      await new Promise((resolve) => setTimeout(resolve, retryPace.firstMs));
      if (performance.now() < until) continue;
      // Full to the end: how the run ended is worth more than its last lines, and somebody else may take the room at once.
      if (!reserve.release()) break;
      pending.dropOutput();
      until = performance.now() + reservePatienceMs;
    }
    clearTimeout(retryTimer);
    reserve.release();
    pending.giveUp();
    ended = true;
    wake();
    await Promise.all([roll.close(), archiver?.stop()]);
    lock.release();
  };

  return {
    folder,
    get nextSeq() {
      return nextSeq;
    },
    output(draft) {
      if (draft.bytes.length <= maxOutputPayloadBytes) return appendOutput(draft);
      const first = nextSeq;
      for (const part of splitOutput(draft, maxOutputPayloadBytes)) appendOutput(part);
      return first;
    },
    event(event, subject) {
      const payload = encodeEvent(event);
      const fields = eventFields(subject);
      if (payload.length + maxHeadBytes <= maxFrameBytes) return append(fields, payload);
      const loss = { lines: 0, events: 1, bytes: payload.length };
      return append(fields, encodeEvent(lostEvent('size', loss)));
    },
    sync: () => (closing === undefined ? flush() : closing),
    close() {
      closing ??= finish();
      return closing;
    },
    onAppend(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stats() {
      const lost = pending.lost();
      return {
        bytes,
        segments: listSegments(folder.journalDir).length,
        lostLines: lost.lines,
        lostEvents: lost.events,
        lostBytes: lost.bytes,
        pendingBytes: pending.bytes(),
        writeErrors,
        syncErrors,
        ...(lastError === undefined ? {} : { lastError }),
      };
    },
  };
}

/** A frame head and the longest step id that its 16-bit length can tell. */
const maxHeadBytes = 40 + 0xffff;

function eventFields(subject: Subject | undefined): Omit<FrameFields, 'seq' | 'timeNs'> {
  const stream = undefined;
  return { kind: 'event', stream, severity: undefined, continues: false, unterminated: false, lineCount: 1, subject };
}

function outputFields(draft: OutputDraft): Omit<FrameFields, 'seq' | 'timeNs'> {
  const { stream, severity, lineCount, subject, unterminated } = draft;
  return { kind: 'output', stream, severity, continues: draft.continues ?? false, unterminated, lineCount, subject };
}

function lostEvent(why: 'disk' | 'size', loss: Loss): Event {
  return { type: 'journal.lost', reason: why, ...loss, reader: undefined };
}

function encodeEvent(event: Event): Buffer {
  return Buffer.from(JSON.stringify(event), 'utf8');
}
