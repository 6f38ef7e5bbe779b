// Starts the shipper in a worker thread, so that encoding and compressing never hold up the capture of output, and so
// that the SDK's globals are the worker's own. What it returns is used like a shipper in this thread.
import { Worker } from 'node:worker_threads';
import { unreachable } from '../../core/unreachable.ts';
import type { Shipper, ShipperOptions, ShipperStart } from './shipper.ts';
import type { DrainResult, PipelineState, ShipperStatus } from './status.ts';
import type { FromWorker, ToWorker, WorkerInput } from './worker-messages.ts';

/** Works from the TypeScript sources as from the build. */
const workerFile = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

/**
 * The worker keeps little of what it makes for long: without a bound its young generation grows to 32 MiB, with this one it took as much
 * processor time and 35 MiB less.
 */
const maxYoungGenerationSizeMb = 12;

/** Resolves once the worker has taken the run's `ship` lock, or has said why it will not ship. */
export function startShipperWorker(options: Omit<ShipperOptions, 'again'>): Promise<ShipperStart> {
  const input: WorkerInput = {
    folder: { ...options.folder },
    env: { ...options.env },
    pace: options.pace ?? {},
    lingerMs: options.lingerMs,
  };
  const resourceLimits = { maxYoungGenerationSizeMb };
  // Its environment is the run's: packages that read `process.env` there find the settings of the run and no others.
  const env = Object.fromEntries(Object.entries(input.env).filter(([, value]) => value !== undefined));
  const worker = new Worker(workerFile, { workerData: input, name: 'stepspan shipper', resourceLimits, env });
  const link: WorkerLink = { worker, draining: new Map(), status: undefined, hasExited: false };
  const take = (status: ShipperStatus): void => {
    link.status = status;
    options.onStatus?.(status);
  };
  return new Promise((resolve, reject) => {
    const done = new Promise<void>((ended) => {
      worker.once('exit', () => {
        link.hasExited = true;
        for (const settle of link.draining.values()) if (link.status !== undefined) settle(cutShort(link.status));
        link.draining.clear();
        ended();
      });
    });
    worker.on('error', (error) => {
      // A defect of ours: the run continues, and `ship` later sends what is missing.
      if (link.status === undefined) reject(error);
      else take(withState(link.status, { kind: 'failed', why: error.message }));
    });
    worker.on('message', (message: FromWorker) => {
      switch (message.kind) {
        case 'shipping':
          link.status ??= message.status;
          resolve({ kind: 'shipping', shipper: shipperBehind(link, done) });
          break;
        case 'held':
        case 'invalid':
          resolve(message);
          break;
        case 'status':
          take(message.status);
          break;
        case 'drained':
          link.status = message.result.status;
          link.draining.get(message.id)?.(message.result);
          link.draining.delete(message.id);
          break;
        default:
          unreachable(message);
      }
    });
  });
}

/** What this thread knows of its worker. */
type WorkerLink = {
  readonly worker: Worker;
  /** Who waits for the answer to a drain, by the number of the drain. */
  readonly draining: Map<number, (result: DrainResult) => void>;
  /** The last that the worker has reported. */
  status: ShipperStatus | undefined;
  hasExited: boolean;
};

function shipperBehind(link: WorkerLink, done: Promise<void>): Shipper {
  const send = (message: ToWorker): void => link.worker.postMessage(message);
  let nextId = 0;
  const status = (): ShipperStatus => {
    if (link.status === undefined) throw new Error('The shipper was used before it had reported anything.');
    return link.status;
  };
  return {
    status,
    done,
    drain(deadlineMs, giveUp = 'never') {
      if (link.hasExited) return Promise.resolve(cutShort(status()));
      const id = nextId++;
      return new Promise((settle) => {
        link.draining.set(id, settle);
        send({ kind: 'drain', id, deadlineMs, giveUp });
      });
    },
    async stop() {
      if (!link.hasExited) send({ kind: 'stop' });
      await done;
    },
  };
}

/** The result of a drain when the worker has ended: all is well if it ended because everything was sent. */
function cutShort(status: ShipperStatus): DrainResult {
  const open = [status.logs, status.traces].filter(({ state }) => state.kind !== 'finished' && state.kind !== 'off');
  if (open.length === 0) return { kind: 'drained', status };
  const pending = Math.max(...open.map(({ pendingSeqs }) => pendingSeqs));
  const why = open.find(({ lastError }) => lastError !== undefined)?.lastError;
  const message = `Shipping has ended with ${pending} lines and events still to be sent${why === undefined ? '' : ` (${why})`}`;
  return { kind: 'pending', status, message };
}

function withState(status: ShipperStatus, state: Extract<PipelineState, { kind: 'failed' }>): ShipperStatus {
  return {
    ...status,
    logs: { ...status.logs, state, lastError: state.why },
    traces: { ...status.traces, state, lastError: state.why },
  };
}
