// The WebSocket side of the hub's http server: takes upgrades, refuses those without permission, ends all connections at the stop.
// `authorize` decides whether a request is permitted. Called by src/hub.
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import type { RunId } from '../../core/ids.ts';
import { type JournalReader, openJournal, type RunFolder } from '../../journal/index.ts';
import type { Catalogue } from '../../runs/index.ts';
import { createFeeds } from './feeds.ts';
import type { Describer } from './live-run.ts';
import { defaultBufferBytes } from './outbox.ts';
import { closeCodes, limits, subprotocol } from './protocol.ts';
import { createRunList } from './run-list.ts';
import { type Scope, type Session, startSession } from './session.ts';
import type { Shared } from './watches.ts';

export type Authorized =
  | { readonly ok: true; readonly scope: Scope }
  | { readonly ok: false; readonly status: number; readonly message: string };

export type TailOptions = {
  /** The folder of a run; undefined if there is none that may be seen. */
  readonly resolveRun: (runId: RunId) => RunFolder | undefined;
  /** Opens a run if there is a better reader than `openJournal`: the process that writes it sees each record at once. */
  readonly openRun?: (folder: RunFolder) => JournalReader;
  /** Called for every upgrade, before anything else: Host, Origin and token are checked here. */
  readonly authorize: (request: IncomingMessage) => Authorized | Promise<Authorized>;
  /** Of this package, for `hello`. */
  readonly version: string;
  /** The runs of the data folder: their states, their list, how long steps took in earlier runs. */
  readonly catalogue: Catalogue;
  readonly linksOf: Describer['linksOf'];
  /** The folder of runs; a run that comes or goes there is seen at once. */
  readonly runsDir: string;
  /** Bounds that tests make small. */
  readonly tuning?: Partial<Tuning>;
};

export type Tuning = {
  readonly bufferBytes: number;
  readonly lagEveryMs: number;
  readonly pingMs: number;
  readonly stopMs: number;
  readonly maxClients: number;
};

const defaultTuning: Tuning = {
  bufferBytes: defaultBufferBytes,
  lagEveryMs: 1_000,
  pingMs: limits.pingMs,
  /** Closing is a round trip; a client that does not answer is cut. */
  stopMs: 1_000,
  /** If all of them stall at once, they hold 2,000 times the buffer bound: 512 MB, and less since they share what is live. */
  maxClients: 2_000,
};

/** How often it is looked whether all have the end of a run: the program ends as soon, and it costs nothing. */
const endCheckMs = 20;

export type TailNumbers = {
  /** Connected now. */
  readonly clients: number;
  /** Bytes that wait in this process, for all clients together. */
  readonly bufferedBytes: number;
  /** Bytes that all clients were sent since the start. */
  readonly sentBytes: number;
  /** Sequence numbers that clients chose to jump over since the start. */
  readonly jumped: number;
};

export const noTail: TailNumbers = { clients: 0, bufferedBytes: 0, sentBytes: 0, jumped: 0 };

export type Tail = {
  /** For the `upgrade` event of an http server, on the path of the tail. Always answers, never throws. */
  readonly handleUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly numbers: () => TailNumbers;
  /** Resolves once all who watch a run that has ended were sent its end, or after `withinMs`. */
  readonly sendEnd: (runId: RunId, withinMs: number) => Promise<void>;
  /** Closes every connection with 1001 and takes no more. */
  readonly stop: () => Promise<void>;
};

