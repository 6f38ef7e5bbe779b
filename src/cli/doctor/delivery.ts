// The part of `doctor` that proves that things arrive: a real run of one line is shipped and counted, and Loki, Tempo and
// Prometheus are asked for it. Who is not known cannot be asked, and is said to be left out.

import { setTimeout as delay } from 'node:timers/promises';
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
import { ask as askOnce, lokiHeadersOf, type Question, shown } from './stack/ask.ts';

/** What the probe run is called, in every backend. */
export const probeWorkflow = 'stepspan-doctor';

/** A backend shows what it has taken within a second or two; Prometheus at its next scrape, by default once a minute. */
const askForMs = 30_000;
const scrapeForMs = 90_000;
const askEveryMs = 500;

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
  if (result.outcome !== 'success') return [bad('Probe run', result.message, 'A shell with `echo` is all it needs.')];
  const sent = checkSent(result, env);
  const asked = sent.finding.kind === 'good';
  return [
    good('Probe run', `${result.runId}, trace ${result.traceId}`),
    sent,
    await checkLog(settings, result, asked),
    await checkTrace(settings, result, asked),
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
      'Its own log says why; the run folder keeps the records in `refused`.',
    );
  }
  if (result.pending > 0) {
    return bad(
      what,
      `${where} has not taken ${result.pending} lines and events in time`,
      'Is it running, and may this machine reach it?',
    );
  }
  return good(what, `${where} took the log and the trace`);
}

async function checkLog(settings: Settings, result: RunResult, sent: boolean): Promise<Check> {
  const what = 'Log in Loki';
  const { lokiUrl } = settings;
  if (lokiUrl === undefined || !sent) return notAsked(what, 'lokiUrl', 'STEPSPAN_LOKI_URL', sent);
  const query = `{service_name=~".+"} | trace_id="${result.traceId}"`;
  // Loki takes its times in nanoseconds; an hour back covers clocks that differ.
  const search = new URLSearchParams({ query, start: `${Date.now() - 3_600_000}000000`, limit: '5' });
  const place = { base: lokiUrl, path: `loki/api/v1/query_range?${search}`, headers: lokiHeadersOf(settings) };
  return ask(
    what,
    place,
    askForMs,
    'Does the Collector send logs to this Loki? Its own log and metrics say.',
    (body) => {
      const streams = (body as { data?: { result?: { values?: unknown[] }[] } }).data?.result ?? [];
      const lines = streams.reduce((sum, stream) => sum + (stream.values?.length ?? 0), 0);
      if (lines === 0) return undefined;
      return `found ${plural(lines, 'line')} of the probe run`;
    },
  );
}

async function checkTrace(settings: Settings, result: RunResult, sent: boolean): Promise<Check> {
  const what = 'Trace in Tempo';
  const { tempoUrl } = settings;
  if (tempoUrl === undefined || !sent) return notAsked(what, 'tempoUrl', 'STEPSPAN_TEMPO_URL', sent);
  return ask(
    what,
    { base: tempoUrl, path: `api/traces/${result.traceId}` },
    askForMs,
    'Does the Collector send traces to this Tempo? Its own log and metrics say.',
    (body) => (JSON.stringify(body).includes(`RUN ${probeWorkflow}`) ? `trace ${result.traceId} is there` : undefined),
  );
}

/** The hub first, since Prometheus can only have what the hub serves. */
async function checkMetric(settings: Settings): Promise<readonly Check[]> {
  const what = 'Metric of the hub';
  const hub = runningHub(dataFolder(settings.dataDir));
  if (hub === undefined) return [leftOut(what, 'no hub runs', 'Start one with `stepspan serve`.')];
  const series = `${metrics.runs.name}{workflow="${probeWorkflow}",outcome="success"}`;
  const served = await ask(
    what,
    { base: hub.url, path: 'metrics' },
    askForMs,
    'Stop the hub and start it again.',
    (_body, text) => (text.includes(`workflow="${probeWorkflow}"`) ? `${series} is served` : undefined),
  );
  if (served.finding.kind !== 'good') return [served];
  const { prometheusUrl } = settings;
  const inPrometheus = 'Metric in Prometheus';
  if (prometheusUrl === undefined)
    return [served, notAsked(inPrometheus, 'prometheusUrl', 'STEPSPAN_PROMETHEUS_URL', true)];
  const place = { base: prometheusUrl, path: `api/v1/query?${new URLSearchParams({ query: series })}` };
  const remedy = `Does it scrape ${hub.url}/metrics? Its page /targets says.`;
  const scraped = await ask(inPrometheus, place, scrapeForMs, remedy, (body) => {
    const value = (body as { data?: { result?: { value?: [number, string] }[] } }).data?.result?.[0]?.value?.[1];
    return value === undefined ? undefined : `${series} is ${value}`;
  });
  return [served, scraped];
}

function notAsked(what: string, setting: string, variable: string, sent: boolean): Check {
  if (!sent) return leftOut(what, 'nothing was sent', 'Fix the OTLP endpoint first.');
  return leftOut(
    what,
    `where to ask is not known`,
    `Set ${variable} (setting ${setting}), and doctor asks it for the probe run.`,
  );
}

type Place = Pick<Question, 'headers'> & { readonly base: string; readonly path: string };

/** Asks again until `find` has an answer or the time is up. */
async function ask(
  what: string,
  { base, path, headers = {} }: Place,
  forMs: number,
  remedy: string,
  find: (body: unknown, text: string) => string | undefined,
): Promise<Check> {
  const until = performance.now() + forMs;
  let last = 'it did not answer';
  do {
    const answer = await askOnce(base, path, { headers: { accept: 'application/json', ...headers } });
    if (answer.kind === 'answered') {
      const found = answer.ok ? find(parsed(answer.text), answer.text) : undefined;
      if (found !== undefined) return good(what, found);
      last = answer.ok
        ? 'it answers, but the probe run is not there'
        : `it answers ${answer.status}: ${answer.text.slice(0, 200)}`;
    } else last = `${shown(base)} cannot be asked: ${answer.why}`;
    await delay(askEveryMs);
  } while (performance.now() < until);
  return bad(what, `${last} (asked for ${formatSetDuration(forMs)})`, remedy);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
