// The power goes at any moment of writing a journal. Whatever the disk has kept of what was not yet synced: the journal opens, has
// every line that it reported as kept, none of them torn, and takes new ones.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { newRunId } from '../../src/core/ids.ts';
import { createJournal, dataFolder, reopenJournal } from '../../src/journal/index.ts';
import { listSegments } from '../../src/journal/segment-files.ts';
import { readRun } from './support/check-run.ts';
import type { Fault, FaultContext } from './support/fault.ts';
import type { Random } from './support/random.ts';
import { type RecordedDisk, recordDisk } from './support/recorded-disk.ts';
import { nothing, sum, type Tally } from './support/tally.ts';
import { judge } from './support/witness.ts';
import { witnessLines } from './support/witness-lines.ts';

/** Small, so that segments end and begin often. */
const segmentBytes = 3_000;
const statesAt = { short: 1, full: 8 } as const;
const journals = { short: 1, full: 8 } as const;

export const powerLoss: Fault = {
  name: 'power lost',
  what: 'Power goes after each file operation of a journal; each un-synced sector and name is kept or not, at random.',
  async run({ random, scale, log }: FaultContext) {
    const tallies: Tally[] = [];
    for (let round = 0; round < journals[scale]; round++) {
      const root = mkdtempSync(path.join(tmpdir(), 'stepspan-power-'));
      try {
        const runId = newRunId();
        const { disk, appended } = await writeJournal(root, runId, random);
        for (let operations = 1; operations <= disk.length(); operations++) {
          for (let state = 0; state < statesAt[scale]; state++) {
            tallies.push(await cutAt(operations, { disk, appended, runId, random }));
          }
        }
      } finally {
        rmSync(root, { recursive: true, force: true });
      }
    }
    log(`${tallies.length} states`);
    return sum(tallies);
  },
};

/** Appends lines in batches of all sizes, and notes after each sync how many are on the disk for certain. */
async function writeJournal(root: string, runId: ReturnType<typeof newRunId>, random: Random) {
  const folder = dataFolder(root).runDir(runId);
  const disk = recordDisk(folder.journalDir);
  const journal = createJournal(folder, {
    fileSystem: disk.fileSystem,
    segmentBytes,
    archive: false,
    durability: { everyMs: 1_000 },
    indexEveryBytes: 200,
    reserveBytes: 0,
  });
  /** How many lines had been appended when the log had so many operations. */
  const appended: { readonly operations: number; readonly lines: number }[] = [];
  let lines = 0;
  for (let batch = 0; batch < 25; batch++) {
    const count = random.between(1, 6);
    journal.output(witnessLines('p', lines, count, random.between(0, 300)));
    lines += count;
    appended.push({ operations: disk.length(), lines });
    if (random.next() < 0.3) {
      await journal.sync();
      disk.mark(lines);
    }
  }
  await journal.close();
  disk.mark(lines);
  return { disk, appended };
}

type Cut = {
  readonly disk: RecordedDisk;
  readonly appended: readonly { readonly operations: number; readonly lines: number }[];
  readonly runId: ReturnType<typeof newRunId>;
  readonly random: Random;
};

async function cutAt(operations: number, { disk, appended, runId, random }: Cut): Promise<Tally> {
  const root = mkdtempSync(path.join(tmpdir(), 'stepspan-power-'));
  const place = `after ${operations} operations`;
  try {
    const folder = dataFolder(root).runDir(runId);
    disk.cutPower(operations, folder.journalDir, random);
    const promised = disk.markAt(operations);
    const written = appended.findLast((entry) => entry.operations <= operations)?.lines ?? 0;
    // Not even a name was kept, and nothing had been promised: for every reader the run does not exist.
    if (promised === 0 && listSegments(folder.journalDir).length === 0)
      return { ...nothing, runs: 1, lines: written, missing: written };
    const before = await readRun(folder);
    const journal = reopenJournal(folder, { archive: false });
    journal.output(witnessLines('p', 1_000, 1, 5));
    await journal.close();
    const after = await readRun(folder);
    const said = judge(after.lines.filter(({ text }) => !text.startsWith('w p 1001 ')));
    const problems: string[] = [];
    if (said.damaged + said.disordered > 0) problems.push(`${place}: ${JSON.stringify(said)}`);
    if (!after.lines.some(({ text }) => text.startsWith('w p 1001 ')))
      problems.push(`${place}: the new line is not there`);
    const keys = new Set(after.lines.map(({ text }) => text));
    const takenBack = before.lines.filter(({ text }) => !keys.has(text)).length;
    if (takenBack > 0) problems.push(`${place}: ${takenBack} lines that a reader saw are gone`);
    const missing = Math.max(0, written - said.distinct);
    const unaccounted = Math.max(0, promised - said.distinct);
    if (unaccounted > 0)
      problems.push(`${place}: ${promised} were synced, ${said.distinct} are there; ${after.problems}`);
    return { ...nothing, runs: 1, lines: written, missing, duplicated: said.duplicated, unaccounted, problems };
  } catch (error) {
    return { ...nothing, runs: 1, problems: [`${place}: ${(error as Error).stack}`] };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
