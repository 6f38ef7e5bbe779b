// Runs the real Tempo from stack/tempo.yaml with ports and a folder of its own. The program is a separate one that the machine
// has; see external-programs.ts.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { externalProgram } from './external-programs.ts';
import { defineService, freePorts, makeFolder, type Service } from './service.ts';

const CONFIG = path.resolve(import.meta.dirname, '../../../stack/tempo.yaml');

export interface Tempo extends Service {
  readonly url: string;
  /** For TEMPO_OTLP_ENDPOINT. */
  readonly endpoint: string;
  readonly spansOf: (traceId: string) => Promise<readonly TempoSpan[]>;
}

/** The id in hexadecimal digits. */
export type TempoSpan = {
  readonly name: string;
  readonly spanId: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
};

/** A Tempo that answers. */
export async function startTempo(): Promise<Tempo> {
  const [http, grpc, otlp] = await freePorts(3);
  const folder = await makeFolder('tempo');
  const config = readFileSync(CONFIG, 'utf8')
    .replaceAll('/var/tempo', folder)
    .replace(
      'http_listen_port: 3200',
      `http_listen_address: 127.0.0.1\n  http_listen_port: ${http}\n  grpc_listen_address: 127.0.0.1\n  grpc_listen_port: ${grpc}`,
    )
    .replace('0.0.0.0:4318', `127.0.0.1:${otlp}`);
  const file = path.join(folder, 'tempo.yaml');
  writeFileSync(file, config);
  const url = `http://127.0.0.1:${http}`;
  const service = defineService({
    name: 'Tempo',
    program: externalProgram('tempo'),
    args: [`-config.file=${file}`],
    folder,
    isReady: async () => (await fetch(`${url}/ready`)).ok,
  });
  await service.start().catch(async (error: unknown) => {
    await service.remove();
    throw error;
  });
  return { ...service, url, endpoint: `http://127.0.0.1:${otlp}`, spansOf: (traceId) => readSpans(url, traceId) };
}

async function readSpans(url: string, traceId: string): Promise<readonly TempoSpan[]> {
  const response = await fetch(`${url}/api/traces/${traceId}`);
  if (response.status === 404) return [];
  if (!response.ok) throw new Error(`Tempo answered ${response.status} to ${traceId}`);
  const { batches = [] } = (await response.json()) as {
    batches?: {
      scopeSpans: { spans: { name: string; spanId: string; startTimeUnixNano: string; endTimeUnixNano: string }[] }[];
    }[];
  };
  return batches
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
    .map(({ name, spanId, startTimeUnixNano, endTimeUnixNano }) => ({
      name,
      // Tempo writes ids in base64, as the JSON form of protobuf has bytes.
      spanId: Buffer.from(spanId, 'base64').toString('hex'),
      startNs: BigInt(startTimeUnixNano),
      endNs: BigInt(endTimeUnixNano),
    }));
}