export function createTail(options: TailOptions): Tail {
  const { resolveRun, version, catalogue, linksOf } = options;
  const { lagEveryMs, bufferBytes, pingMs, maxClients, stopMs } = { ...defaultTuning, ...options.tuning };
  const feeds = createFeeds(options.openRun ?? openJournal, { catalogue, linksOf });
  const runList = createRunList(options.runsDir, catalogue.list);
  let jumped = 0;
  let isStopped = false;
  const onJump: Shared['onJump'] = (count) => {
    jumped += count;
  };
  const shared: Shared = { feeds, runList, resolveRun, lagEveryMs, onJump };
  const server = createServer();
  const sent = createSentBytes();
  const sessions = new Set<Session>();

  const decide = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const authorized = await options.authorize(request);
    const refusal = authorized.ok ? refusalOf(request, server.clients.size, maxClients, isStopped) : authorized;
    if (refusal !== undefined) return refuse(socket, refusal.status, refusal.message);
    if (!authorized.ok || !(socket instanceof Socket)) return refuse(socket, 500, 'The upgrade failed.');
    const { scope } = authorized;
    server.handleUpgrade(request, socket, head, (client: WebSocket) => {
      sent.add(client, socket);
      const session = startSession({ socket: client, stream: socket, scope, shared, version, bufferBytes, pingMs });
      sessions.add(session);
      client.once('close', () => sessions.delete(session));
    });
  };

  return {
    handleUpgrade(request, socket, head) {
      // A client that leaves during the upgrade must not end the process.
      const gone = (): void => void socket.destroy();
      socket.on('error', gone);
      decide(request, socket, head)
        .catch(() => refuse(socket, 500, 'The upgrade failed.'))
        .finally(() => socket.off('error', gone).on('error', () => undefined));
    },
    numbers: () => ({
      clients: server.clients.size,
      bufferedBytes: [...server.clients].reduce((sum, client) => sum + client.bufferedAmount, 0),
      sentBytes: sent.total(),
      jumped,
    }),
    async sendEnd(runId, withinMs) {
      const untilMs = performance.now() + withinMs;
      const isSent = (): boolean => [...sessions].every((session) => session.hasEndOf(runId));
      while (!isSent() && performance.now() < untilMs) await delay(endCheckMs);
    },
    async stop() {
      isStopped = true;
      feeds.stop();
      runList.stop();
      await closeAll(server, stopMs);
    },
  };
}

function createServer(): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    clientTracking: true,
    maxPayload: limits.maxMessageBytes,
    // Output compresses well, but a zlib context is 300 KB for each watcher and takes a core at 50 MB/s; this is loopback.
    perMessageDeflate: false,
    // Answers to pings are counted like every answer, see Outbox.
    autoPong: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
}

/** Why a client with permission is refused; undefined if it is not. */
function refusalOf(
  request: IncomingMessage,
  clients: number,
  maxClients: number,
  isStopped: boolean,
): { readonly status: number; readonly message: string } | undefined {
  if (isStopped) return { status: 503, message: 'The server stops.' };
  if (clients >= maxClients)
    return { status: 503, message: `${maxClients} clients are connected, and no more are taken.` };
  const offered = request.headers['sec-websocket-protocol'];
  if (offered === undefined || offered.split(',').some((name) => name.trim() === subprotocol)) return undefined;
  return { status: 400, message: `Of the offered subprotocols none is known here; offer ${subprotocol}.` };
}

/** Counts what clients were sent, those that have left included. */
function createSentBytes() {
  const sockets = new Set<Socket>();
  let ofClosed = 0;
  return {
    add(client: WebSocket, socket: Socket): void {
      sockets.add(socket);
      client.on('close', () => {
        sockets.delete(socket);
        ofClosed += socket.bytesWritten;
      });
    },
    total: (): number => [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, ofClosed),
  };
}

async function closeAll(server: WebSocketServer, stopMs: number): Promise<void> {
  const clients = [...server.clients];
  const closed = clients.map((client) => new Promise((resolve) => client.once('close', resolve)));
  for (const client of clients) client.close(closeCodes.goingAway, 'the server stops');
  const cut = setTimeout(() => {
    for (const client of server.clients) client.terminate();
  }, stopMs);
  await Promise.all(closed);
  clearTimeout(cut);
  server.close();
}

function refuse(socket: Duplex, status: number, message: string): void {
  const body = `${JSON.stringify({ error: { code: 'upgrade_refused', message } })}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}`,
    'Connection: close',
    'Content-Type: application/json',
    'X-Content-Type-Options: nosniff',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  // A client that does not hang up after that would stay for ever: the sockets of an http server end one way at a time.
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
