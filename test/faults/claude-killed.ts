// stepspan is killed at its file operations while Claude Code works. A hub then adopts the run, ends Claude Code and what it
// has started, ships and counts; `stepspan resume` does the rest. The CLI is the real one; the API says a witness's lines.
import path from 'node:path';
import type { Position, Turn } from '../../demo/messages-api/script.ts';
import { emptyRunState, foldRun, totalsOf } from '../../src/runs/index.ts';
import { type OtlpServer, startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { readRecords } from '../support/journal.ts';
import { hasFinished, startHub } from './kill-hub.ts';
import { atOnce, within } from './support/at-once.ts';
import { checkRun, type ReadRun, readRun } from './support/check-run.ts';
import { telemetryWrongly } from './support/check-telemetry.ts';
import { bash, type ClaudeCli, replyUsage, startClaudeCli } from './support/claude-cli.ts';
import { loggedCalls } from './support/count-calls.ts';
import type { Fault } from './support/fault.ts';
import { type KillPoint, killPoints } from './support/kill-points.ts';
import { type Injected, makeSandbox, type Sandbox, type StartedCli, witness } from './support/sandbox.ts';
import { isKept, nothing, sum, type Tally } from './support/tally.ts';
import { witnessLines } from './support/witness-lines.ts';

/** The run, its adoption and the run that continues it; what takes longer hangs. */
const pointWithinMs = 300_000;
/** Claude Code takes two to four seconds of CPU time at each start. */
const sandboxesAtOnce = 2;
const linesATurn = 20;

const workflow = `name: killed
steps:
  - id: ask
    claude: {prompt: work, allowedTools: [Bash]}
  - id: shell
    needs: [ask]
    run: node ${witness} c 60 1000
  - id: more
    needs: [shell]
    claude: {prompt: continue, resume: ask}
`;

const said = (name: string, turn: number): string =>
  witnessLines(name, turn * linesATurn, linesATurn, 20).bytes.toString();

/** Its Bash tool starts what outlives Claude Code, and prints past it, on its stderr. */
function answer({ prompt, answers }: Position): Turn {
  if (prompt.includes('continue')) return { kind: 'reply', text: said('d.1', 0) };
  const printing = `setsid sleep 300 > /dev/null 2>&1 & node ${witness} b 60 300 20 > /proc/$PPID/fd/2`;
  if (answers === 0) return bash(printing, said('a.1', 0));
  return answers === 1 ? bash('sleep 0.3', said('a.1', 1)) : { kind: 'reply', text: said('a.1', 2) };
}

export const killedInClaude: Fault = {
  name: 'killed in a Claude step',
  what: '`stepspan run` gets SIGKILL at its file operations while the real Claude Code works; a hub adopts the run, `stepspan resume` finishes it; its spans, logs and cost are counted too.',
  async run(context) {
    const [main, worker] = [await countCalls('main'), await countCalls('worker')];
    const calls = { main: main.all - main.before, worker: worker.all - worker.before };
    const points = killPoints(calls, context, { short: 3, full: 60 }).map((point) =>
      later(point, { main: main.before, worker: worker.before }),
    );
    context.log(
      `${calls.main} calls in the main thread, ${calls.worker} in the shipper's, ${points.length} kill points`,
    );
    return sum(await atOnce(sandboxesAtOnce, points, (point) => within(pointWithinMs, point.place, killedAt(point))));
  },
};

/** The same call, counted from the first request of Claude Code on: `stepspan killed` has the calls before it. */
function later({ options }: KillPoint, before: Readonly<Record<Injected['thread'], number>>): KillPoint {
  const inject = options.inject ?? { thread: 'main', at: 1, mode: 'before' };
  const at = inject.at + before[inject.thread];
  return { place: `${inject.mode} call ${at} of the ${inject.thread} thread`, options: { inject: { ...inject, at } } };
}

/** How many calls a run makes before Claude Code asks its API for the first time, and at all. */
async function countCalls(thread: Injected['thread']): Promise<{ readonly before: number; readonly all: number }> {
  return inSandbox(async ({ sandbox, server, claude }) => {
    const log = path.join(sandbox.folder, 'calls');
    const cli = startRun(sandbox, server, claude, { thread, at: 0, mode: 'before', log });
    const before = claude.api.waitFor(({ body }) => body !== undefined).then(() => loggedCalls(log));
    const { code, output } = await cli.ended;
    if (code !== 0) throw new Error(`the run that only counts ended with ${code}:\n${output}`);
    return { before: await before, all: loggedCalls(log) };
  });
}

type Scene = { readonly sandbox: Sandbox; readonly server: OtlpServer; readonly claude: ClaudeCli };

async function inSandbox<T>(work: (scene: Scene) => Promise<T>): Promise<T> {
  const sandbox = makeSandbox();
  const [server, claude] = [await startOtlpServer(), await startClaudeCli(sandbox, 'real', answer)];
  try {
    sandbox.write('w.yaml', workflow);
    return await work({ sandbox, server, claude });
  } finally {
    await sandbox.remove();
    await server.close();
    await claude.close();
  }
}

function startRun(sandbox: Sandbox, server: OtlpServer, claude: ClaudeCli, inject?: Injected): StartedCli {
  const env = { ...claude.env, OTEL_EXPORTER_OTLP_ENDPOINT: server.url };
  return sandbox.start(['run', 'w.yaml'], { ...(inject && { inject }), env });
}

function killedAt({ place, options }: KillPoint): Promise<Tally> {
  return inSandbox(async ({ sandbox, server, claude }) => {
    const cli = startRun(sandbox, server, claude, options.inject);
    const stop = new AbortController();
    const following = followFirst(sandbox, stop.signal);
    const { signal } = await cli.ended;
    stop.abort();
    const seen = await following;
    const [runId] = sandbox.data.listRunIds();
    if (runId === undefined || seen === undefined)
      return { ...nothing, runs: 1, problems: [`${place}: no run: ${cli.output()}`] };

    const hub = startHub(sandbox, server);
    await hasFinished(hub, 1);
    const problems = leftOf(sandbox, hub);
    const isKilled = signal === 'SIGKILL';
    if (isKilled) {
      const env = { ...claude.env, OTEL_EXPORTER_OTLP_ENDPOINT: server.url };
      const { code, output } = await sandbox.start(['resume', runId], { env }).ended;
      // If all was done, and at most its end was not written, there is nothing to continue.
      if (code !== 0 && code !== 2) problems.push(`resume ended with ${code}: ${output.slice(-600)}`);
    }
    const runIds = sandbox.data.listRunIds();
    const scraped = await hasFinished(hub, runIds.length);
    problems.push(...leftOf(sandbox, hub));
    hub.child.kill('SIGTERM');
    await hub.ended;

    const tallies: Tally[] = [];
    let [usd, tokens] = [0, 0];
    for (const each of runIds) {
      const run = await readRun(sandbox.data.runDir(each));
      if (each === runId && seen.events.some((type, at) => run.events[at] !== type))
        problems.push('events that a reader had seen are taken back');
      const shipped = server.logs.filter(
        ({ attributes }) => attributes['cicd.pipeline.run.id'] === each && attributes['stepspan.seq'] !== undefined,
      );
      tallies.push(checkRun({ run, seen: each === runId ? seen.pieces : [], shipped }));
      const records = await readRecords(sandbox.data.runDir(each));
      problems.push(...telemetryWrongly(records, each, server));
      const totals = totalsOf(records.reduce(foldRun, emptyRunState()));
      [usd, tokens] = [usd + totals.costAtLeastUsd, tokens + totals.tokens];
    }
    const is = (name: string, labels = {}): number => scraped.sum(name, labels);
    if (Math.abs(is('stepspan_cost_usd_total') - usd) > 1e-6)
      problems.push(`the metrics say ${is('stepspan_cost_usd_total')} USD, the runs ${usd}`);
    if (is('stepspan_tokens_total') !== tokens)
      problems.push(`the metrics say ${is('stepspan_tokens_total')} tokens, the runs ${tokens}`);
    const input = is('stepspan_tokens_total', { type: 'input' });
    if (input > claude.replies() * replyUsage.input)
      problems.push(`${input} input tokens are counted of ${claude.replies()} replies`);
    if (is('stepspan_runs_total') !== runIds.length) problems.push(`${is('stepspan_runs_total')} runs are counted`);

    const tally = sum(tallies);
    problems.push(...tally.problems);
    if (!isKept({ ...tally, problems })) problems.push(hub.output().slice(-300), cli.output().slice(-300));
    return { ...tally, runs: 1, problems: problems.map((problem) => `${place}: ${problem}`) };
  });
}

/** What a reader sees that follows the run from its beginning, up to the moment of the kill. */
async function followFirst(sandbox: Sandbox, signal: AbortSignal): Promise<ReadRun | undefined> {
  while (!signal.aborted) {
    const [runId] = sandbox.data.listRunIds();
    if (runId !== undefined) return readRun(sandbox.data.runDir(runId), signal);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return undefined;
}

function leftOf(sandbox: Sandbox, hub: StartedCli): string[] {
  const left = sandbox.processes().filter((process) => !process.startsWith(`${hub.child.pid} `));
  return left.map((process) => `still alive: ${process}`);
}
