// From which to which sequence number a journal goes. Read-only and synchronous: it reads the end of one file.
import { errorCode } from '../core/errors.ts';
import type { RunFolder } from '../data/data-folder.ts';
import { type SegmentTail, scanTail } from './scan-tail.ts';
import { listSegments, type SegmentFile } from './segment-files.ts';

export type JournalEnd = {
  /** The oldest number that is still there. */
  readonly firstSeq: number;
  /** The number after the last whole record; equal to `firstSeq` when there is none. */
  readonly nextSeq: number;
  /** Whether the last record is `run.finished`. */
  readonly finished: boolean;
  /** To be handed to the next call, which then reads only what has come since. */
  readonly known: { readonly segment: SegmentFile; readonly tail: SegmentTail } | undefined;
};

/** Throws a JournalError when a later major version wrote the journal. */
export function journalEnd(folder: RunFolder, known?: JournalEnd['known']): JournalEnd {
  // A segment may be archived or removed between being listed and being opened; the second listing has it right.
  for (let tries = 0; ; tries++) {
    const segments = listSegments(folder.journalDir);
    const last = segments.at(-1);
    if (last === undefined) return { firstSeq: 0, nextSeq: 0, finished: false, known: undefined };
    const before = known?.segment.path === last.path ? known.tail : undefined;
    try {
      const tail = scanTail(folder.journalDir, last, folder.runId, before);
      const { firstSeq } = segments[0] ?? last;
      return { firstSeq, nextSeq: tail.nextSeq, finished: tail.finished, known: { segment: last, tail } };
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || tries === 3) throw error;
    }
  }
}
