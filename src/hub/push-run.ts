// Sends the metrics of one run over OTLP: at its start, at an interval, and at its end. Loaded for a run that does, by
// itself and by the process that sends what it has left unsent.
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { HrTime } from '@opentelemetry/api';
import { toError } from '../core/errors.ts';
import { startedMsOf } from '../core/ids.ts';
import { createSignal } from '../core/signal.ts';
import { type JournalProblem, type JournalReader, openCursor, savedPosition } from '../journal/index.ts';
import { add, createMeasure, metrics, pushCursor } from '../readers/measure/index.ts';
import { scopeMetricsOf } from '../readers/measure/otlp-metrics.ts';
import type { Env } from '../readers/ship/env.ts';
import { type MetricSender, openMetricSender } from '../readers/ship/metric-sender.ts';
import { type MetricSettings, readMetricSettings } from '../readers/ship/settings.ts';
import type { GiveUp } from '../readers/ship/status.ts';

/** How long the last export may take, and whether it gives up an endpoint that never answers. */
type Wait = { readonly ms: number; readonly giveUp: GiveUp };

export type Pushing = {
  /** Sends the last values, waits for them to be taken, then stops. @returns one sentence if they were not, else ''. Never rejects */
  readonly finish: (wait: Wait) => Promise<string>;
};

export type PushContext = {
  readonly env: Env;
  readonly metricLabels: readonly string[] | undefined;
  /** Of the stepspan that sends. */
  readonly version: string;
};

type PushOptions = Extract<MetricSettings, { kind: 'on' }> & PushContext;

export async function pushRun(reader: JournalReader, options: PushOptions): Promise<Pushing> {
  const changed = createSignal();
  try {
    const run = { runId: reader.folder.runId, host: hostname(), version: options.version };
    const sender = await openMetricSender({ settings: options, env: options.env, run, onChange: changed.raise });
    return startPush(reader, sender, options, changed);
  } catch (error) {
    return { finish: async () => `the metrics of the run cannot be sent: ${toError(error).message}` };
  }
}

function startPush(
  reader: JournalReader,
  sender: MetricSender,
  { intervalMs, metricLabels, version }: PushOptions,
  changed: ReturnType<typeof createSignal>,
): Pushing {
  const { runId } = reader.folder;
  const measure = createMeasure({ scope: 'run', version, sinceMs: 0, labels: metricLabels ?? [] });
  const cursor = openCursor(reader.folder, pushCursor);
  const stopping = new AbortController();
  const ending = new AbortController();
  let isDelivered = false;
  let exports = 0;
  let lastMs = 0;

  /** @returns whether all that was counted was shown, and not at 0 for a first time */
  async function push(): Promise<boolean> {
    // Says that this run is counted by itself, before anybody can have seen it.
    await cursor.save(cursor.position, { exports });
    const from = measure.position(runId);
    if (from !== undefined) {
      const onProblem = ({ kind }: JournalProblem): void => measure.apply(add(metrics.journalProblems, { kind }));
      for await (const records of reader.read({ from, follow: false, signal: stopping.signal, onProblem }))
        measure.take(runId, records);
    }
    const snapshot = measure.snapshot();
    // Two exports are never of one moment: a backend takes the first value for a moment only.
    lastMs = Math.max(Date.now(), lastMs + 1);
    const between = { start: timeOf(startedMsOf(runId)), end: timeOf(lastMs) };
    if (!(await sender.send(scopeMetricsOf(snapshot, between, version), stopping.signal))) return false;
    exports += 1;
    snapshot.seen();
    const { nextSeq } = await reader.head();
    await cursor.save(measure.position(runId) ?? nextSeq, { exports });
    return snapshot.held === 0;
  }

  async function run(): Promise<void> {
    while (!ending.signal.aborted) {
      await push();
      await delay(intervalMs, undefined, { signal: ending.signal, ref: false }).catch(() => undefined);
    }
    // What was counted since the last export, and once more what that showed at 0.
    for (let tries = 0; tries < 2 && !isDelivered && !stopping.signal.aborted; tries++) isDelivered = await push();
  }

  let failure: string | undefined;
  const done = run()
    .catch((error: unknown) => {
      failure = toError(error).message;
    })
    .finally(sender.close);

  return {
    async finish({ ms, giveUp }) {
      ending.abort();
      const deadlineMs = Date.now() + ms;
      const hopeless = async (): Promise<void> => {
        for (let seen = changed.count(); !isHopeless(sender, giveUp, deadlineMs); seen = changed.count())
          await changed.wait(seen);
      };
      const waited = new AbortController();
      const timeUp = delay(ms, undefined, { signal: waited.signal }).catch(() => undefined);
      await Promise.race([done, timeUp, hopeless()]);
      waited.abort();
      stopping.abort();
      await done;
      if (isDelivered) return '';
      const why = failure ?? sender.status().lastError;
      return `the last metrics of the run were not taken${why === undefined ? '' : ` (${why})`}; \`stepspan ship ${runId}\` sends them`;
    },
  };
}

/**
 * Sends the metrics of a run that has ended, if it sends them itself and the last of them were not taken. A hub does not count
 * such a run, and what is sent again is the same sum of the same instance.
 * @param again also if they were taken
 * @returns as `finish`
 */
export async function pushRest(
  reader: JournalReader,
  context: PushContext,
  wait: Wait,
  again: boolean,
): Promise<string> {
  const settings = readMetricSettings(context.env);
  if (settings.kind !== 'on') return '';
  const sentSeq = savedPosition(reader.folder, pushCursor);
  const { nextSeq } = await reader.head();
  if (sentSeq === undefined || (sentSeq >= nextSeq && !again)) return '';
  return (await pushRun(reader, { ...settings, ...context })).finish(wait);
}

/** Whether nothing more is to be expected of the endpoint before the deadline. */
function isHopeless(sender: MetricSender, giveUp: GiveUp, deadlineMs: number): boolean {
  const { contact, state } = sender.status();
  if (giveUp === 'never') return false;
  return contact === 'unreachable' || (state.kind === 'misconfigured' && state.untilMs > deadlineMs);
}

function timeOf(ms: number): HrTime {
  return [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)];
}
