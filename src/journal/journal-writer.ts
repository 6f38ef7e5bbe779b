// The one writer of a run's journal: numbers and times frames, keeps those that the disk does not take, records what is lost.
// It calls the kernel on the caller's own stack, so what append has returned for outlives a kill of this process. Bytes of a
// frame are made by frame.ts, files by segment-roll.ts. Disk errors never reach the caller of append.
import { backoffMs } from '../core/backoff.ts';
import { type Clock, createClock } from '../core/clock.ts';
import type { Event } from '../core/event.ts';
import type { Append, OutputDraft, Subject } from '../core/record.ts';
import { lockPath, makeRunFolder, type RunFolder } from '../data/data-folder.ts';
import { fileErrorText } from '../data/file-error.ts';
import { type HeldLock, tryLockFile } from '../data/lock-file.ts';
import { type Archiver, type LeftRaw, startArchiver } from './archive.ts';
import { maxFrameBytes, maxOutputPayloadBytes } from './format.ts';
import { type FrameFields, frameBytes } from './frame.ts';
import { JournalError } from './journal-error.ts';
import { defaultJournalOptions, type JournalOptions } from './journal-options.ts';
import { createPending, type Loss, type Pending, type QueuedFrame } from './pending.ts';
import { recoverTail } from './recovery.ts';
import { keepReserve, leftReserve, type Reserve } from './reserve.ts';
import { listSegments } from './segment-files.ts';
import { createSegmentRoll, type SegmentRoll } from './segment-roll.ts';
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
  /** Closed segments that could not be compressed, and why. Nothing of them is lost. */
  readonly leftRaw: readonly LeftRaw[];
};

export type JournalWriter = Append & {
  readonly folder: RunFolder;
  /** The next sequence number to be given. */
  readonly nextSeq: number;
  /** Resolves when everything appended before is on disk (with durability `none`: in the kernel). Never rejects. */
  readonly sync: () => Promise<void>;
  /** Writes what waits, syncs, releases the writer lock. What the disk still does not take is counted as lost. */
  readonly close: () => Promise<void>;
  /** Calls `listener` after each append that reached the kernel. Returns how to stop. It must be cheap. */
  readonly onAppend: (listener: () => void) => () => void;
  readonly stats: () => JournalStats;
};

/** Wait between tries to write what waits: from 50 ms, doubled, to 1 s. A full disk is seldom freed faster. */
const retryPace = { firstMs: 50, maxMs: 1_000 };

/** How long `close` keeps trying. A run that cannot write its end must still end. */
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
      const message = `${folder.journalDir} already holds a journal. Give the run another id, or reopen it.`;
      throw new JournalError('exists', message, folder.journalDir);
    }
    const files = segmentSettings(folder, settings);
    const clock = createClock(0n, settings.wallNs);
    const first = createSegment(files, folder.runId, 0, clock.reserve(1));
    const reserve = keepReserve(folder, settings.reserveBytes, settings.fileSystem);
    return startWriter({ folder, options: settings, lock, segment: first, nextSeq: 0, clock, reserve });
  });
}

/**
 * Continues the journal of a run whose writer has ended. A torn tail is cut off, what is whole behind damage is kept, and
 * `journal.recovered` says so.
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
    const last = found.continued && continueSegment(files, found.continued);
    const reserve = leftReserve(folder, settings.fileSystem);
    const writer = startWriter({
      folder,
      options: settings,
      lock,
      segment: last,
      nextSeq: found.nextSeq,
      clock,
      reserve,
    });
    const { cutBytes, lastSeq, damage } = found;
    if (cutBytes > 0 || found.skippedSeqs > 0 || damage.length > 0) {
      const damagedBytes = damage.reduce((sum, { bytes }) => sum + bytes, 0);
      const missing = damage.reduce((sum, each) => sum + each.missing, 0);
      const damaged = damage.length === 0 ? {} : { damagedBytes, missing };
      writer.event({ type: 'journal.recovered', cutBytes, lastSeq, ...damaged });
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

type WriterStart = {
  readonly folder: RunFolder;
  readonly options: JournalOptions;
  readonly lock: HeldLock;
  /** The segment to continue, if any. */
  readonly segment: SegmentWriter | undefined;
  readonly nextSeq: number;
  readonly clock: Clock;
  readonly reserve: Reserve;
};

