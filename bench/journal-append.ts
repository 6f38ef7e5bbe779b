// How fast the journal writes 64 KiB batches of output and reads them back, without a child and without redaction.
import { rmSync } from 'node:fs';
import { newRunId } from '../src/core/ids.ts';
import { createJournal, dataFolder, openJournal } from '../src/journal/index.ts';
import type { Bench } from './support/bench.ts';

const linesPerBatch = 655;

export const journalAppend: Bench = {
  name: 'journal',
  isInformation: true,
  async run({ place, say }) {
    say('journal: append and read');
    const totalBytes = 2 ** 30;
    const rows: string[][] = [];
    for (const durability of ['none', { everyMs: 100 }] as const) {
      const folder = dataFolder(place.folder('journal')).runDir(newRunId());
      const journal = createJournal(folder, { durability, archive: false });
      const bytes = Buffer.from(`${'x'.repeat(99)}\n`.repeat(linesPerBatch));
      const draft = {
        subject: { step: 'build', attempt: 1 },
        stream: 'stdout',
        severity: undefined,
        unterminated: false,
      } as const;
      const started = performance.now();
      for (let done = 0, count = 0; done < totalBytes; done += bytes.length) {
        journal.output({ ...draft, lineCount: linesPerBatch, bytes });
        // The event loop turns between reads of a pipe.
        if (++count % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      const appendMs = performance.now() - started;
      await journal.close();
      const readStarted = performance.now();
      let lines = 0;
      for await (const batch of openJournal(folder).read({ from: 0 })) {
        for (const record of batch) lines += record.kind === 'output' ? record.lineCount : 0;
      }
      if (lines % linesPerBatch !== 0 || lines * 100 < totalBytes) throw new Error(`${lines} lines came back`);
      const readMs = performance.now() - readStarted;
      const rate = (ms: number): string => `${Math.round(totalBytes / 1e3 / ms)} MB/s`;
      rows.push([durability === 'none' ? 'none' : 'fdatasync every 100 ms', rate(appendMs), rate(readMs)]);
      rmSync(folder.dir, { recursive: true });
    }
    return {
      title: 'The journal by itself',
      how: 'Batches of 64 KiB with lines of 100 bytes, numbered, checksummed and written; then read back with every checksum compared. One round, for information.',
      tables: [{ columns: ['durability', 'append', 'read'], rows }],
      ratios: [],
      notes: [],
    };
  },
};
