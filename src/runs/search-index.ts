// The index of the data folder for searches over all runs: of each run whose journal is archived, which texts it cannot hold. The hub
// writes it, `stepspan search` asks it. It is a cache in one file: what is missing, torn or out of date says nothing, and the journal
// is read.
//
// A record, all numbers little-endian: bytes of the record u32, CRC-32 of what follows u32, time of the journal's folder (Unix ms) f64,
// run id in 24 bytes padded with NUL, log2 of the bits u32, the bits (trigrams.ts). The last record of a run counts.
import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { isRunId, type RunId } from '../core/ids.ts';
import { joinLines } from '../core/join-lines.ts';
import { linesOf } from '../core/record.ts';
import { settledAfterMs } from '../data/data-folder.ts';
import { type DataFolder, everyFrame, openJournal, type RunFolder, replaceFileUnsynced } from '../journal/index.ts';
import { mayBeRedrawn, seenLine } from '../text/seen.ts';
import { createTrigramCollector, mayHoldAll, type TrigramTable, trigramsOf } from './trigrams.ts';

/** Raised with every change of what is indexed, or of how. */
const head = Buffer.from('STEPSPAN-TRIGRAMS 1\n');
const headBytes = 44;

/**
 * Asks about a text in the lines of stdout, stderr and system.
 * @returns a function that is false only for a run of which no line holds the text
 */
export function askSearchIndex(data: DataFolder, text: string): (runId: RunId) => boolean {
  const trigrams = trigramsOf(text);
  if (trigrams.length === 0) return () => true;
  const without = new Map<RunId, number>();
  const bytes = readOrNothing(data.hub.searchIndex);
  for (const { runId, changedMs, table } of recordsIn(bytes)) {
    if (mayHoldAll(table, trigrams)) without.delete(runId);
    else without.set(runId, changedMs);
  }
  return (runId) => {
    const changedMs = without.get(runId);
    return changedMs === undefined || changedMs !== changedMsOf(data.runDir(runId));
  };
}

export type SearchIndexer = {
  /** Whether the journal of the run is indexed as it is now. */
  readonly has: (runId: RunId) => boolean;
  /** Indexes a run that has ended and whose journal is archived. */
  readonly add: (runId: RunId) => Promise<void>;
  /** Writes what was added. Best effort: it is only a cache. */
  readonly save: () => void;
};

/** For the process that writes the index, of which there is one. It holds no tables. */
export function createSearchIndexer(data: DataFolder): SearchIndexer {
  const path = data.hub.searchIndex;
  const indexed = cleanUp(data);
  const collector = createTrigramCollector();
  let unsaved: Buffer[] = [];

  return {
    has(runId) {
      const changedMs = indexed.get(runId);
      return changedMs !== undefined && changedMs === changedMsOf(data.runDir(runId));
    },
    async add(runId) {
      const folder = data.runDir(runId);
      const changedMs = changedMsOf(folder);
      // What comes within the same tick of the clock would not show.
      if (changedMs === undefined || Date.now() - changedMs <= settledAfterMs) return;
      const table = await tableOf(folder, collector);
      if (table === undefined || changedMsOf(folder) !== changedMs) return;
      indexed.set(runId, changedMs);
      unsaved.push(encode({ runId, changedMs, table }));
    },
    save() {
      if (unsaved.length === 0) return;
      try {
        appendFileSync(path, Buffer.concat(unsaved));
        unsaved = [];
      } catch {
        // A search reads the journals instead.
      }
    },
  };
}

/**
 * Makes the file one to which records can be appended: without a torn record, and without many of runs that are gone.
 * @returns the times of the runs in it
 */
function cleanUp(data: DataFolder): Map<RunId, number> {
  const path = data.hub.searchIndex;
  const bytes = readOrNothing(path);
  const present = new Set(data.listRunIds());
  const last = new Map<RunId, Entry>();
  let end = 0;
  let records = 0;
  for (const entry of recordsIn(bytes)) {
    if (present.has(entry.runId)) last.set(entry.runId, entry);
    records += 1;
    end = entry.end;
  }
  const isClean = end === bytes.length && end > 0 && records <= 2 * last.size;
  try {
    if (!isClean) replaceFileUnsynced(path, Buffer.concat([head, ...Array.from(last.values(), encode)]));
  } catch {
    // Then nothing can be appended either, and a search reads the journals.
  }
  return new Map(Array.from(last.values(), ({ runId, changedMs }) => [runId, changedMs]));
}

/** Undefined if a part of the journal cannot be read: nothing can be said of its lines then. */
async function tableOf(
  folder: RunFolder,
  collector: ReturnType<typeof createTrigramCollector>,
): Promise<TrigramTable | undefined> {
  // Most runs: small, and of whole lines that nothing draws over.
  const isSimple = everyFrame(folder, ({ kind, stream, continues, unterminated, payload }) => {
    if (kind === 'event' || stream === 'debug') return true;
    if (continues || unterminated || mayBeRedrawn(payload)) return false;
    collector.add(payload);
    return true;
  });
  if (isSimple) return collector.take();
  collector.take();
  let isWhole = true;
  const onProblem = (): void => {
    isWhole = false;
  };
  for await (const records of joinLines(openJournal(folder).read({ from: 0, reuseMemory: true, onProblem }))) {
    for (const record of records) {
      if (record.kind !== 'output' || record.stream === 'debug') continue;
      if (!mayBeRedrawn(record.bytes)) collector.add(record.bytes);
      else for (const { bytes } of linesOf(record)) collector.add(Buffer.from(seenLine(bytes.toString('utf8'))));
    }
  }
  const table = collector.take();
  return isWhole ? table : undefined;
}

function changedMsOf({ journalDir }: RunFolder): number | undefined {
  return statSync(journalDir, { throwIfNoEntry: false })?.mtimeMs;
}

type Entry = { readonly runId: RunId; readonly changedMs: number; readonly table: TrigramTable };

function encode({ runId, changedMs, table }: Entry): Buffer {
  const bytes = Buffer.alloc(headBytes + table.bits.length);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeDoubleLE(changedMs, 8);
  bytes.write(runId, 16, 'latin1');
  bytes.writeUInt32LE(table.log2Bits, 40);
  bytes.set(table.bits, headBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

/** The whole records of a file, in order, each with where it ends. */
function* recordsIn(bytes: Buffer): Generator<Entry & { readonly end: number }> {
  if (!bytes.subarray(0, head.length).equals(head)) return;
  for (let at = head.length; at + headBytes <= bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    const record = bytes.subarray(at, at + length);
    if (length < headBytes || record.length < length || crc32(record.subarray(8)) !== record.readUInt32LE(4)) return;
    at += length;
    const runId = record.toString('latin1', 16, 40).replace(/\0+$/, '');
    const table = { log2Bits: record.readUInt32LE(40), bits: record.subarray(headBytes) };
    if (isRunId(runId)) yield { runId, changedMs: record.readDoubleLE(8), table, end: at };
  }
}

function readOrNothing(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}
