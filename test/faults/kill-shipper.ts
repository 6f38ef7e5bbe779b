// `stepspan ship` is killed at each of its file operations. The next one must leave the far side with every line, none of them changed.
import path from 'node:path';
import { startOtlpServer } from '../ship/support/otlp-server.ts';
import { atOnce } from './support/at-once.ts';
import { checkRun, readRun } from './support/check-run.ts';
import { loggedCalls } from './support/count-calls.ts';
import type { Fault } from './support/fault.ts';
import { killPoints } from './support/kill-points.ts';
import { type Injected, makeSandbox, type Sandbox, witness } from './support/sandbox.ts';
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
    const template = makeSandbox();
    try {
      template.write('w.yaml', workflow);
      await template.start(['run', 'w.yaml', '--no-ship']).ended;
      const main = await countCalls(template);
      const points = killPoints({ main, worker: 0 }, context, { short: 6, full: 120 });
      context.log(`${main} calls, ${points.length} kill points`);
      return sum(await atOnce(sandboxesAtOnce, points, (point) => killAt(template, point)));
    } finally {
      await template.remove();
    }
  },
};

async function countCalls(template: Sandbox): Promise<number> {
  const sandbox = makeSandbox(template.data);
  const server = await startOtlpServer();
  const log = path.join(sandbox.folder, 'calls');
  try {
    const inject: Injected = { thread: 'main', at: 0, mode: 'before', log };
    const { code, output } = await ship(sandbox, server.url, inject);
    const calls = loggedCalls(log);
    if (code !== 0 || calls === 0) throw new Error(`shipping ended with ${code} after ${calls} calls:\n${output}`);
    return calls;
  } finally {
    await server.close();
    await sandbox.remove();
  }
}

async function killAt(template: Sandbox, inject: Injected): Promise<Tally> {
  const sandbox = makeSandbox(template.data);
  const server = await startOtlpServer();
  try {
    await ship(sandbox, server.url, inject);
    const { code, output } = await ship(sandbox, server.url);
    const [runId] = sandbox.data.listRunIds();
    const tally = checkRun({ run: await readRun(sandbox.data.runDir(runId!)), seen: [], shipped: server.logs });
    const problems = [
      ...tally.problems,
      ...(code === 0 ? [] : [`the second ended with ${code}: ${output.slice(-300)}`]),
    ];
    return { ...tally, problems: problems.map((problem) => `${inject.mode} call ${inject.at}: ${problem}`) };
  } finally {
    await server.close();
    await sandbox.remove();
  }
}

function ship(sandbox: Sandbox, url: string, inject?: Injected) {
  return sandbox.start(['ship', 'latest'], {
    ...(inject && { inject }),
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: url },
  }).ended;
}
