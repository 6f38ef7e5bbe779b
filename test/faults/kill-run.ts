// stepspan is killed at each of its writes, syncs, renames and removals, before, after and in the middle of it. A hub then
// adopts the run, a shipper sends what is left, and the run must keep its promises.
import { isRunId, type RunId } from '../../src/core/ids.ts';
import { adoptRun } from '../../src/hub/index.ts';
import { openJournal } from '../../src/journal/index.ts';
import { createShipper } from '../../src/readers/ship/shipper.ts';
import { startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { atOnce, within } from './support/at-once.ts';
import { checkRun, type Kept, readRun } from './support/check-run.ts';
import { countCalls } from './support/count-calls.ts';
import type { Fault } from './support/fault.ts';
import { type KillPoint, killPoints } from './support/kill-points.ts';
import { makeSandbox, type Sandbox, witness } from './support/sandbox.ts';
import { isKept, nothing, sum, type Tally } from './support/tally.ts';

/** A run at the longest: one that hangs at its fault must not hold the matrix. */
const runWithinMs = 300_000;
/** With its adoption and its shipping; what takes longer hangs, which is a broken promise and must not hold the matrix either. */
const pointWithinMs = 2 * runWithinMs;
/** A run mostly waits for its children; more at once than this and each only takes longer. */
const sandboxesAtOnce = 4;

const lines = 60;
const workflow = `name: swept
steps:
  - id: first
    run: setsid sleep 300 & node ${witness} a ${lines} 2000 20 both
  - id: second
    needs: [first]
    retries: {max: 1, delay: 0s}
    run: 'node ${witness} b$STEPSPAN_ATTEMPT ${lines} && test -f again || { touch again; exit 1; }'
`;

export const killRun: Fault = {
  name: 'stepspan killed',
  what: '`stepspan run` gets SIGKILL at each of its file operations: before it, after it, and with half of a write done.',
  async run(context) {
    const threads = await countCalls(['run', 'w.yaml'], workflow);
    const points = killPoints(threads, context, { short: 12, full: 600 });
    context.log(
      `${threads.main} calls in the main thread, ${threads.worker} in the shipper's, ${points.length} kill points`,
    );
    return sum(await atOnce(sandboxesAtOnce, points, (point) => runKilledAt(point)));
  },
};

/** Runs a workflow up to where it is killed, adopts and ships what is left, and counts. */
export function runKilledAt(point: KillPoint): Promise<Tally> {
  return within(pointWithinMs, point.place, killAt(point));
}

async function killAt({ place, options }: KillPoint): Promise<Tally> {
  const sandbox = makeSandbox();
  const server = await startOtlpServer();
  try {
    sandbox.write('w.yaml', workflow);
    const env = { ...options.env, OTEL_EXPORTER_OTLP_ENDPOINT: server.url };
    const cli = sandbox.start(['run', 'w.yaml'], { ...options, env });
    const stop = new AbortController();
    const following = followFirst(sandbox, stop.signal);
    const timer = setTimeout(() => cli.child.kill('SIGKILL'), runWithinMs);
    const { signal, output } = await cli.ended;
    clearTimeout(timer);
    stop.abort();
    const seen = await following;
    const [runId] = sandbox.data.listRunIds();
    // Killed before there was a run: there is nothing to keep.
    if (runId === undefined) return { ...nothing, runs: 1, problems: leftOf(sandbox, place) };
    const folder = sandbox.data.runDir(runId);
    // A call that other timing has made unnecessary: the run has ended by itself, and must keep its promises as well.
    if (signal === 'SIGKILL') await adoptRun(folder);
    // Killed before the first record: there is nothing to keep here either.
    if ((await openJournal(folder).head()).nextSeq === 0)
      return { ...nothing, runs: 1, problems: leftOf(sandbox, place) };
    await shipWhole(sandbox, runId, server.url);
    const run = await readRun(folder);
    const tally = checkRun({ run, seen, shipped: server.logs });
    const problems = tally.problems.map((problem) => `${place}: ${problem}`);
    if (!isKept(tally)) problems.push(`${place}: ${JSON.stringify({ ...tally, problems: [] })} ${output.slice(-300)}`);
    return { ...tally, problems: [...problems, ...leftOf(sandbox, place)] };
  } finally {
    await server.close();
    await sandbox.remove();
  }
}

/** What a reader sees that follows the run from its beginning, up to the moment of the kill. */
async function followFirst(sandbox: Sandbox, signal: AbortSignal): Promise<readonly Kept[]> {
  while (!signal.aborted) {
    const [runId] = sandbox.data.listRunIds();
    if (runId !== undefined) return (await readRun(sandbox.data.runDir(runId), signal)).pieces;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return [];
}

async function shipWhole(sandbox: Sandbox, runId: RunId, url: string): Promise<void> {
  if (!isRunId(runId)) return;
  const start = await createShipper({
    folder: sandbox.data.runDir(runId),
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: url },
    lingerMs: 1,
  });
  if (start.kind === 'shipping') await start.shipper.done;
}

function leftOf(sandbox: Sandbox, place: string): readonly string[] {
  return sandbox.processes().map((process) => `${place}: still alive: ${process}`);
}
