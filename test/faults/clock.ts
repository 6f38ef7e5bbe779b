// The wall clock jumps back and forth while a journal is written and shipped. Times in the journal only ever grow, and every line arrives
// with its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { newRunId, traceIdOf } from '../../src/core/ids.ts';
import { createJournal, dataFolder, processIdentity, reopenJournal } from '../../src/journal/index.ts';
import { createShipper } from '../../src/readers/ship/shipper.ts';
import { startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { runFinished, runStarted } from '../runs/journal-of.ts';
import { checkRun, readRun } from './support/check-run.ts';
import type { Fault } from './support/fault.ts';
import type { Random } from './support/random.ts';
import { nothing, sum, type Tally } from './support/tally.ts';
import { witnessLines } from './support/witness-lines.ts';

const rounds = { short: 3, full: 30 } as const;
const second = 1_000_000_000n;

export const clockSteps: Fault = {
  name: 'clock steps',
  what: 'The wall clock jumps by up to a day in both directions between lines, and between a crash and the recovery.',
  run: async ({ random, scale }) => {
    const tallies: Tally[] = [];
    for (let round = 0; round < rounds[scale]; round++) tallies.push(await stepped(random));
    return sum(tallies);
  },
};

async function stepped(random: Random): Promise<Tally> {
  const root = mkdtempSync(path.join(tmpdir(), 'stepspan-clock-'));
  const server = await startOtlpServer();
  try {
    const runId = newRunId();
    const folder = dataFolder(root).runDir(runId);
    let now = BigInt(Date.now()) * 1_000_000n;
    const wallNs = (): bigint => {
      if (random.next() < 0.05) now += BigInt(random.between(-86_400, 86_400)) * second;
      now += BigInt(random.between(0, 5_000));
      return now;
    };
    let journal = createJournal(folder, { wallNs, archive: false });
    journal.event(runStarted(['build'], { runId, traceId: traceIdOf(runId), writer: processIdentity() }));
    let printed = 0;
    for (let batch = 0; batch < 200; batch++) {
      const count = random.between(1, 10);
      journal.output(witnessLines('c', printed, count, 10));
      printed += count;
      if (random.next() < 0.02) {
        await journal.close();
        journal = reopenJournal(folder, { wallNs, archive: false });
      }
    }
    journal.event(runFinished());
    await journal.close();
    const start = await createShipper({ folder, env: { OTEL_EXPORTER_OTLP_ENDPOINT: server.url }, lingerMs: 1 });
    if (start.kind !== 'shipping') return { ...nothing, problems: [JSON.stringify(start)] };
    await start.shipper.done;
    const run = await readRun(folder);
    const tally = checkRun({ run, seen: [], shipped: server.logs });
    const back = run.lines.filter(({ timeNs }, index) => index > 0 && timeNs <= run.lines[index - 1]!.timeNs).length;
    const problems =
      back === 0 ? tally.problems : [...tally.problems, `${back} lines are not later than the one before`];
    return { ...tally, missing: tally.missing + printed - run.lines.length, problems };
  } finally {
    await server.close();
    rmSync(root, { recursive: true, force: true });
  }
}
