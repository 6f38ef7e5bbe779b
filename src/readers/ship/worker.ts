// The shipper in a worker thread: started by worker-client.ts and by nobody else. Ends when the run is shipped or on `stop`.
import { parentPort, workerData } from 'node:worker_threads';
import { unreachable } from '../../core/unreachable.ts';
import { createShipper } from './shipper.ts';
import type { FromWorker, ToWorker, WorkerInput } from './worker-messages.ts';

const port = parentPort;
if (port === null) throw new Error('worker.ts is the shipper’s worker thread and cannot be run by itself.');
const say = (message: FromWorker): void => port.postMessage(message);

const input: WorkerInput = workerData;
const { folder, env, pace, lingerMs } = input;
const start = await createShipper({
  folder,
  env,
  pace,
  ...(lingerMs === undefined ? {} : { lingerMs }),
  onStatus: (status) => say({ kind: 'status', status }),
});
if (start.kind === 'shipping') {
  const { shipper } = start;
  say({ kind: 'shipping', status: shipper.status() });
  port.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'drain':
        void shipper
          .drain(message.deadlineMs, message.giveUp)
          .then((result) => say({ kind: 'drained', id: message.id, result }));
        break;
      case 'stop':
        void shipper.stop();
        break;
      default:
        unreachable(message);
    }
  });
  await shipper.done;
  say({ kind: 'status', status: shipper.status() });
  port.close();
} else {
  say(start);
}
