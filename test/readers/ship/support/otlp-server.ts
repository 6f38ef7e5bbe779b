// A real HTTP server on a free port that answers OTLP requests as a script says, and keeps what it acknowledged.
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { serveHttp } from '../../../support/http-server.ts';
import { logsIn } from './json.ts';
import { type DecodedLog, isEvent } from './protobuf.ts';

export type Received = {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly wireBytes: number;
};

/** Answers one request; `accept` (the default) is a 200 whose records count as acknowledged. */
export type Reply =
  | { readonly kind: 'accept'; readonly body?: Buffer }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  /** Breaks the connection; with `takes` the server has the records all the same, as when an answer is lost. */
  | { readonly kind: 'reset'; readonly takes?: boolean }
  | { readonly kind: 'hang' };

export type OtlpServer = {
  readonly url: string;
  readonly requests: Received[];
  /** Lines taken, and log records of Claude Code, in the order in which they came; a resend shows again. */
  readonly logs: DecodedLog[];
  /** The records of events, in the same way. */
  readonly events: DecodedLog[];
  /** Requests for traces that were taken. */
  readonly traces: Buffer[];
  readonly close: () => Promise<void>;
};

export async function startOtlpServer(
  reply: (received: Received, index: number) => Reply | Promise<Reply> = () => ({ kind: 'accept' }),
  port = 0,
): Promise<OtlpServer> {
  const requests: Received[] = [];
  const logs: DecodedLog[] = [];
  const events: DecodedLog[] = [];
  const traces: Buffer[] = [];
  const take = (received: Received): void => {
    if (received.path.endsWith('/traces')) traces.push(received.body);
    else if (received.path.endsWith('/logs'))
      for (const log of logsIn(received.body)) (isEvent(log) ? events : logs).push(log);
  };
  const { url, close } = await serveHttp(async (request, response) => {
    const raw = await buffer(request);
    const received: Received = {
      path: request.url ?? '',
      headers: request.headers,
      body: request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw,
      wireBytes: raw.length,
    };
    requests.push(received);
    answer(response, received, await reply(received, requests.length - 1), take);
  }, port);
  return {
    url,
    close,
    requests,
    logs,
    events,
    traces,
  };
}

function answer(response: ServerResponse, received: Received, reply: Reply, take: (received: Received) => void): void {
  switch (reply.kind) {
    case 'accept':
      take(received);
      response.writeHead(200).end(reply.body);
      break;
    case 'status':
      response.writeHead(reply.status, reply.headers).end(reply.body);
      break;
    case 'reset':
      if (reply.takes) take(received);
      response.socket?.resetAndDestroy();
      break;
    case 'hang':
      break;
  }
}
