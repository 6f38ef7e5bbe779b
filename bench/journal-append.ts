// How fast the journal takes 64 KiB batches of output, apart from the disk: point TMPDIR at a memory file system.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newRunId } from '../src/event/ids.ts';
import { createJournal, dataFolder, openJournal } from '../src/journal/index.ts';

const root = mkdtempSync(join(tmpdir(), 'stepspan-bench-'));
const line = `${'x'.repeat(99)}\n`;
const bytes = Buffer.from(line.repeat(655));
const total = 1024 * 1024 * 1024;

for (const durability of ['none', { everyMs: 100 }] as const) {
  const folder = dataFolder(root).runDir(newRunId());
  const journal = createJournal(folder, { durability, archive: false });
  const subject = { step: 'build', attempt: 1 };
  const started = performance.now();
  let count = 0;
  for (let done = 0; done < total; done += bytes.length) {
    journal.output({ subject, stream: 'stdout', severity: undefined, lineCount: 655, bytes, unterminated: false });
    // The event loop turns between reads of a pipe.
    if (++count % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const ms = performance.now() - started;
  await journal.close();
  const readStarted = performance.now();
  let lines = 0;
  for await (const batch of openJournal(folder).read({ from: 0 })) {
    for (const record of batch) lines += record.kind === 'output' ? record.lineCount : 0;
  }
  const readMs = performance.now() - readStarted;
  const rate = (elapsed: number): string => `${(total / elapsed / 1e6).toFixed(2)} GB/s`;
  console.log(`${JSON.stringify(durability)}: append ${rate(ms)}, read ${rate(readMs)}, ${lines} lines`);
  rmSync(folder.dir, { recursive: true });
}
rmSync(root, { recursive: true });
