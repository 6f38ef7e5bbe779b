// The peer of the shipper: the lines of a file through the batch log processor and the OTLP exporter of OpenTelemetry JS,
// as its SDK sets them up from OTEL_*, in a process of its own. It emits as many records as the queue holds, then waits
// until they are taken, because the queue drops what it has no room for.
import { readFileSync } from 'node:fs';
import { logs, SeverityNumber } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import type { Drained, SdkOrder } from '../support/drain-orders.ts';

const { file, queueSize } = JSON.parse(process.argv[2] ?? '') as SdkOrder;

const started = performance.now();
const sdk = new NodeSDK();
sdk.start();
// The one that the SDK has registered, which the API knows without its flush.
const provider = logs.getLoggerProvider() as ReturnType<typeof logs.getLoggerProvider> & {
  readonly forceFlush: () => Promise<void>;
};
const logger = provider.getLogger('stepspan');

const bytes = readFileSync(file);
const startedMs = Date.now();
let seq = 0;
for (let at = 0; at < bytes.length; ) {
  const end = bytes.indexOf(0x0a, at);
  const time: [number, number] = [Math.floor(startedMs / 1000), (startedMs % 1000) * 1_000_000 + seq];
  // As many attributes as a line of stepspan has, and as long.
  logger.emit({
    body: bytes.toString('utf8', at, end),
    severityNumber: SeverityNumber.INFO,
    severityText: 'INFO',
    timestamp: time,
    observedTimestamp: time,
    attributes: {
      'log.iostream': 'stdout',
      'cicd.pipeline.run.id': '20261123-151507-k3f9x2',
      'cicd.pipeline.name': 'bench',
      'cicd.pipeline.task.name': 'step0',
      'stepspan.step.id': 'step0',
      'stepspan.attempt': 1,
      'stepspan.seq': seq,
    },
  });
  at = end + 1;
  if (++seq % queueSize === 0) await provider.forceFlush();
}
await provider.forceFlush();
const ms = performance.now() - started;
await sdk.shutdown();
process.stdout.write(JSON.stringify({ ms } satisfies Drained));
