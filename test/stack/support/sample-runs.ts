// A stack in which runs have ended in every way, and one is active: dashboards and rules are tried on it. All of it is
// real: processes, Claude Code, Collector, Loki, hub, Prometheus. Only the model's answers are scripted.
import type { Script } from '../../../demo/messages-api/script.ts';
import type { EventOf, EventType } from '../../../src/core/event.ts';
import type { JournalRecord } from '../../../src/core/record.ts';
import { dataFolder } from '../../../src/journal/index.ts';
import { type RunningCli, resultOf } from '../../support/cli.ts';
import { readRecords } from '../../support/journal.ts';
import { type Prometheus, startPrometheus } from './prometheus.ts';
import { eventually } from './service.ts';
import { type Stack, startStack } from './stack.ts';
import type { Tempo } from './tempo.ts';

const bash = (command: string) => ({ name: 'Bash', input: { command, description: 'Look' } });

const script: Script = [
  {
    prompt: 'list the folder',
    turns: [
      { kind: 'reply', tools: [bash('ls')], usage: { input: 1000, output: 50, cacheRead: 200, cacheCreation: 30 } },
      { kind: 'reply', tools: [bash('exit 3')], usage: { input: 1100, output: 60 } },
      { kind: 'reply', text: 'Done.', usage: { input: 1200, output: 70 } },
    ],
  },
  {
    prompt: 'spend it all',
    turns: [
      { kind: 'reply', tools: [bash('sleep 1')], usage: { input: 5000, output: 500 } },
      { kind: 'reply', text: 'Never said.', usage: { input: 5000, output: 500 } },
    ],
  },
];

export const workflows = {
  review: `
name: review
budget: 5
steps:
  - id: flaky
    retries: {max: 1, delay: 10ms}
    run: |
      echo "attempt $STEPSPAN_ATTEMPT" >&2
      test "$STEPSPAN_ATTEMPT" = 2
  - id: busy
    run: |
      i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done
      echo 'ERROR: not a real one'
      sleep 0.3
  - id: ask
    claude: { prompt: Please list the folder, allowedTools: [Bash] }
  - id: skipped
    needs: [busy]
    when: failure()
    run: echo never
`,
  deploy: `
name: deploy
steps:
  - id: check
    run: echo checking
  - id: push
    needs: [check]
    run: echo 'ERROR no route to host' >&2; exit 7
`,
  late: 'name: late\ntimeout: 700ms\nsteps:\n  - id: wait\n    run: sleep 60\n',
  stopped: 'name: stopped\nsteps:\n  - id: wait\n    run: echo here; sleep 60\n',
  spender: `
name: spender
budget: {tokens: 1000}
steps:
  - id: ask
    claude: { prompt: Please spend it all, allowedTools: [Bash] }
`,
  orphan: 'name: orphan\nsteps:\n  - id: tick\n    run: while true; do echo tick; sleep 0.1; done\n',
  nightly: `
name: nightly
budget: {usd: 5, tokens: 100000}
steps:
  - id: watch
    timeout: 10m
    run: while true; do echo tick; sleep 0.2; done
  - id: silent
    stalls: {noOutput: {after: 1s, action: none}}
    run: sleep 600
  - id: approval
    approve: 'Is "nightly" + 50 % done?'
`,
} as const;

export type SampleRun = {
  readonly runId: string;
  readonly traceId: string;
  readonly workflow: string;
  readonly records: readonly JournalRecord[];
  /** Events of a type, with the id of their step. */
  readonly events: <T extends EventType>(type: T) => readonly (EventOf<T> & { readonly step: string | undefined })[];
};

export type SampleStack = {
  readonly stack: Stack;
  readonly prometheus: Prometheus;
  /** Of runs that have ended, by workflow. */
  readonly runs: Readonly<
    Record<'review' | 'deploy' | 'late' | 'stopped' | 'spender' | 'orphan', readonly SampleRun[]>
  >;
  /** The one of `nightly`, which does not end. */
  readonly active: SampleRun;
  readonly all: readonly SampleRun[];
  readonly close: () => Promise<void>;
};

/**
 * How many samples each series has at least before it is asked. `increase` is extrapolated by up to a scrape, so that after
 * eight of them what it says of one event is right when it is rounded.
 */
const scrapes = 8;

