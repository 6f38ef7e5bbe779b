// Compresses segments that are no longer written, each into one `.seg.zst` that takes the raw file's place (`.seg.gz` on a Node
// without zstd): at once for the hub, or in the background of the process that writes the run.
// Only whole frames that check out are archived; a damaged segment stays as it is, for anyone who wants to look at it.
import { createReadStream, existsSync, rmSync } from 'node:fs';
import { type FileHandle, open, rename, rm, unlink } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { toError } from '../core/errors.ts';
import { lockPath, type RunFolder } from '../data/data-folder.ts';
import { tryLockFile } from '../data/lock-file.ts';
import { memberRawBytes } from './archive-member.ts';
import { syncFolder } from './file-system.ts';
import { frameSeed, segmentHeaderBytes } from './format.ts';
import { type Frame, framesIn } from './frame.ts';
import { gzipForm } from './gzip-member.ts';
import { journalEnd } from './journal-end.ts';
import type { MemberForm } from './member-form.ts';
import { headerOf } from './scan-tail.ts';
import { archivedPath, indexPath, listSegments, rawPath, type SegmentFile } from './segment-files.ts';
import { zstdForm } from './zstd-member.ts';

export type ArchiveReport = {
  readonly archived: number;
  readonly rawBytes: number;
  readonly archivedBytes: number;
  readonly left: readonly LeftRaw[];
};

/** A segment that was left raw, and why. */
export type LeftRaw = { readonly file: string; readonly reason: string };

export type ArchiveOptions = {
  readonly signal?: AbortSignal;
  /** Share of the time that is spent compressing; the rest is waited, so that a run on few cores keeps its own. */
  readonly duty?: number;
  /** Default: zstd where this Node has it. */
  readonly compression?: keyof typeof forms;
};

const forms = { zstd: zstdForm, gzip: gzipForm } as const;

const defaultCompression = zstdForm.isSupported ? 'zstd' : 'gzip';

/**
 * Archives all segments of a run without a writer: all but the last, and the last too when the run has
 * finished. May be called while the run is written and read. Does nothing when another process is at it.
 */
export async function archiveSealed(folder: RunFolder, options: ArchiveOptions = {}): Promise<ArchiveReport> {
  const left: LeftRaw[] = [];
  const report = { archived: 0, rawBytes: 0, archivedBytes: 0, left };
  if (listSegments(folder.journalDir).length === 0) return report;
  const lock = tryLockFile(lockPath(folder, 'archive'), `archiving run ${folder.runId}`);
  if (lock.kind === 'held') return report;
  try {
    const end = journalEnd(folder);
    const segments = listSegments(folder.journalDir);
    for (const [index, segment] of segments.entries()) {
      if (options.signal?.aborted) break;
      const following = segments[index + 1];
      const sealed = following !== undefined || (end.finished && segment.path === end.known?.segment.path);
      if (segment.form !== 'raw' || !sealed) continue;
      const result = await archiveSegment({ folder, segment, followingSeq: following?.firstSeq }, options);
      if (result === undefined) break;
      if ('reason' in result) left.push({ file: segment.path, reason: result.reason });
      else {
        report.archived += 1;
        report.rawBytes += result.rawBytes;
        report.archivedBytes += result.archivedBytes;
      }
    }
    return report;
  } finally {
    lock.release();
  }
}

export type SegmentResult = { readonly rawBytes: number; readonly archivedBytes: number } | { readonly reason: string };

/** A segment to compress. */
export type Source = {
  readonly folder: RunFolder;
  readonly segment: SegmentFile;
  /** The first number of the segment behind it. */
  readonly followingSeq: number | undefined;
};

/** Undefined when it was aborted: nothing has changed then. */
async function archiveSegment(source: Source, options: ArchiveOptions): Promise<SegmentResult | undefined> {
  const { folder, segment } = source;
  const form = forms[options.compression ?? defaultCompression];
  const pathIn = ({ suffix }: MemberForm): string => archivedPath(folder.journalDir, segment.firstSeq, suffix);
  const target = pathIn(form);
  // What remains of a kill between the rename and the removal of the raw file: the archive is whole.
  if (Object.values(forms).some((each) => existsSync(pathIn(each)))) {
    removeRaw(folder, segment);
    return { rawBytes: 0, archivedBytes: 0 };
  }
  const temporary = `${target}.tmp`;
  let output: FileHandle | undefined;
  try {
    output = await open(temporary, 'w', 0o600);
    const result = await writeMembers(source, { output, form }, options);
    if (result === undefined || 'reason' in result) {
      await unlink(temporary);
      return result;
    }
    await output.datasync();
    await rename(temporary, target);
    syncFolder(folder.journalDir);
    removeRaw(folder, segment);
    return result;
  } catch (error) {
    // The disk is full, or the folder is gone. The raw file is as good.
    await rm(temporary, { force: true }).catch(() => undefined);
    return { reason: toError(error).message };
  } finally {
    await output?.close();
  }
}