function startWriter(start: WriterStart): JournalWriter {
  const { folder } = start;
  const frames = startFrames(start);
  const appendOutput = (draft: OutputDraft): number => frames.append(outputFields(draft), draft.bytes);
  return {
    folder,
    get nextSeq() {
      return frames.nextSeq();
    },
    output(draft) {
      if (draft.bytes.length <= maxOutputPayloadBytes) return appendOutput(draft);
      const first = frames.nextSeq();
      for (const part of splitOutput(draft, maxOutputPayloadBytes)) appendOutput(part);
      return first;
    },
    event(event, subject) {
      const payload = encodeEvent(event);
      const fields = eventFields(subject);
      if (payload.length + maxHeadBytes <= maxFrameBytes) return frames.append(fields, payload);
      const loss = { lines: 0, events: 1, bytes: payload.length };
      return frames.append(fields, encodeEvent(lostEvent('size', loss)));
    },
    sync: frames.sync,
    close: frames.close,
    onAppend: frames.onAppend,
    stats: () => ({ ...frames.stats(), segments: listSegments(folder.journalDir).length }),
  };
}

type Frames = Pick<JournalWriter, 'sync' | 'close' | 'onAppend'> & {
  readonly append: (fields: UnnumberedFields, payload: Buffer) => number;
  readonly nextSeq: () => number;
  readonly stats: () => Omit<JournalStats, 'segments'>;
};

type UnnumberedFields = Omit<FrameFields, 'seq' | 'timeNs'>;

/** Numbers frames and hands them to the kernel; keeps those in memory that the disk does not take, and tries again. */
function startFrames(start: WriterStart): Frames {
  const { options, reserve } = start;
  const pending = createPending(options.maxPendingBytes);
  const appended = createListeners();
  const errors = createErrorCount();
  const files = openFiles(start, errors.noteSync, () => bytes);
  const numbering = createNumbering(start.clock, start.nextSeq);
  let bytes = 0;
  let failedTries = 1;
  let retryAt = 0;
  let retryTimer: NodeJS.Timeout | undefined;
  let closing: Promise<void> | undefined;
  let isClosed = false;

  function write(fields: FrameFields, payload: Buffer): boolean {
    const failure = files.roll.write(fields, payload);
    if (failure === undefined) {
      bytes += frameBytes(fields, payload.length);
      return true;
    }
    errors.note(failure);
    const retryMs = backoffMs(failedTries, retryPace);
    retryAt = performance.now() + retryMs;
    retryTimer ??= setTimeout(retry, retryMs).unref();
    return false;
  }

  function drain(): boolean {
    for (let frame = pending.first(); frame !== undefined; frame = pending.first()) {
      if (!write(frame.fields, payloadOf(frame))) return false;
      pending.shift();
    }
    failedTries = 1;
    return true;
  }

  function retry(): void {
    retryTimer = undefined;
    failedTries += 1;
    if (drain()) appended.wake();
  }

  function append(unnumbered: UnnumberedFields, payload: Buffer): number {
    const frame = pending.track(numbering.number(unnumbered));
    const { fields } = frame;
    const isBlocked = closing !== undefined || (!pending.isEmpty() && (performance.now() < retryAt || !drain()));
    if (!isBlocked && write(fields, payload)) appended.wake();
    else pending.push(frame, payload, () => numbering.number(eventFields(undefined)));
    // The journal is closed: a line that comes now is counted, and nobody's crash.
    if (isClosed) pending.giveUp();
    return fields.seq;
  }

  async function finish(): Promise<void> {
    await drainToEnd(pending, reserve, drain);
    clearTimeout(retryTimer);
    reserve.release();
    pending.giveUp();
    isClosed = true;
    appended.wake();
    await Promise.all([files.roll.close(), files.archiver?.stop()]);
    start.lock.release();
  }

  return {
    append,
    nextSeq: numbering.nextSeq,
    async sync() {
      if (closing !== undefined) return closing;
      if (drain()) appended.wake();
      await files.roll.sync();
    },
    close: () => (closing ??= finish()),
    onAppend: appended.onAppend,
    stats: () => ({ bytes, ...waitingIn(pending), ...errors.count(), leftRaw: files.archiver?.left() ?? [] }),
  };
}

