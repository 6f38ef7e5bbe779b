// `stepspan ship` is killed at each of its file operations. The next one must leave the far side with every line, none of them changed.
import path from 'node:path';
import { startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { atOnce } from './support/at-once.ts';
import { checkRun, readRun } from './support/check-run.ts';
import { loggedCalls } from './support/count-calls.ts';
import { countedWrongly, scrapeShipped } from './support/counters.ts';
import type { Fault } from './support/fault.ts';
import { type KillPoint, killPoints } from './support/kill-points.ts';
import { makeSandbox, type Sandbox, type StartOptions, witness } from './support/sandbox.ts';
import { sum, type Tally } from './support/tally.ts';

/** Enough for several batches, so that cursors are saved in between. */
const lines = 6_000;
const workflow = `name: shipped
steps:
  - id: print
    run: node ${witness} a ${lines} 0 60 both
`;
const sandboxesAtOnce = 3;

export const killShipper: Fault = {
  name: 'shipper killed',
  what: '`stepspan ship` gets SIGKILL at each of its file operations, and is started again.',
  async run(context) {
    const template = await makeShipperTemplate();
    try {
      const main = await countCalls(template);
      const points = killPoints({ main, worker: 0 }, context, { short: 4, full: 120 });
      context.log(`${main} calls, ${points.length} kill points`);
      return sum(await atOnce(sandboxesAtOnce, points, (point) => shipperKilledAt(template, point)));
    } finally {
      await template.remove();
    }
  },
};

/** A data folder with a run that has ended and of which nothing is shipped. */
export async function makeShipperTemplate(): Promise<Sandbox> {
  const sandbox = makeSandbox();
  sandbox.write('w.yaml', workflow);
  await sandbox.start(['run', 'w.yaml', '--no-ship']).ended;
  return sandbox;
}

async function countCalls(template: Sandbox): Promise<number> {
  const sandbox = makeSandbox(template.data);
  const server = await startOtlpServer();
  const log = path.join(sandbox.folder, 'calls');
  try {
    const counting: StartOptions = { inject: { thread: 'main', at: 0, mode: 'before', log } };
    const { code, output } = await ship(sandbox, server.url, counting);
    const calls = loggedCalls(log);
    if (code !== 0 || calls === 0) throw new Error(`shipping ended with ${code} after ${calls} calls:\n${output}`);
    return calls;
  } finally {
    await server.close();
    await sandbox.remove();
  }
}

/** Lets `stepspan ship` work up to where it is killed, and the next one finish; then counts. */
export async function shipperKilledAt(template: Sandbox, { place, options }: KillPoint): Promise<Tally> {
  const sandbox = makeSandbox(template.data);
  const server = await startOtlpServer();
  try {
    await ship(sandbox, server.url, options);
    const counted = async (): Promise<number> =>
      (await scrapeShipped(sandbox.data)).sum('stepspan_shipper_sent_records_total', { signal: 'logs' });
    const before = await counted();
    const { code, output } = await ship(sandbox, server.url);
    const after = await counted();
    const said = Number(/sent ([\d,]+) log records?/.exec(output)?.[1]?.replaceAll(',', ''));
    const [runId] = sandbox.data.listRunIds();
    const tally = checkRun({ run: await readRun(sandbox.data.runDir(runId!)), seen: [], shipped: server.logs });
    const problems = [
      ...tally.problems,
      ...countedWrongly(await scrapeShipped(sandbox.data), sandbox.data, server),
      ...(before + said === after ? [] : [`${before} were counted, ${said} said to be sent, ${after} then counted`]),
      ...(code === 0 ? [] : [`the second ended with ${code}: ${output.slice(-300)}`]),
    ];
    return { ...tally, problems: problems.map((problem) => `${place}: ${problem}`) };
  } finally {
    await server.close();
    await sandbox.remove();
  }
}

function ship(sandbox: Sandbox, url: string, options: StartOptions = {}) {
  return sandbox.start(['ship', 'latest'], {
    ...options,
    env: { ...options.env, OTEL_EXPORTER_OTLP_ENDPOINT: url },
  }).ended;
}
