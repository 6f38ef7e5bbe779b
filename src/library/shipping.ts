// Ships a run while it is written: starts the shipper in a worker if an endpoint is set, and at the end waits a bounded time until
// everything is sent. What remains is reported, and stays in the journal.
import { type JournalReader, openJournal, type RunFolder } from '../journal/index.ts';
import {
  isShippingConfigured,
  readMetricSettings,
  readSettings,
  type ShipperStatus,
  startShipperWorker,
} from '../readers/ship/index.ts';
import type { EndWait, RunSettings } from './settings.ts';

export type ShippingEnd = {
  readonly kind: 'off' | 'done' | 'pending';
  readonly shipped: number;
  readonly pending: number;
  readonly refused: number;
  /** One sentence if something is left to do, else ''. */
  readonly message: string;
};

export type Shipping = {
  /** How far the shipper of this run is; undefined if it has none. */
  readonly status: () => ShipperStatus | undefined;
  /** Waits for everything in the journal to be acknowledged, then stops. */
  readonly finish: (wait: EndWait) => Promise<ShippingEnd>;
};

export type ShippingStart =
  | { readonly kind: 'started'; readonly shipping: Shipping }
  /** The OTEL_* settings cannot be used: one sentence each. */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

const none = (): undefined => undefined;
const nothing: ShippingEnd = { kind: 'off', shipped: 0, pending: 0, refused: 0, message: '' };

/** What is wrong with the OTEL_* settings, one sentence each; asked before anything of the run is made. */
export function problemsOfShipping({ env, ship }: Pick<RunSettings, 'env' | 'ship'>): readonly string[] {
  if (ship === 'off') return [];
  const settings = isShippingConfigured(env) ? readSettings(env) : undefined;
  const metrics = readMetricSettings(env);
  return [
    ...new Set([
      ...(settings?.ok === false ? settings.problems : []),
      ...(metrics.kind === 'invalid' ? metrics.problems : []),
    ]),
  ];
}

export async function startShipping(
  folder: RunFolder,
  settings: Pick<RunSettings, 'env' | 'ship'>,
): Promise<ShippingStart> {
  if (settings.ship === 'off' || !isShippingConfigured(settings.env)) {
    return { kind: 'started', shipping: { status: none, finish: async () => nothing } };
  }
  const start = await startShipperWorker({ folder, env: settings.env });
  switch (start.kind) {
    case 'invalid':
      return start;
    case 'held': {
      const message = `process ${start.by.pid} on ${start.by.host} ships this run`;
      return {
        kind: 'started',
        shipping: { status: none, finish: async () => leftToOther(openJournal(folder), message) },
      };
    }
    case 'shipping': {
      const { shipper } = start;
      return {
        kind: 'started',
        shipping: {
          status: shipper.status,
          async finish({ ms, giveUp }) {
            const drained = await shipper.drain(ms, giveUp);
            await shipper.stop();
            const end = endOf(shipper.status());
            if (drained.kind === 'drained') return { ...end, kind: 'done', message: '' };
            const remedy = `\`stepspan ship ${folder.runId}\` sends them, and so does a hub`;
            return { ...end, kind: 'pending', message: `${drained.message}; ${remedy}` };
          },
        },
      };
    }
  }
}

/** The pipelines advance apart; what is pending for one of them is pending. */
function endOf({ logs, traces }: ShipperStatus): Pick<ShippingEnd, 'shipped' | 'pending' | 'refused'> {
  const on = [logs, traces].filter(({ state }) => state.kind !== 'off');
  return {
    shipped: on.length === 0 ? 0 : Math.min(...on.map((signal) => signal.shippedSeq)),
    pending: Math.max(0, ...on.map((signal) => signal.pendingSeqs)),
    refused: logs.refused + logs.rejected + traces.refused + traces.rejected,
  };
}

async function leftToOther(reader: JournalReader, message: string): Promise<ShippingEnd> {
  const { nextSeq } = await reader.head();
  return { kind: 'pending', shipped: 0, pending: nextSeq, refused: 0, message };
}