function removeRaw(folder: RunFolder, segment: SegmentFile): void {
  rmSync(rawPath(folder.journalDir, segment.firstSeq), { force: true });
  rmSync(indexPath(folder.journalDir, segment.firstSeq), { force: true });
}

/** Takes all bytes of each member, or rejects. */
type MemberSink = { readonly writeFile: (member: Buffer) => Promise<unknown> };

/** Compresses the whole frames of a raw segment, a member at a time. Undefined when it was aborted. */
export async function writeMembers(
  { folder, segment, followingSeq }: Source,
  { output, form }: { readonly output: MemberSink; readonly form: MemberForm },
  options: ArchiveOptions,
): Promise<SegmentResult | undefined> {
  let rest: Buffer = Buffer.alloc(0);
  let seed: number | undefined;
  let headerBytes = 0;
  let rawBytes = 0;
  let archivedBytes = 0;
  let eventCount = 0;
  let nextSeq = segment.firstSeq;
  const flush = async (raw: Buffer, first: Frame): Promise<void> => {
    const started = performance.now();
    const member = await form.encode(raw, {
      rawOffset: rawBytes,
      seq: first.seq,
      timeNs: first.timeNs,
      headerBytes: rawBytes === 0 ? headerBytes : 0,
      eventCount,
    });
    // Not `write`, which on a disk that is nearly full takes a part and is content: the raw file would go for half an archive.
    await output.writeFile(member);
    rawBytes += raw.length;
    archivedBytes += member.length;
    eventCount = 0;
    const duty = options.duty ?? 1;
    if (duty < 1) await wait(((performance.now() - started) * (1 - duty)) / duty);
  };

  let first: Frame | undefined;
  let at = 0;
  for await (const chunk of createReadStream(segment.path, { highWaterMark: memberRawBytes })) {
    if (options.signal?.aborted) return undefined;
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (seed === undefined) {
      const { header, damaged } = headerOf(rest.subarray(0, segmentHeaderBytes), segment, folder.runId);
      if (header === undefined || damaged) return { reason: 'its header is damaged' };
      seed = frameSeed(header);
      headerBytes = header.headerBytes;
      at = headerBytes;
    }
    // Where in `rest` the member begins that is being filled.
    let from = 0;
    for (const frame of framesIn(rest, at, seed)) {
      first ??= frame;
      if (frame.kind !== 'output') eventCount += 1;
      at += frame.bytes;
      nextSeq = frame.seq + frame.lineCount;
      if (at - from < memberRawBytes) continue;
      await flush(rest.subarray(from, at), first);
      from = at;
      first = undefined;
    }
    rest = rest.subarray(from);
    at -= from;
  }
  // Behind the last whole frame there may be the part of one that could not be written. If the next segment continues
  // with the very next number, nothing was lost there; otherwise something was, and the file stays as it is.
  const whole = at === rest.length || (followingSeq !== undefined && followingSeq === nextSeq);
  if (!whole) return { reason: 'a frame in it does not check out' };
  if (first !== undefined) await flush(rest.subarray(0, at), first);
  return rawBytes === 0 ? { reason: 'it holds no frame' } : { rawBytes, archivedBytes };
}

/** Archives in the background of a run that is being written, when it is quiet, and never on the path of an append. */
export type Archiver = {
  /** A segment was closed. */
  readonly nudge: () => void;
  /** What the last look left raw, and why. The run continues without an archive, and the hub tries again. */
  readonly left: () => readonly LeftRaw[];
  /** Gives up what is under way and waits for its end. What remains is for the hub, or the next `archiveSealed`. */
  readonly stop: () => Promise<void>;
};

/** How long a run must be quiet, and how often that is checked while there is something to archive. */
const quietMs = 2_000;

/** Up to so much in that time counts as quiet: 2 MB/s is 1 % of what compressing takes in. */
const quietBytes = 4 * 1024 * 1024;

/** Half the time of one core at most. */
const backgroundDuty = 0.5;

/** @param writtenBytes how much the run has written so far */
export function startArchiver(folder: RunFolder, writtenBytes: () => number): Archiver {
  const stopped = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let before = 0;
  let left: readonly LeftRaw[] = [];

  const look = (): void => {
    timer = undefined;
    const written = writtenBytes();
    const quiet = written - before <= quietBytes;
    before = written;
    if (!quiet) {
      schedule();
      return;
    }
    running = archiveSealed(folder, { signal: stopped.signal, duty: backgroundDuty }).then(
      (report) => {
        running = undefined;
        left = report.left;
      },
      (error: unknown) => {
        running = undefined;
        left = [{ file: folder.journalDir, reason: toError(error).message }];
      },
    );
  };
  const schedule = (): void => {
    if (timer !== undefined || stopped.signal.aborted) return;
    timer = setTimeout(look, quietMs).unref();
  };
  return {
    nudge() {
      before = writtenBytes();
      schedule();
    },
    left: () => left,
    async stop() {
      stopped.abort();
      clearTimeout(timer);
      await running;
    },
  };
}
