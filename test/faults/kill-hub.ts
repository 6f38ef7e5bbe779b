// The hub is killed at each of its file operations while it counts, ships and adopts. The next hub must finish the work: every line
// shipped, and every run, line and abandonment counted once.
import path from 'node:path';
import { readScrape, type Scraped } from '../readers/measure/scraped.ts';
import { type OtlpServer, startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { until } from '../support/until.ts';
import { atOnce } from './support/at-once.ts';
import { checkRun, readRun } from './support/check-run.ts';
import { loggedCalls } from './support/count-calls.ts';
import { countedWrongly } from './support/counters.ts';
import type { Fault } from './support/fault.ts';
import { type KillPoint, killPoints } from './support/kill-points.ts';
import {
  type Injected,
  makeSandbox,
  type Sandbox,
  type StartedCli,
  type StartOptions,
  witness,
} from './support/sandbox.ts';
import { isKept, sum, type Tally } from './support/tally.ts';

const lines = 200;
const workflow = `name: hubbed
steps:
  - id: print
    run: node ${witness} a ${lines} 0 30 both
`;
const unfinished = `name: left
steps:
  - id: print
    run: node ${witness} b ${lines} 0 30 both && sleep 60
`;

/** A hub that has not finished by then never will. */
const hubWithinMs = 300_000;
const sandboxesAtOnce = 3;

export const killHub: Fault = {
  name: 'hub killed',
  what: '`stepspan serve` gets SIGKILL at each of its file operations while it counts, ships and adopts; the next one continues.',
  async run(context) {
    const template = await makeHubTemplate();
    try {
      const calls = { main: await countCalls(template, 'main'), worker: await countCalls(template, 'worker') };
      const points = killPoints(calls, context, { short: 6, full: 300 });
      context.log(
        `${calls.main} calls in the main thread, ${calls.worker} in a shipper's, ${points.length} kill points`,
      );
      return sum(await atOnce(sandboxesAtOnce, points, (point) => hubKilledAt(template, point)));
    } finally {
      await template.remove();
    }
  },
};

/** A data folder with a run that has ended and one whose process was killed; nobody has shipped or counted either. */
export async function makeHubTemplate(): Promise<Sandbox> {
  const sandbox = makeSandbox();
  sandbox.write('whole.yaml', workflow);
  sandbox.write('left.yaml', unfinished);
  await sandbox.start(['run', 'whole.yaml', '--no-ship']).ended;
  const left = sandbox.start(['run', 'left.yaml', '--no-ship']);
  await until(() => left.output().includes(` b.2 ${Math.floor(lines / 3)} `));
  left.child.kill('SIGKILL');
  await left.ended;
  return sandbox;
}

async function countCalls(template: Sandbox, thread: Injected['thread']): Promise<number> {
  const sandbox = makeSandbox(template.data);
  const server = await startOtlpServer();
  const log = path.join(sandbox.folder, 'calls');
  try {
    const hub = startHub(sandbox, server, { inject: { thread, at: 0, mode: 'before', log } });
    await hasFinished(hub);
    hub.child.kill('SIGTERM');
    await hub.ended;
    return loggedCalls(log);
  } finally {
    await server.close();
    await sandbox.remove();
  }
}

/** Lets a hub work up to where it is killed, and the next one finish; then counts. */
export async function hubKilledAt(template: Sandbox, { place, options }: KillPoint): Promise<Tally> {
  const sandbox = makeSandbox(template.data);
  const server = await startOtlpServer();
  try {
    const first = startHub(sandbox, server, options);
    // Other timing can make the call unnecessary; then this hub ends as hubs mostly do.
    const hangs = await Promise.race([
      first.ended.then(() => undefined),
      hasFinished(first).then(
        () => void first.child.kill('SIGTERM'),
        // Where it could still be killed it hangs, and would hold the matrix; else it has ended, as it should.
        () => first.child.kill('SIGKILL'),
      ),
    ]);
    await first.ended;
    const second = startHub(sandbox, server);
    const scraped = await hasFinished(second);
    second.child.kill('SIGTERM');
    const { code } = await second.ended;
    const tallies: Tally[] = [];
    for (const runId of sandbox.data.listRunIds()) {
      const shipped = server.logs.filter(({ resource, attributes }) =>
        [resource['cicd.pipeline.run.id'], attributes['cicd.pipeline.run.id']].includes(runId),
      );
      tallies.push(checkRun({ run: await readRun(sandbox.data.runDir(runId)), seen: [], shipped }));
    }
    const tally = { ...sum(tallies), runs: 1 };
    const problems = [
      ...tally.problems,
      ...measuredWrongly(scraped, tally.lines),
      ...countedWrongly(scraped, sandbox.data, server),
    ];
    if (hangs === true) problems.push(`the first hub had not finished after ${hubWithinMs / 1000} s`);
    if (code !== 0) problems.push(`the second hub ended with ${code}`);
    if (tallies.length !== 2) problems.push(`${tallies.length} runs instead of 2`);
    if (!isKept({ ...tally, problems })) problems.push(second.output().slice(-300));
    return { ...tally, problems: problems.map((problem) => `${place}: ${problem}`) };
  } catch (error) {
    throw new Error(`${place}: ${(error as Error).message}`, { cause: error });
  } finally {
    await server.close();
    await sandbox.remove();
  }
}

function measuredWrongly(scraped: Scraped, journaled: number): readonly string[] {
  const counted = {
    stepspan_runs_started_total: 2,
    stepspan_runs_total: 2,
    stepspan_adopted_runs_total: 1,
    stepspan_output_lines_total: journaled,
  };
  return Object.entries(counted).flatMap(([name, wanted]) => {
    const is = scraped.sum(name);
    // The hub counts an adoption when it has made it: killed in between, the next one finds the run closed.
    const isRight = name === 'stepspan_adopted_runs_total' ? is <= wanted : is === wanted;
    return isRight ? [] : [`${name} is ${is} instead of ${wanted}`];
  });
}

export function startHub(sandbox: Sandbox, server: OtlpServer, options: StartOptions = {}): StartedCli {
  return sandbox.start(['serve', '--port', '0', '--no-page'], {
    ...options,
    env: { ...options.env, OTEL_EXPORTER_OTLP_ENDPOINT: server.url },
  });
}

/** Resolves when the hub has counted so many runs, has shipped all and two scrapes agree. @returns the last scrape */
export async function hasFinished(hub: StartedCli, runs = 2): Promise<Scraped> {
  let last: Scraped | undefined;
  const look = async (): Promise<Scraped | false> => {
    if (hub.child.exitCode !== null || hub.child.signalCode !== null)
      throw new Error(`the hub has ended:\n${hub.output()}`);
    const url = /http:\/\/[^\s/]+/.exec(hub.output())?.[0];
    if (url === undefined) return false;
    const headers = { 'x-prometheus-scrape-timeout-seconds': '10' };
    const text = await fetch(`${url}/metrics`, { headers }).then(
      (answer) => answer.text(),
      () => '',
    );
    const scraped = readScrape(text);
    const isDone =
      // One that counts too much has finished too, and what it counts is looked at then.
      scraped.sum('stepspan_runs_total') >= runs &&
      scraped.value('stepspan_hub_shipping_runs') === 0 &&
      scraped.value('stepspan_hub_waiting_runs') === 0 &&
      scraped.sum('stepspan_shipper_lag_records') === 0;
    const isSame = last?.sum('stepspan_output_lines_total') === scraped.sum('stepspan_output_lines_total');
    last = scraped;
    return isDone && isSame && scraped;
  };
  return until(look, { what: 'the hub has finished', withinMs: hubWithinMs, everyMs: 25 });
}
