// One connection: reads what its client asks for, answers, and notices when the client is gone. Called by server.ts.
import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import type { RunId } from '../../core/ids.ts';
import type { ErrorData } from '../schema/messages.ts';
import { decodeClientMessage } from './decode.ts';
import { isoNow } from './live-run.ts';
import { createOutbox } from './outbox.ts';
import { closeCodes, limits, protocolVersion } from './protocol.ts';
import { type Answers, createWatches, type Shared } from './watches.ts';

export type Scope = 'read' | 'control';

export type SessionOptions = {
  readonly socket: WebSocket;
  /** What `socket` writes to. */
  readonly stream: Socket;
  readonly scope: Scope;
  readonly shared: Shared;
  readonly version: string;
  readonly bufferBytes: number;
  readonly pingMs: number;
};

/** Requests of one client that wait for one that reads files. Only a client with 64 subscriptions sends as many at once. */
const maxQueued = 100;

export type Session = {
  /** Whether the client has nothing to wait for of a run that has ended: what it watches of it was sent, and taken. */
  readonly hasEndOf: (runId: RunId) => boolean;
};

/** Serves the connection until it closes. */
export function startSession({ socket, stream, scope, shared, version, bufferBytes, pingMs }: SessionOptions): Session {
  const outbox = createOutbox(socket, stream, bufferBytes);
  let badMessages = 0;
  /** Messages are handled one after the other, since some of them look at files. */
  let queue = Promise.resolve();
  let queued = 0;

  const answer: Answers['answer'] = (body) => outbox.answer({ ...body, timestamp: isoNow() });
  const refuse = (executionId: string | null, data: ErrorData): void =>
    answer({ type: 'error', executionId, seq: null, data });
  const watches = createWatches(shared, outbox, {
    answer,
    refuse: (code, message, executionId, id) => refuse(executionId, { code, message, id: id ?? null }),
    isOpen: () => socket.readyState === socket.OPEN,
  });

  const read = (data: RawData, isBinary: boolean): void => {
    // Until the other end has answered the close, its messages still come in.
    if (socket.readyState !== socket.OPEN) return;
    if (isBinary) {
      socket.close(closeCodes.binary, 'messages are text');
      return;
    }
    const decoded = decodeClientMessage(data.toString());
    if (!decoded.ok) {
      const { code, message, executionId, id } = decoded;
      refuse(executionId, { code, message, id });
      badMessages += 1;
      if (badMessages >= limits.maxBadMessages)
        socket.close(closeCodes.badMessages, 'too many messages were not understood');
      return;
    }
    queued += 1;
    // What was read with it, 64 KiB at most, still comes; the rest waits at the client.
    if (queued === maxQueued) socket.pause();
    queue = queue
      .then(() => watches.handle(decoded.message))
      .catch(() => socket.close(closeCodes.internal, 'a defect of the server'))
      .finally(() => {
        queued -= 1;
        if (queued === 0) socket.resume();
      });
  };

  socket.on('message', read);
  pingUntilClosed(socket, stream, pingMs);
  socket.on('ping', (data) => {
    if (socket.readyState === socket.OPEN) outbox.pong(data);
  });
  // Malformed and oversized frames: ws closes with the code of RFC 6455 and there is no more to do.
  socket.on('error', () => undefined);
  socket.on('close', watches.stop);
  const hello = { protocol: protocolVersion, serverVersion: version, scope, limits } as const;
  answer({ type: 'hello', executionId: null, seq: null, data: hello });
  return { hasEndOf: (runId) => queued === 0 && watches.hasEndOf(runId) && socket.bufferedAmount === 0 };
}

/** What the kernels hold arrives before the next ping, unseen here; more than this since the last one may take a client long. */
const aheadOfPing = 64 * 1024;

/** Cuts the connection of a client that is gone. One that has not read what was sent has not seen a ping either, and is not cut. */
function pingUntilClosed(socket: WebSocket, stream: Socket, pingMs: number): void {
  let missedPings = 0;
  let writtenAtPing = 0;
  const ping = (): void => {
    const isBehind = stream.bytesWritten - writtenAtPing >= aheadOfPing;
    if (socket.bufferedAmount > 0 || isBehind) missedPings = 0;
    else if (missedPings >= limits.maxMissedPings) {
      socket.terminate();
      return;
    }
    if (socket.bufferedAmount === 0) {
      missedPings += 1;
      socket.ping();
    }
    writtenAtPing = stream.bytesWritten;
  };
  const pinging = setInterval(ping, pingMs);
  const isThere = (): void => {
    missedPings = 0;
  };
  socket.on('message', isThere).on('ping', isThere).on('pong', isThere);
  socket.on('close', () => clearInterval(pinging));
}
