// The part of `doctor` that proves that telemetry arrives: it runs one line, sends it, and looks for it in Loki, Tempo and
// Prometheus. A backend without an address is reported as not checked.

import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { formatSetDuration } from '../../core/duration.ts';
import { newRunId } from '../../core/ids.ts';
import { plural } from '../../core/units.ts';
import { runningHub } from '../../hub/index.ts';
import { dataFolder, markProbe } from '../../journal/index.ts';
import { type RunResult, runWorkflow } from '../../library/index.ts';
import { metrics } from '../../readers/measure/index.ts';
import { isShippingConfigured } from '../../readers/ship/index.ts';
import type { Settings } from '../settings.ts';
import { bad, type Check, good, leftOut } from './check.ts';
import { ask, lokiHeadersOf, type Question, readJson, shown } from './stack/ask.ts';

/** The workflow of the probe run, by which every backend is searched. */
export const probeWorkflow = 'stepspan-doctor';

/** A backend shows new data within a second or two; Prometheus after its next scrape, by default once a minute. */
const askForMs = 30_000;
const scrapeForMs = 90_000;
const askEveryMs = 500;

const lokiLines = z.object({ data: z.object({ result: z.array(z.object({ values: z.array(z.unknown()) })) }) });
const prometheusSamples = z.object({
  data: z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
});