function payloadOf(frame: QueuedFrame): Buffer {
  return 'lines' in frame ? frame.payload : encodeEvent(lostEvent('disk', frame.payload));
}

/** The segments, and the archiver of those that are closed. */
function openFiles(
  { folder, options, clock, segment }: WriterStart,
  onSyncFailure: (error: Error) => void,
  writtenBytes: () => number,
): { readonly roll: SegmentRoll; readonly archiver: Archiver | undefined } {
  const archiver = options.archive ? startArchiver(folder, writtenBytes) : undefined;
  const settings = segmentSettings(folder, options);
  const onSealed = (): void => archiver?.nudge();
  return {
    roll: createSegmentRoll({ folder, options, settings, clock, open: segment, onSealed, onSyncFailure }),
    archiver,
  };
}

type Numbering = {
  readonly number: (fields: UnnumberedFields) => FrameFields;
  readonly nextSeq: () => number;
};

function createNumbering(clock: Clock, firstSeq: number): Numbering {
  let nextSeq = firstSeq;
  return {
    number(fields) {
      const numbered = { ...fields, seq: nextSeq, timeNs: clock.reserve(fields.lineCount) };
      nextSeq += fields.lineCount;
      return numbered;
    },
    nextSeq: () => nextSeq,
  };
}

function createListeners(): { readonly wake: () => void; readonly onAppend: JournalWriter['onAppend'] } {
  const listeners = new Set<() => void>();
  return {
    wake() {
      for (const listener of listeners) listener();
    },
    onAppend(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Tries until everything is written, or the disk has refused for too long. */
async function drainToEnd(pending: Pending, reserve: Reserve, drain: () => boolean): Promise<void> {
  let until = performance.now() + closePatienceMs;
  while (!drain()) {
    await new Promise((resolve) => setTimeout(resolve, retryPace.firstMs));
    if (performance.now() < until) continue;
    // Full to the end: how the run ended is worth more than its last lines, and somebody else may take the room at once.
    if (!reserve.release()) return;
    pending.dropOutput();
    until = performance.now() + reservePatienceMs;
  }
}

function waitingIn(pending: Pending): Pick<JournalStats, 'pendingBytes' | 'lostLines' | 'lostEvents' | 'lostBytes'> {
  const { lines, events, bytes } = pending.lost();
  return { pendingBytes: pending.bytes(), lostLines: lines, lostEvents: events, lostBytes: bytes };
}

type ErrorCount = {
  readonly note: (error: Error) => void;
  readonly noteSync: (error: Error) => void;
  readonly count: () => Pick<JournalStats, 'writeErrors' | 'syncErrors' | 'lastError'>;
};

function createErrorCount(): ErrorCount {
  let writeErrors = 0;
  let syncErrors = 0;
  let lastError: string | undefined;
  const note = (error: Error): void => {
    writeErrors += 1;
    lastError = fileErrorText(error);
  };
  return {
    note,
    noteSync(error) {
      syncErrors += 1;
      note(error);
    },
    count: () => ({ writeErrors, syncErrors, ...(lastError === undefined ? {} : { lastError }) }),
  };
}

/** A frame head and the longest step id that its 16-bit length allows. */
const maxHeadBytes = 40 + 0xffff;

function eventFields(subject: Subject | undefined): UnnumberedFields {
  const stream = undefined;
  return { kind: 'event', stream, severity: undefined, continues: false, unterminated: false, lineCount: 1, subject };
}

function outputFields(draft: OutputDraft): UnnumberedFields {
  const { stream, severity, lineCount, subject, unterminated } = draft;
  return { kind: 'output', stream, severity, continues: draft.continues ?? false, unterminated, lineCount, subject };
}

function lostEvent(reason: 'disk' | 'size', loss: Loss): Event {
  return { type: 'journal.lost', reason, ...loss, reader: undefined };
}

function encodeEvent(event: Event): Buffer {
  return Buffer.from(JSON.stringify(event), 'utf8');
}
