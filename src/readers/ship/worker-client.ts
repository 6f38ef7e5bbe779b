// Starts the shipper in a worker thread, so that encoding and compressing never hold up the capture of output, and so
// that the SDK's globals are the worker's own. What it returns is used like a shipper in this thread.
import { Worker } from 'node:worker_threads';
import { unreachable } from '../../core/unreachable.ts';
import type { Shipper, ShipperOptions, ShipperStart } from './shipper.ts';
import type { DrainResult, PipelineState, ShipperStatus } from './status.ts';
import type { FromWorker, ToWorker, WorkerInput } from './worker-messages.ts';

/** Works from the TypeScript sources as from the build. */
const workerFile = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

/** Resolves once the worker has taken the run's `ship` lock, or has said why it will not ship. */
export function startShipperWorker(options: Omit<ShipperOptions, 'again'>): Promise<ShipperStart> {
  const input: WorkerInput = {
    folder: { ...options.folder },
    env: { ...options.env },
    pace: options.pace ?? {},
    lingerMs: options.lingerMs,
  };
  const worker = new Worker(workerFile, { workerData: input, name: 'stepspan shipper' });
  const draining = new Map<number, (result: DrainResult) => void>();
  let status: ShipperStatus | undefined;
  let nextId = 0;

  return new Promise((resolve, reject) => {
    const done = new Promise<void>((ended) => {
      worker.once('exit', () => {
        for (const settle of draining.values()) if (status !== undefined) settle(cutShort(status));
        draining.clear();
        ended();
      });
    });
    worker.on('error', (error) => {
      // A defect of ours: the run continues, and `ship` later sends what is missing.
      if (status === undefined) reject(error);
      else heard(withState(status, { kind: 'failed', why: error.message }));
    });
    worker.on('message', (message: FromWorker) => {
      switch (message.kind) {
        case 'shipping':
          status ??= message.status;
          resolve({ kind: 'shipping', shipper: shipperOf(done) });
          break;
        case 'held':
        case 'invalid':
          resolve(message);
          break;
        case 'status':
          heard(message.status);
          break;
        case 'drained':
          status = message.result.status;
          draining.get(message.id)?.(message.result);
          draining.delete(message.id);
          break;
        default:
          unreachable(message);
      }
    });
  });

  function heard(next: ShipperStatus): void {
    status = next;
    options.onStatus?.(next);
  }

  function shipperOf(done: Promise<void>): Shipper {
    const say = (message: ToWorker): void => worker.postMessage(message);
    let exited = false;
    void done.then(() => {
      exited = true;
    });
    const current = (): ShipperStatus => {
      if (status === undefined) throw new Error('The shipper was used before it had said anything.');
      return status;
    };
    return {
      status: current,
      done,
      drain(deadlineMs, giveUp = 'never') {
        if (exited) return Promise.resolve(cutShort(current()));
        const id = nextId++;
        return new Promise((settle) => {
          draining.set(id, settle);
          say({ kind: 'drain', id, deadlineMs, giveUp });
        });
      },
      async stop() {
        if (!exited) say({ kind: 'stop' });
        await done;
      },
    };
  }
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
