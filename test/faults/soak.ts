// Two hours' worth of lines as fast as they go: run after run beside one hub that counts, ships, archives and removes. Memory, handles
// and disk stay within bounds, and every line arrives once.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { until } from '../support/until.ts';
import { linesOnce } from './support/check-run.ts';
import type { Fault } from './support/fault.ts';
import { makeSandbox, type Sandbox, witness } from './support/sandbox.ts';
import type { Tally } from './support/tally.ts';
import { judge } from './support/witness.ts';

export type Soaking = {
  readonly runs: number;
  readonly linesPerRun: number;
  /** Lines a second; 0 is as fast as they go. */
  readonly rate: number;
};

/** What 100 lines a second come to in two hours, in runs of ten minutes. */
const twoHours: Soaking = { runs: 12, linesPerRun: 60_000, rate: 0 };
/** For CI: a sixth of it, which is enough for the hub to have warmed up and to remove runs. */
const twentyMinutes: Soaking = { runs: 8, linesPerRun: 15_000, rate: 0 };

/** The first runs compile code and fill caches that stay. */
const warmUpRuns = 3;
/** What a warm hub may grow by: V8 releases memory late, and one batch more or less is 16 MiB. A leak of a line would be more. */
const growthBytes = 64 * 2 ** 20;
/** Files and sockets of a warm hub may grow by this; each run that left one would be more. */
const growthHandles = 4;
/** What the hub may keep of runs. It looks once a minute; two hours' lines in a minute are therefore there at first. */
const keptBytes = 24 * 2 ** 20;
const removedWithinMs = 300_000;

export const soak: Fault = {
  name: 'two hours at once',
  what: 'Run after run beside one hub, 720,000 lines: bounded memory, handles and disk.',
  run: ({ scale, log }) => soakFor(scale === 'short' ? twentyMinutes : twoHours, log),
};

export async function soakFor({ runs, linesPerRun, rate }: Soaking, log: (line: string) => void): Promise<Tally> {
  const sandbox = makeSandbox();
  const server = await startOtlpServer();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: server.url };
  const problems: string[] = [];
  const total = { lines: 0, missing: 0, duplicated: 0 };
  try {
    const hub = sandbox.start(['serve', '--port', '0', '--retention-max-bytes', `${keptBytes / 2 ** 20}MiB`], { env });
    const usage: Usage[] = [];
    for (let run = 1; run <= runs; run++) {
      sandbox.write(
        'w.yaml',
        `name: soak\nsteps:\n  - {id: print, run: "node ${witness} r${run} ${linesPerRun} ${rate} 60 both"}\n`,
      );
      const { code, output } = await sandbox.start(['run', 'w.yaml', '--ship-wait', '5m'], { env }).ended;
      if (code !== 0) problems.push(`run ${run} ended with ${code}: ${output.slice(-300)}`);
      // The sink has only this run's: it is emptied after each.
      const said = judge(linesOnce(server.logs.splice(0)));
      total.lines += linesPerRun;
      total.missing += linesPerRun - said.distinct;
      total.duplicated += said.duplicated;
      if (said.damaged > 0) problems.push(`run ${run}: ${JSON.stringify(said)}`);
      usage.push(usageOf(hub.child.pid!, sandbox));
      log(`run ${run} of ${runs}: ${describeUsage(usage.at(-1)!)}`);
    }
    problems.push(...grown(usage));
    const isKept = () => sizeOf(sandbox.data.root) <= keptBytes;
    await until(isKept, { what: 'the hub has removed the oldest runs', withinMs: removedWithinMs, everyMs: 500 }).catch(
      (error: Error) => problems.push(error.message),
    );
    log(`the data folder is left with ${inMib(sizeOf(sandbox.data.root))} of ${inMib(keptBytes)}`);
    hub.child.kill('SIGTERM');
    const { code } = await hub.ended;
    if (code !== 0) problems.push(`the hub ended with ${code}: ${hub.output().slice(-300)}`);
    return { runs, ...total, unaccounted: total.missing, problems };
  } finally {
    await server.close();
    await sandbox.remove();
  }
}

type Usage = { readonly rssBytes: number; readonly handles: number; readonly diskBytes: number };

function usageOf(pid: number, sandbox: Sandbox): Usage {
  const rssKb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return {
    rssBytes: Number(rssKb) * 1024,
    handles: readdirSync(`/proc/${pid}/fd`).length,
    diskBytes: sizeOf(sandbox.data.root),
  };
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce(
      (sum, entry) => sum + (statSync(path.join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
}

function grown(usage: readonly Usage[]): readonly string[] {
  const warm = usage.slice(0, warmUpRuns);
  const later = usage.slice(warmUpRuns);
  const most = (of: readonly Usage[], what: keyof Usage): number => Math.max(0, ...of.map((each) => each[what]));
  const problems: string[] = [];
  const more = most(later, 'rssBytes') - most(warm, 'rssBytes');
  if (more > growthBytes) problems.push(`the hub has grown by ${inMib(more)} after ${warmUpRuns} runs`);
  const handles = most(later, 'handles') - most(warm, 'handles');
  if (handles > growthHandles) problems.push(`the hub has ${handles} more handles than after ${warmUpRuns} runs`);
  return problems;
}

const inMib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function describeUsage({ rssBytes, handles, diskBytes }: Usage): string {
  return `the hub has ${inMib(rssBytes)} and ${handles} handles, the data folder ${inMib(diskBytes)}`;
}