/** @param options.tempo takes the traces, and is scraped with Loki, in place of the trace sink */
export async function startSampleStack(options: { readonly tempo?: Tempo } = {}): Promise<SampleStack> {
  const stack = await startStack(script, options);
  const children: RunningCli[] = [];
  const hub = stack.start(['serve', '--port', '0']);
  children.push(hub);
  const hubUrl = await hub.url();
  const prometheus = await startPrometheus({
    targets: {
      stepspan: hostOf(hubUrl),
      'otel-collector': stack.collector.metricsTarget,
      ...(options.tempo === undefined ? {} : { tempo: hostOf(options.tempo.url), loki: hostOf(stack.loki.url) }),
    },
    // A scrape that is given up would take the 0 of a new series with it, and its increase would never be seen.
    scrapeSeconds: 2,
  });
  const close = async (): Promise<void> => {
    for (const { child } of children) child.kill('SIGTERM');
    await Promise.all(children.map(({ done }) => done));
    await prometheus.remove();
    await stack.close();
  };
  try {
    await prometheus.scraped();
    const files = Object.fromEntries(
      Object.entries(workflows).map(([name, yaml]) => [name, stack.writeWorkflow(name, yaml)]),
    ) as Record<keyof typeof workflows, string>;
    const start = (name: keyof typeof workflows): RunningCli => {
      const cli = stack.start(['run', files[name], '--shared']);
      children.push(cli);
      return cli;
    };
    const run = async (name: keyof typeof workflows): Promise<void> => {
      resultOf(await stack.run(['run', files[name], '--shared', '--json', '--ship-wait', '60s']));
    };

    start('nightly');
    const stopped = start('stopped');
    const orphan = start('orphan');
    await Promise.all([run('review'), run('late')]);
    stopped.child.kill('SIGINT');
    await orderedEnd(stack, 'orphan', orphan);
    await Promise.all([run('deploy'), run('spender'), stopped.done]);
    await run('deploy');

    const ids = await endedRuns(stack, 7);
    const read = await Promise.all(ids.map((runId) => readRun(stack, runId)));
    const of = (workflow: string): readonly SampleRun[] => read.filter((each) => each.workflow === workflow);
    const runs = {
      review: of('review'),
      deploy: of('deploy'),
      late: of('late'),
      stopped: of('stopped'),
      spender: of('spender'),
      orphan: of('orphan'),
    };
    const active = of('nightly')[0]!;
    await settled(prometheus, stack, read.length);
    return { stack, prometheus, runs, active, all: read, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function hostOf(url: string): string {
  return new URL(url).host;
}

/** Kills stepspan once its step prints, so that the hub has to close the run. */
async function orderedEnd(stack: Stack, workflow: string, { child, done }: RunningCli): Promise<void> {
  await eventually(`lines of ${workflow}`, async () => {
    for (const runId of dataFolder(stack.dataDir).listRunIds()) {
      const run = await readRun(stack, runId);
      if (run.workflow === workflow && run.records.some(({ kind }) => kind === 'output')) return true;
    }
    return undefined;
  });
  child.kill('SIGKILL');
  await done;
}

/** All run ids, once so many runs have ended; the active one is among the ids. */
async function endedRuns(stack: Stack, count: number): Promise<readonly string[]> {
  return eventually(`${count} runs that have ended`, async () => {
    const ids = dataFolder(stack.dataDir).listRunIds();
    const runs = await Promise.all(ids.map((runId) => readRun(stack, runId)));
    return runs.filter((run) => run.events('run.finished').length === 1).length === count ? ids : undefined;
  });
}

async function readRun(stack: Stack, runId: string): Promise<SampleRun> {
  const records = await readRecords(stack.runFolder(runId));
  const events: SampleRun['events'] = <T extends EventType>(type: T) =>
    records.flatMap((record) =>
      record.kind === 'event' && record.event.type === type
        ? [{ ...(record.event as EventOf<T>), step: record.subject?.step }]
        : [],
    );
  const [started] = events('run.started');
  return { runId, traceId: started?.traceId ?? '', workflow: started?.workflow ?? '', records, events };
}

/** Waits until both backends have all of it: the counters for some scrapes, and the end of every run in Loki. */
async function settled(prometheus: Prometheus, stack: Stack, runs: number): Promise<void> {
  await eventually('the counters of every run', async () => {
    const [ended] = await prometheus.query('sum(stepspan_runs_total)');
    const [samples] = await prometheus.query('min(count_over_time(stepspan_runs_total[10m]))');
    const [adopted] = await prometheus.query('stepspan_adopted_runs_total');
    const [stalled] = await prometheus.query('sum(stepspan_stalled_steps)');
    const all = ended?.value === runs - 1 && adopted?.value === 1 && stalled?.value === 1;
    return all && (samples?.value ?? 0) >= scrapes ? true : undefined;
  });
  await eventually('the end of every run in Loki', async () => {
    const query = '{service_name="stepspan-events"} | stepspan_event="run.finished"';
    return (await stack.loki.count(query)) === runs - 1 ? true : undefined;
  });
  await prometheus.scraped();
}
