// A journal to a Collector: the shipper against the batch log processor of OpenTelemetry JS, into the same null endpoint.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { atLeast, type Bench, type Setting } from './support/bench.ts';
import type { Drained, DrainOrder, SdkOrder, Shipped } from './support/drain-orders.ts';
import { basicEnvironment } from './support/measure-step.ts';
import { runProgram } from './support/processes.ts';
import { type Sink, startSink } from './support/sink.ts';
import { interleave, median, medianRatio } from './support/statistics.ts';

const shipProgram = fileURLToPath(new URL('./programs/ship-journal.ts', import.meta.url));
const sdkProgram = fileURLToPath(new URL('./programs/send-by-sdk.ts', import.meta.url));

type Protocol = 'http/protobuf' | 'http/json';
type Queue = { readonly size: number; readonly batch: number };

/** Of the batch processor, as the specification has them (OTEL_BLRP_*). */
const defaultQueue: Queue = { size: 2048, batch: 512 };
/** As large as the shipper's own requests may be. */
const largeQueue: Queue = { size: 16_384, batch: 8192 };

/** The floor leaves room for a machine on which shipper, endpoint and others share two cores. */
const bounds = atLeast(3, 2);

export const drain: Bench = {
  name: 'drain',
  async run(setting) {
    const { lines, file } = setting.place.linesFile(100, (setting.short ? 200_000 : 400_000) * 100);
    const rounds = setting.short ? 2 : 5;
    setting.say(`drain: ${lines} lines, ${rounds} rounds`);
    const sink = await startSink('keep');
    try {
      const ship = (protocol: Protocol) => async () =>
        rateOf(sink, lines, await shipJournal(setting, sink, file, protocol));
      const send = (protocol: Protocol, queue: Queue) => async () =>
        rateOf(sink, lines, { ms: await sendBySdk(setting, { sink, file, protocol, queue }), events: 0 });
      const rates = await interleave(rounds, {
        shipProtobuf: ship('http/protobuf'),
        sdkProtobuf: send('http/protobuf', defaultQueue),
        // These two have no bound.
        sdkProtobufLarge: setting.short ? undefined : send('http/protobuf', largeQueue),
        shipJson: setting.short ? undefined : ship('http/json'),
        sdkJson: send('http/json', defaultQueue),
      });
      const row = (title: string, name: keyof typeof rates): string[][] =>
        rates[name].length === 0 ? [] : [[title, `${Math.round(median(rates[name]) / 1000)} k records/s`]];
      return {
        title: 'Draining a journal to a Collector',
        how:
          'The lines of a journal, 100 bytes each, as OTLP log records over HTTP to a local endpoint that takes everything and keeps it. After each run it must hold ' +
          'exactly as many records as there are lines, and the events of the run of stepspan beside them. stepspan: `createShipper` to drained, read from the journal, traces off. The peer: `NodeSDK` with its batch log processor and ' +
          'OTLP exporter, the same number of attributes on a record, lines from a plain file, driven without loss: as many records as the queue holds are emitted and then flushed. ' +
          'Both in a process of their own, timed inside of it, so without the start of Node and the import of modules.',
        tables: [
          {
            columns: ['sender', 'rate'],
            rows: [
              ...row('stepspan, protobuf (its default)', 'shipProtobuf'),
              ...row('OpenTelemetry JS, protobuf (its default), queue 2,048, batches of 512', 'sdkProtobuf'),
              ...row('OpenTelemetry JS, protobuf, queue 16,384, batches of 8,192', 'sdkProtobufLarge'),
              ...row('stepspan, JSON', 'shipJson'),
              ...row('OpenTelemetry JS, JSON, queue 2,048, batches of 512', 'sdkJson'),
            ],
          },
        ],
        ratios: [
          { name: 'drain', value: medianRatio(rates.shipProtobuf, rates.sdkProtobuf), bounds },
          { name: 'drain-to-json-exporter', value: medianRatio(rates.shipProtobuf, rates.sdkJson), bounds },
          ...(setting.short
            ? []
            : [
                { name: 'drain-to-larger-batches', value: medianRatio(rates.shipProtobuf, rates.sdkProtobufLarge) },
                { name: 'drain-json', value: medianRatio(rates.shipJson, rates.sdkJson) },
              ]),
        ],
        notes: [],
      };
    } finally {
      await sink.stop();
    }
  },
};

async function shipJournal(setting: Setting, sink: Sink, file: string, protocol: Protocol): Promise<Shipped> {
  const { place } = setting;
  const dataDir = await journalOf(setting, file);
  const url = (module: string): string => pathToFileURL(place.built(module)).href;
  const order: DrainOrder = {
    modules: { shipper: url('readers/ship/shipper'), journal: url('journal/index') },
    dataDir,
  };
  const { stdout } = await runProgram(process.execPath, [shipProgram, JSON.stringify(order)], {
    env: { ...otlpEnvironment(sink, protocol), OTEL_TRACES_EXPORTER: 'none' },
  });
  return JSON.parse(stdout) as Shipped;
}

/** A run that printed the file; its own, as a run is shipped but once. */
async function journalOf({ place }: Setting, file: string): Promise<string> {
  const dataDir = place.folder('data');
  await runProgram(process.execPath, [place.program, 'exec', '--quiet', '--no-ship', '--', 'cat', file], {
    env: { ...basicEnvironment(), STEPSPAN_DATA_DIR: dataDir },
    cwd: dataDir,
  });
  return dataDir;
}

type SendBySdk = {
  readonly sink: Sink;
  readonly file: string;
  readonly protocol: Protocol;
  readonly queue: Queue;
};

async function sendBySdk({ place }: Setting, { sink, file, protocol, queue }: SendBySdk): Promise<number> {
  const order: SdkOrder = { file, queueSize: queue.size };
  const { stdout } = await runProgram(process.execPath, [sdkProgram, JSON.stringify(order)], {
    cwd: place.root,
    env: {
      ...otlpEnvironment(sink, protocol),
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_BLRP_MAX_QUEUE_SIZE: String(queue.size),
      OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: String(queue.batch),
    },
  });
  return (JSON.parse(stdout) as Drained).ms;
}

function otlpEnvironment(sink: Sink, protocol: Protocol): Record<string, string> {
  return { ...basicEnvironment(), OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, OTEL_EXPORTER_OTLP_PROTOCOL: protocol };
}

/** Lines a second; throws where one is missing or too many. */
async function rateOf(sink: Sink, lines: number, { ms, events }: Shipped): Promise<number> {
  const { records } = await sink.count();
  if (records !== lines + events) throw new Error(`of ${lines} lines and ${events} events ${records} records came`);
  return (lines / ms) * 1000;
}
