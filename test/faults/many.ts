// Much at once: a workflow of 200 steps, 20 runs side by side with a hub that ships them, and a second hub on the same data folder.
import { startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { until } from '../support/until.ts';
import { checkRun, readRun } from './support/check-run.ts';
import type { Fault } from './support/fault.ts';
import { makeSandbox, witness } from './support/sandbox.ts';
import { sum, type Tally } from './support/tally.ts';

const stepCount = 200;
const runCount = 20;
const linesEach = 100;

export const many: Fault = {
  name: 'much at once',
  what: '200 steps in one workflow; 20 runs at once, each shipping itself, beside two hubs that are started on one data folder.',
  run: async () => sum([await manySteps(), await manyRuns()]),
};

async function manySteps(): Promise<Tally> {
  const sandbox = makeSandbox();
  try {
    const steps = Array.from(
      { length: stepCount },
      (_, step) => `  - {id: s${step}, run: "node ${witness} s${step} 5"}`,
    );
    sandbox.write('w.yaml', `name: many\nconcurrency: 16\nsteps:\n${steps.join('\n')}\n`);
    const { code, output } = await sandbox.start(['run', 'w.yaml', '--no-ship']).ended;
    const [runId] = sandbox.data.listRunIds();
    const run = await readRun(sandbox.data.runDir(runId!));
    const tally = checkRun({ run, seen: [] });
    const printed = stepCount * 5;
    const missing = printed - run.lines.filter(({ text }) => text.startsWith('w s')).length;
    const problems = [...tally.problems, ...sandbox.processes().map((process) => `still alive: ${process}`)];
    if (code !== 0) problems.push(`exit ${code}: ${output.slice(-400)}`);
    return { ...tally, lines: printed, missing, unaccounted: missing, problems };
  } finally {
    await sandbox.remove();
  }
}

async function manyRuns(): Promise<Tally> {
  const sandbox = makeSandbox();
  const server = await startOtlpServer();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: server.url };
  try {
    const problems: string[] = [];
    const hub = sandbox.start(['serve', '--port', '0', '--no-page'], { env });
    await until(() => hub.output().includes('http://'));
    const second = await sandbox.start(['serve', '--port', '0', '--no-page'], { env }).ended;
    if (second.code === 0 || !/is the hub of/.test(second.output)) {
      problems.push(`the second hub was not refused: exit ${second.code}: ${second.output}`);
    }
    sandbox.write(
      'w.yaml',
      `name: one\nsteps:\n  - {id: print, run: "node ${witness} $STEPSPAN_RUN_ID ${linesEach} 1000 20 both"}\n`,
    );
    const runs = Array.from(
      { length: runCount },
      () => sandbox.start(['run', 'w.yaml', '--shared', '--ship-wait', '30s'], { env }).ended,
    );
    for (const { code, output } of await Promise.all(runs))
      if (code !== 0) problems.push(`exit ${code}: ${output.slice(-400)}`);
    const runIds = sandbox.data.listRunIds();
    if (runIds.length !== runCount) problems.push(`${runIds.length} runs instead of ${runCount}`);
    const tallies: Tally[] = [];
    for (const runId of runIds) {
      const run = await readRun(sandbox.data.runDir(runId));
      const shipped = server.logs.filter(
        ({ body, attributes }) => attributes['cicd.pipeline.run.id'] === runId || String(body).includes(runId),
      );
      const witnessed = run.lines.filter(({ text }) => text.startsWith(`w ${runId}`));
      if (witnessed.length !== linesEach) problems.push(`${runId}: ${witnessed.length} of ${linesEach} lines`);
      // Lines of stepspan itself say no run in their text; they are checked by the other faults.
      tallies.push(checkRun({ run: { ...run, lines: witnessed }, seen: [], shipped }));
    }
    hub.child.kill('SIGTERM');
    await hub.ended;
    problems.push(...sandbox.processes().map((process) => `still alive: ${process}`));
    const tally = sum(tallies);
    return { ...tally, problems: [...tally.problems, ...problems] };
  } finally {
    await server.close();
    await sandbox.remove();
  }
}
