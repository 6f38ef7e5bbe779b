// Sends the metrics of a run by the official exporter, with the repetition, the pace and the answers of all that is shipped. What is
// sent is measure's; the library puts both together.

import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import type { Contact } from '../../core/contact.ts';
import type { RunId } from '../../core/ids.ts';
import { deliver } from './deliver/delivery.ts';
import { openMetricExporter } from './deliver/exporters.ts';
import { defaultPace, type Pace } from './deliver/pace.ts';
import { openTransport } from './deliver/transport.ts';
import type { MetricContent } from './encode/batch.ts';
import type { Env } from './env.ts';
import type { ReadableMetrics } from './map/otlp-types.ts';
import { resourceAttributes, scopeName } from './resource.ts';
import type { MetricSettings } from './settings.ts';
import type { PipelineState } from './status.ts';

export type ScopeMetrics = ReadableMetrics['scopeMetrics'];

export type MetricSender = {
  /** Sends until it is acknowledged. @returns false if it was refused, or stopped before */
  readonly send: (metrics: ScopeMetrics, signal: AbortSignal) => Promise<boolean>;
  readonly status: () => SenderStatus;
  readonly close: () => void;
};

export type SenderStatus = {
  readonly state: PipelineState;
  readonly contact: Contact;
  readonly lastError: string | undefined;
};

export type MetricSenderOptions = {
  readonly settings: Extract<MetricSettings, { kind: 'on' }>;
  readonly env: Env;
  readonly run: { readonly runId: RunId; readonly host: string; readonly version: string };
  readonly pace?: Partial<Pace>;
  readonly onChange: () => void;
};

export async function openMetricSender(options: MetricSenderOptions): Promise<MetricSender> {
  const { onChange } = options;
  const { encoding, http } = options.settings;
  const transport = await openTransport<MetricContent>({
    signal: 'metrics',
    options: http,
    open: ({ agent }) => openMetricExporter({ agent, encoding, http }),
  });
  const resource = resourceOf(options);
  let status: SenderStatus = { state: { kind: 'idle' }, contact: 'none', lastError: undefined };
  const change = (now: Partial<SenderStatus>): void => {
    status = { ...status, ...now };
    onChange();
  };
  return {
    async send(scopeMetrics, signal) {
      const content: MetricContent = { kind: 'metrics', metrics: { resource, scopeMetrics } };
      let isTaken = false;
      const part = { count: 1, content: () => content, describe: () => ({ seq: 0, record: undefined }) };
      const isDone = await deliver(
        { parts: [part], count: 1, nextSeq: 0, lastNs: 0n },
        {
          transport,
          // The next export says all that this one said.
          refused: { keep: () => true },
          pace: { ...defaultPace, ...options.pace },
          random: Math.random,
          signal,
          report: {
            requested: () => undefined,
            sent(_items, rejected, message) {
              isTaken = rejected === 0;
              if (!isTaken) change({ lastError: `${rejected} data points were not taken: ${message}` });
            },
            retried: () => undefined,
            refused: () => undefined,
            failed: (lastError) => change({ lastError }),
            contacted(contact) {
              if (status.contact !== 'answered') change({ contact });
            },
            state: (state) => change({ state }),
          },
        },
      );
      return isDone && isTaken;
    },
    status: () => status,
    close: transport.close,
  };
}

/**
 * A run is an instance of the service, as each process of any other OTLP sender is: its sums begin at 0 and are its own. What the
 * settings say comes on top.
 */
function resourceOf({ env, run }: MetricSenderOptions): ReadableMetrics['resource'] {
  const ours = resourceFromAttributes({
    'service.name': scopeName,
    'service.version': run.version,
    'service.instance.id': run.runId,
    'host.name': run.host,
  });
  return defaultResource()
    .merge(ours)
    .merge(resourceFromAttributes(resourceAttributes(env)));
}
