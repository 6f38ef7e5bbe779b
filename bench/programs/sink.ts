// An OTLP/HTTP endpoint that takes everything and does nothing with it, or refuses everything. Started by `support/sink.ts`
// as a process of its own. It counts log records only when asked, so that counting costs nobody time while it is measured.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { argv } from 'node:process';
import { countLogRecords } from '../support/count-log-records.ts';

/** `keep`: answers 200 and keeps what came for GET /count. `discard`: answers 200. `refuse`: answers 503. */
const mode = argv[2];
let kept: { readonly type: string; readonly body: Buffer }[] = [];
let requests = 0;

const server = createServer(async (request, response) => {
  if (request.method === 'GET') {
    const records = kept.reduce((sum, { type, body }) => sum + countLogRecords(type, body), 0);
    const bytes = kept.reduce((sum, { body }) => sum + body.length, 0);
    response.end(JSON.stringify({ records, bytes, requests }));
    kept = [];
    requests = 0;
    return;
  }
  const body = await bodyOf(request);
  requests += 1;
  const type = request.headers['content-type'] ?? '';
  if (mode === 'keep' && request.url === '/v1/logs') kept.push({ type, body });
  response.writeHead(mode === 'refuse' ? 503 : 200, { 'content-type': type });
  response.end(mode !== 'refuse' && type.includes('json') ? '{}' : '');
});

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
