// What a journal needs before it can be continued after its writer has died: where it ends, what is torn off there,
// and which numbers and nanoseconds are taken. Reads and decides; the cutting is done by the writer that continues the segment,
// but for a last file that holds nothing, which is removed.
import { statSync, unlinkSync } from 'node:fs';
import { type RunFolder, readersOf } from '../data/data-folder.ts';
import { savedPosition } from './cursor.ts';
import { formatMinor } from './format.ts';
import { type SegmentDamage, scanTail } from './scan-tail.ts';
import { indexPath, listSegments } from './segment-files.ts';
import { type IndexEntry, loadIndex } from './segment-index.ts';
import type { ContinuedSegment } from './segment-writer.ts';

export type Recovery = {
  /** The segment to continue; undefined to begin a new one. */
  readonly continued: ContinuedSegment | undefined;
  readonly nextSeq: number;
  /** The last number that is in the journal; -1 if it is empty. */
  readonly lastSeq: number;
  readonly lastNs: bigint;
  /** Size of the torn tail. */
  readonly cutBytes: number;
  /** Places amid its last frames that are damaged; the frames behind them are kept. */
  readonly damage: readonly SegmentDamage[];
  /** Numbers that readers had seen before a power cut took them, and that are therefore not given again. */
  readonly skippedSeqs: number;
};

/** A cursor that leads by more is damaged, not ahead: a power cut loses 100 ms of lines, not four thousand million. */
const maxCursorLead = 2 ** 32;

export function recoverTail(folder: RunFolder): Recovery {
  let cutBytes = 0;
  for (;;) {
    const last = listSegments(folder.journalDir).at(-1);
    if (last === undefined)
      return recoveryOf(folder, { continued: undefined, free: 0, lastNs: 0n, cutBytes, damage: [] });
    const tail = scanTail(folder.journalDir, last, folder.runId);
    const { header, lastNs, damage } = tail;
    if (header === undefined && last.form === 'raw') {
      // A power cut in the moment between making the file and writing its 64 bytes. No frame can be in it.
      cutBytes += statSync(last.path).size;
      unlinkSync(last.path);
      continue;
    }
    const torn = tail.totalBytes - tail.validBytes;
    // An archived segment is finished, a damaged header is better left as evidence, and a later minor version may say
    // something in its header about what follows: behind each of these a new segment is begun.
    const appendable =
      last.form === 'raw' && !tail.headerDamaged && header !== undefined && header.minor <= formatMinor;
    if (!appendable) {
      // The new segment needs a name of its own, also where nothing in this one could be read.
      const free = Math.max(tail.nextSeq, last.firstSeq + 1);
      return recoveryOf(folder, { continued: undefined, free, lastNs, cutBytes, damage });
    }
    const entries = loadIndex(indexPath(folder.journalDir, last.firstSeq), last.firstSeq);
    const known = withFrames(entries, damage).filter((entry) => entry.offset < tail.validBytes);
    const continued = { header, size: tail.validBytes, entries: known };
    return recoveryOf(folder, { continued, free: tail.nextSeq, lastNs, cutBytes: cutBytes + torn, damage });
  }
}

/** With the frames behind damage in the index, a later recovery begins behind it and does not report it again. */
function withFrames(entries: readonly IndexEntry[], damage: readonly SegmentDamage[]): readonly IndexEntry[] {
  const byOffset = new Map([...entries, ...damage.map(({ behind }) => behind)].map((entry) => [entry.offset, entry]));
  return [...byOffset.values()].sort((a, b) => a.offset - b.offset);
}

type End = Pick<Recovery, 'continued' | 'lastNs' | 'cutBytes' | 'damage'> & {
  /** The number after the last one in the journal. */
  readonly free: number;
};

function recoveryOf(folder: RunFolder, { free, ...end }: End): Recovery {
  const seen = readersOf(folder)
    .map((reader) => savedPosition(folder, reader) ?? 0)
    .filter((position) => position - free < maxCursorLead);
  const nextSeq = Math.max(free, ...seen);
  return { ...end, nextSeq, lastSeq: free - 1, skippedSeqs: nextSeq - free };
}
