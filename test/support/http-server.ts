// An HTTP server of a test on a free port of loopback. Every server that takes the place of a backend is made with this.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

export type HttpServer = {
  readonly url: string;
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly port: number;
  readonly server: Server;
  /** Ends it with all its connections. May be called twice. */
  readonly close: () => Promise<void>;
};

export type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** @param port the one of an earlier server that a test starts again; by default a free one */
export async function serveHttp(handler: Handler, port = 0): Promise<HttpServer> {
  const server = createServer((request, response) => void handler(request, response)).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}`,
    host,
    port: (server.address() as AddressInfo).port,
    server,
    async close() {
      server.closeAllConnections();
      if (server.listening) await once(server.close(), 'close');
    },
  };
}

/** The whole body of a request, unpacked. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const raw = await buffer(request);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
}

export async function jsonOf<T>(request: IncomingMessage): Promise<T> {
  return JSON.parse((await bodyOf(request)).toString('utf8')) as T;
}
