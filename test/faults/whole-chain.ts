// The whole way, with the real Collector and Loki: while a run prints, the Collector, Loki and the hub are killed and started again in
// turn. The same lines are then counted at four places: the journal, a WebSocket watcher, the Collector's far side, and Loki.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTailClient } from '../../src/api/tail/client.ts';
import { type Received, type Reply, startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { createCollector, droppedBy } from '../stack/support/collector.ts';
import { needs } from '../stack/support/external-programs.ts';
import { type Loki, startLoki } from '../stack/support/loki.ts';
import { freePorts } from '../stack/support/service.ts';
import { startTraceSink } from '../stack/support/trace-sink.ts';
import { until } from '../support/until.ts';
import { linesOnce, readRun } from './support/check-run.ts';
import type { Fault, FaultContext } from './support/fault.ts';
import { makeSandbox, type Sandbox, type StartedCli, witness } from './support/sandbox.ts';
import type { Tally } from './support/tally.ts';
import { judge, type WitnessLine } from './support/witness.ts';

const rate = 2_000;
const seconds = { short: 10, full: 60 } as const;
/** What has not arrived by then, after all is well again, never will. */
const settleMs = 300_000;

export const wholeChain: Fault = {
  name: 'the whole chain',
  what: 'Real Collector, Loki and hub are killed and started again in turn while a run prints; a watcher, the Collector and Loki are compared with the journal.',
  needs: () => needs('loki').meta.skipped,
  run: async ({ random, scale, log }: FaultContext): Promise<Tally> => {
    const sandbox = makeSandbox();
    const loki = await startLoki();
    const sink = await startTraceSink();
    // Between the Collector and Loki, so that what leaves the one is known apart from what the other has stored.
    const far = await startOtlpServer((received) => passOn(received, loki));
    const collector = await createCollector({ lokiEndpoint: far.url, tempoEndpoint: sink.endpoint });
    const [port = 0] = await freePorts(1);
    let hub = await startHub(sandbox, port, collector.endpoint);
    const token = readFileSync(path.join(sandbox.data.root, 'token'), 'utf8').trim();
    const client = createTailClient({
      url: `ws://127.0.0.1:${port}/api/v1/tail`,
      token,
      retry: { firstMs: 50, longestMs: 500 },
    });
    try {
      await collector.start();
      const lines = rate * seconds[scale];
      sandbox.write(
        'w.yaml',
        `name: chain\nsteps:\n  - {id: print, run: "node ${witness} a ${lines} ${rate} 60 both"}\n`,
      );
      const run = sandbox.start(['run', 'w.yaml', '--no-ship']);
      const runId = await until(() => sandbox.data.listRunIds()[0]);
      const watcher = watchLines(client, runId);
      const killHub = async (): Promise<void> => {
        hub.child.kill('SIGKILL');
        await hub.ended;
        hub = await startHub(sandbox, port, collector.endpoint);
      };
      const restart = (service: Pick<Loki, 'kill' | 'start'>) => async (): Promise<void> => {
        await service.kill();
        await sleep(random.between(0, 1_500));
        await service.start();
      };
      const kills = { 'the Collector': restart(collector), Loki: restart(loki), 'the hub': killHub } as const;
      for (let left = seconds[scale] - 3; left > 0; ) {
        const pauseMs = random.between(500, 2_000);
        await sleep(pauseMs);
        left -= pauseMs / 1000;
        const killed = random.pick(['the Collector', 'Loki', 'the hub'] as const);
        log(`${killed} is killed`);
        await kills[killed]();
      }
      const { code } = await run.ended;
      const journal = await readRun(sandbox.data.runDir(runId));
      await until(watcher.isOver, { what: 'the watcher has seen the end', withinMs: settleMs });
      const query = `{service_name="stepspan"} | cicd_pipeline_run_id="${runId}" | stepspan_event=""`;
      await until(async () => (await loki.count(query)) >= journal.lines.length, {
        what: 'Loki has as many lines as the journal',
        withinMs: settleMs,
        everyMs: 100,
      });
      const stored = await loki.entries(query);
      const places = {
        journal: journal.lines,
        watcher: watcher.lines,
        'behind the Collector': linesOnce(far.logs),
        Loki: stored.map((entry) => ({ text: entry.line })),
      };
      const compared = comparePlaces(places, lines, log);
      const problems = [...journal.problems, ...compared.problems];
      if (code !== 0) problems.push(`the run ended with ${code}`);
      // The Collector says for itself that it dropped nothing on its far side.
      const dropped = await droppedBy(collector);
      if (dropped > 0) problems.push(`the Collector dropped ${dropped} log records`);
      const { missing, duplicated } = compared;
      return { runs: 1, lines, missing, duplicated, unaccounted: missing, problems };
    } finally {
      client.close();
      await collector.remove();
      await Promise.all([far.close(), loki.remove(), sink.close()]);
      await sandbox.remove();
    }
  },
};

/** The lines that a watcher of the run gets, and whether it has seen the end. */
function watchLines(client: ReturnType<typeof createTailClient>, runId: string) {
  const lines: WitnessLine[] = [];
  let isOver = false;
  client.subscribe(runId, {
    fromSeq: 0,
    onMessage(message) {
      if (message.type === 'output_stream') lines.push(...message.data.lines);
      if (message.type === 'execution_completed') isOver = true;
    },
  });
  return { lines, isOver: () => isOver };
}

/** Counts what each place has of the lines that were printed. */
function comparePlaces(
  places: Readonly<Record<string, readonly WitnessLine[]>>,
  lines: number,
  log: (line: string) => void,
): Pick<Tally, 'missing' | 'duplicated' | 'problems'> {
  const problems: string[] = [];
  let [missing, duplicated] = [0, 0];
  for (const [place, found] of Object.entries(places)) {
    const said = judge(found);
    log(`${place}: ${said.distinct} of ${lines}, ${said.duplicated} twice`);
    missing += lines - said.distinct;
    duplicated += said.duplicated;
    // A Collector that was killed sends what was under way after what waited; Loki sorts by the times of the lines.
    const disordered = place === 'journal' || place === 'watcher' ? said.disordered : 0;
    if (said.damaged + disordered > 0) problems.push(`${place}: ${JSON.stringify(said)}`);
  }
  return { missing, duplicated, problems };
}

/** Answers as Loki did; a Loki that is away is a busy server. */
async function passOn({ path: route, headers, body }: Received, loki: Loki): Promise<Reply> {
  try {
    const type = headers['content-type'] ?? '';
    const request = { method: 'POST', headers: { 'content-type': type }, body: new Uint8Array(body) };
    const answer = await fetch(`${loki.otlpEndpoint}${route}`, request);
    return answer.ok ? { kind: 'accept' } : { kind: 'status', status: answer.status, body: await answer.text() };
  } catch {
    return { kind: 'status', status: 503 };
  }
}

async function startHub(sandbox: Sandbox, port: number, endpoint: string): Promise<StartedCli> {
  const hub = sandbox.start(['serve', '--port', String(port)], { env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } });
  await until(() => hub.output().includes('http://'));
  return hub;
}
