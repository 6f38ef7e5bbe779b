// Listens for requests to pause, resume or cancel one run, in the process that runs it. Only its owner gets in: the folder of the
// socket is the owner's, and a request carries the token of control.json. The caller passes in what a request does.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { toError } from '../core/errors.ts';
import type { RunFolder } from '../journal/index.ts';
import { removeControlFile, writeControlFile } from './control-file.ts';
import { type ControlAnswer, type ControlRequest, maxRequestBytes, parseRequest } from './protocol.ts';
import { socketFolder, sweepSockets } from './socket-folder.ts';

export type ControlServer = {
  readonly socket: string;
  /** Takes the socket and control.json away. */
  readonly close: () => Promise<void>;
};

export type ControlStart =
  | { readonly kind: 'listening'; readonly server: ControlServer }
  /** The run continues without it; one sentence that says why. */
  | { readonly kind: 'failed'; readonly message: string };

/** From the connection to its end: a caller sends its one line at once; one that does not is not ours. */
const requestTimeoutMs = 5_000;

/** People and hubs ask one at a time; this is a bound on a caller that misbehaves. */
const maxConnections = 16;

/** @param timeoutMs for tests */
export async function listenForControl(
  folder: RunFolder,
  handle: (request: ControlRequest) => ControlAnswer,
  timeoutMs = requestTimeoutMs,
): Promise<ControlStart> {
  try {
    // Random, so that two data folders with the same run (a copy) do not meet.
    const name = `${folder.runId}-${randomBytes(3).toString('hex')}.sock`;
    const directory = socketFolder(Buffer.byteLength(name));
    void sweepSockets(directory);
    const socket = join(directory, name);
    const token = randomBytes(32).toString('hex');
    const open = new Set<Socket>();
    const server = createServer((connection) => {
      open.add(connection);
      connection.once('close', () => open.delete(connection));
      serve(connection, token, timeoutMs, handle);
    });
    server.maxConnections = maxConnections;
    await listen(server, socket);
    // A run that has ended is not kept alive by those who might still ask.
    server.unref();
    writeControlFile(folder, socket, token);
    return {
      kind: 'listening',
      server: {
        socket,
        async close() {
          removeControlFile(folder);
          server.close();
          rmSync(socket, { force: true });
          // Who has its answer hangs up by itself; who has not asked yet gets none.
          for (const connection of open) if (!connection.writableEnded) connection.destroy();
        },
      },
    };
  } catch (error) {
    return { kind: 'failed', message: `it cannot be reached to pause or cancel it: ${toError(error).message}` };
  }
}

function serve(
  connection: Socket,
  token: string,
  timeoutMs: number,
  handle: (request: ControlRequest) => ControlAnswer,
): void {
  let text = '';
  const answer = (given: ControlAnswer): void => {
    // Who does not hang up would keep one of the few connections.
    connection.end(`${JSON.stringify(given)}\n`, () => connection.destroy());
  };
  connection.setEncoding('utf8');
  // In all, and not between two bytes: who sends one now and then would stay.
  const deadline = setTimeout(() => connection.destroy(), timeoutMs).unref();
  connection.once('close', () => clearTimeout(deadline));
  connection.on('error', () => connection.destroy());
  connection.on('data', (chunk: string) => {
    if (connection.writableEnded) return;
    text += chunk;
    const end = text.indexOf('\n');
    if (end === -1 && text.length <= maxRequestBytes) return;
    const parsed = end === -1 ? undefined : parseRequest(text.slice(0, end));
    if (parsed === undefined) answer({ ok: false, message: 'this version of stepspan does not know this request' });
    else if (!isEqual(parsed.token, token)) answer({ ok: false, message: 'the token is not that of control.json' });
    else answer(handle(parsed.request));
  });
}

/** Takes as long for a wrong text as for the right one; digests make lengths equal. */
function isEqual(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      server.on('error', () => undefined);
      resolve();
    });
  });
}