export async function checkDelivery(
  settings: Settings,
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<readonly Check[]> {
  const runId = newRunId();
  markProbe(dataFolder(settings.dataDir).runDir(runId));
  const result = await runWorkflow({
    runId,
    workflow: { name: probeWorkflow, steps: [{ id: 'probe', run: 'echo "stepspan doctor was here"', readOnly: true }] },
    cwd,
    dataDir: settings.dataDir,
    env,
    shipWaitMs: settings.shipWait,
  });
  if (result.kind !== 'finished')
    return [bad('Probe run', result.message, 'Fix this first. Nothing else was checked.')];
  if (result.outcome !== 'success') return [bad('Probe run', result.message, 'It needs only a shell with `echo`.')];
  const sent = checkSent(result, env);
  const isSent = sent.finding.kind === 'good';
  return [
    good('Probe run', `${result.runId}, trace ${result.traceId}`),
    sent,
    await checkLog(settings, result, isSent),
    await checkTrace(settings, result, isSent),
    ...(await checkMetric(settings)),
  ];
}

function checkSent(result: RunResult, env: NodeJS.ProcessEnv): Check {
  const what = 'OTLP endpoint';
  if (!isShippingConfigured(env)) {
    return leftOut(what, 'none is set', 'Set OTEL_EXPORTER_OTLP_ENDPOINT, for example to http://localhost:4318.');
  }
  const where = env.OTEL_EXPORTER_OTLP_ENDPOINT ?? 'as OTEL_EXPORTER_OTLP_*_ENDPOINT say';
  if (result.refused > 0) {
    return bad(
      what,
      `${where} refused ${result.refused} records`,
      'Its own log says why; the records are kept in `refused` of the run folder.',
    );
  }
  if (result.pending > 0) {
    return bad(
      what,
      `${where} has not accepted ${result.pending} lines and events in time`,
      'Check that it is running and that this machine can reach it.',
    );
  }
  return good(what, `${where} accepted the log and the trace`);
}

async function checkLog(settings: Settings, result: RunResult, isSent: boolean): Promise<Check> {
  const what = 'Log in Loki';
  const { lokiUrl } = settings;
  if (lokiUrl === undefined || !isSent) return notAsked(what, 'lokiUrl', 'STEPSPAN_LOKI_URL', isSent);
  const query = `{service_name=~".+"} | trace_id="${result.traceId}"`;
  // Loki takes its times in nanoseconds; an hour back covers clocks that differ.
  const search = new URLSearchParams({ query, start: `${Date.now() - 3_600_000}000000`, limit: '5' });
  return askUntilFound({
    what,
    base: lokiUrl,
    path: `loki/api/v1/query_range?${search}`,
    headers: lokiHeadersOf(settings),
    forMs: askForMs,
    remedy: 'Check that the Collector sends logs to this Loki; its own log and metrics show it.',
    find(text) {
      const streams = readJson(text, lokiLines)?.data.result ?? [];
      const lines = streams.reduce((sum, stream) => sum + stream.values.length, 0);
      return lines === 0 ? undefined : `found ${plural(lines, 'line')} of the probe run`;
    },
  });
}

async function checkTrace(settings: Settings, result: RunResult, isSent: boolean): Promise<Check> {
  const what = 'Trace in Tempo';
  const { tempoUrl } = settings;
  if (tempoUrl === undefined || !isSent) return notAsked(what, 'tempoUrl', 'STEPSPAN_TEMPO_URL', isSent);
  return askUntilFound({
    what,
    base: tempoUrl,
    path: `api/traces/${result.traceId}`,
    forMs: askForMs,
    remedy: 'Check that the Collector sends traces to this Tempo; its own log and metrics show it.',
    find: (text) => (text.includes(`RUN ${probeWorkflow}`) ? `found trace ${result.traceId}` : undefined),
  });
}

/** The hub first, since Prometheus gets its metrics from the hub. */
async function checkMetric(settings: Settings): Promise<readonly Check[]> {
  const what = 'Metric of the hub';
  const hub = runningHub(dataFolder(settings.dataDir));
  if (hub === undefined) return [leftOut(what, 'no hub runs', 'Start one with `stepspan serve`.')];
  const series = `${metrics.runs.name}{workflow="${probeWorkflow}",outcome="success"}`;
  const served = await askUntilFound({
    what,
    base: hub.url,
    path: 'metrics',
    forMs: askForMs,
    remedy: 'Stop the hub and start it again.',
    find: (text) => (text.includes(`workflow="${probeWorkflow}"`) ? `${series} is served` : undefined),
  });
  if (served.finding.kind !== 'good') return [served];
  const { prometheusUrl } = settings;
  const inPrometheus = 'Metric in Prometheus';
  if (prometheusUrl === undefined)
    return [served, notAsked(inPrometheus, 'prometheusUrl', 'STEPSPAN_PROMETHEUS_URL', true)];
  const scraped = await askUntilFound({
    what: inPrometheus,
    base: prometheusUrl,
    path: `api/v1/query?${new URLSearchParams({ query: series })}`,
    forMs: scrapeForMs,
    remedy: `Check that it scrapes ${hub.url}/metrics; its page /targets shows it.`,
    find(text) {
      const [, value] = readJson(text, prometheusSamples)?.data.result[0]?.value ?? [];
      return value === undefined ? undefined : `${series} is ${value}`;
    },
  });
  return [served, scraped];
}

function notAsked(what: string, setting: string, variable: string, isSent: boolean): Check {
  if (!isSent) return leftOut(what, 'nothing was sent', 'Fix the OTLP endpoint first.');
  const remedy = `Set ${variable} (setting ${setting}); doctor then looks for the probe run there.`;
  return leftOut(what, 'its address is not set', remedy);
}

type Search = Pick<Question, 'headers'> & {
  readonly what: string;
  readonly base: string;
  readonly path: string;
  readonly forMs: number;
  readonly remedy: string;
  /** @returns what was found in the answer, as a phrase; undefined to ask again */
  readonly find: (text: string) => string | undefined;
};

async function askUntilFound({ what, base, path, headers, forMs, remedy, find }: Search): Promise<Check> {
  const until = performance.now() + forMs;
  let last = 'it did not answer';
  do {
    const answer = await ask(base, path, { headers: { accept: 'application/json', ...headers } });
    if (answer.kind === 'answered') {
      const found = answer.ok ? find(answer.text) : undefined;
      if (found !== undefined) return good(what, found);
      last = answer.ok
        ? 'it answers, but does not have the probe run'
        : `it answers ${answer.status}: ${answer.text.slice(0, 200)}`;
    } else last = `${shown(base)} cannot be asked: ${answer.why}`;
    await delay(askEveryMs);
  } while (performance.now() < until);
  return bad(what, `${last} (asked for ${formatSetDuration(forMs)})`, remedy);
}
