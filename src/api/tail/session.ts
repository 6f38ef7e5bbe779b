// One connection: what its client asks for, the subscriptions it has, whether it is still there.
import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import { isRunId, type RunId } from '../../core/ids.ts';
import { unreachable } from '../../core/unreachable.ts';
import type { RunFolder } from '../../journal/index.ts';
import { decodeClientMessage } from './decode.ts';
import type { Feeds } from './feeds.ts';
import { createFilter } from './filter.ts';
import { createOutbox } from './outbox.ts';
import {
  type ClientMessage,
  closeCodes,
  type ErrorCode,
  limits,
  protocolVersion,
  type Subscribe,
  type TailMessage,
} from './protocol.ts';
import { isoNow } from './run-progress.ts';
import { type Subscription, startSubscription } from './subscription.ts';

export type Scope = 'read' | 'control';

export type SessionOptions = {
  readonly socket: WebSocket;
  /** What `socket` writes to. */
  readonly stream: Socket;
  readonly scope: Scope;
  readonly feeds: Feeds;
  readonly resolveRun: (runId: RunId) => RunFolder | undefined;
  readonly version: string;
  readonly bufferBytes: number;
  readonly lagEveryMs: number;
  /** Is told how many numbers a client has jumped over. */
  readonly onJump: (count: number) => void;
  readonly pingMs: number;
};

/** Requests of one client that wait for one that looks at files. More than anybody sends at once, but 64 subscriptions. */
const maxQueued = 100;

/** What the kernels hold stands before the next ping, unseen here; more than this since the last one may take a client long. */
const aheadOfPing = 64 * 1024;

type Subscribed = { readonly subscription: Subscription; readonly release: () => void };

/** Serves the connection until it closes. */
export function startSession(options: SessionOptions): void {
  const { socket, stream, scope, feeds, resolveRun, version, bufferBytes, lagEveryMs, pingMs, onJump } = options;
  const outbox = createOutbox(socket, stream, bufferBytes);
  const subscriptions = new Map<string, Subscribed>();
  let badMessages = 0;
  let missedPings = 0;
  /** Messages are done one after the other, since subscribing has to look at files. */
  let queue = Promise.resolve();
  let queued = 0;

  const refuse = (code: ErrorCode, message: string, executionId: string | null, id: string | null = null): void => {
    answer('error', executionId, { code, message, id });
  };

  const answer = (type: string, executionId: string | null, data: unknown, seq: number | null = null): void => {
    outbox.answer({ type, executionId, seq, timestamp: isoNow(), data } as TailMessage);
  };

  const end = (executionId: string): boolean => {
    const found = subscriptions.get(executionId);
    subscriptions.delete(executionId);
    found?.subscription.stop();
    found?.release();
    return found !== undefined;
  };

  const subscribe = async ({ executionId, id, fromSeq = 0, filters }: Subscribe): Promise<void> => {
    const no = (code: ErrorCode, message: string): void => refuse(code, message, executionId, id ?? null);
    const folder = isRunId(executionId) ? resolveRun(executionId) : undefined;
    if (folder === undefined) return no('not_found', `There is no run ${JSON.stringify(executionId)}.`);
    // Asked again is asked anew: with other filters, or from another place.
    end(executionId);
    if (subscriptions.size >= limits.maxSubscriptions)
      return no('too_many_subscriptions', `A connection may watch ${limits.maxSubscriptions} runs; unsubscribe one.`);
    let taken: Awaited<ReturnType<Feeds['take']>>;
    let head: { readonly firstSeq: number; readonly nextSeq: number; readonly finished: boolean };
    try {
      taken = await feeds.take(folder);
    } catch (error) {
      return no('journal_unreadable', (error as Error).message);
    }
    const { feed, release } = taken;
    try {
      head = await feed.reader.head();
    } catch (error) {
      release();
      return no('journal_unreadable', (error as Error).message);
    }
    if (socket.readyState !== socket.OPEN) return release();
    const headSeq = Math.max(head.nextSeq, feed.nextSeq());
    // Of a run that is over, its last record is what is left to tell.
    const from = fromSeq === 'end' ? (head.finished ? Math.max(0, headSeq - 1) : headSeq) : fromSeq;
    if (from > headSeq) {
      release();
      return no('beyond_end', `The journal ends before number ${headSeq}, so nothing can go on at ${from}.`);
    }
    answer('subscribed', executionId, { id: id ?? null, fromSeq: from, headSeq }, from - 1);
    const onError = (code: ErrorCode, message: string): void => {
      end(executionId);
      refuse(code, message, executionId, id ?? null);
    };
    const filter = createFilter(filters);
    const runId = folder.runId;
    const subscription = startSubscription({ runId, feed, filter, fromSeq: from, outbox, onError, lagEveryMs, onJump });
    subscriptions.set(executionId, { subscription, release });
  };

  const take = async (message: ClientMessage): Promise<void> => {
    switch (message.type) {
      case 'subscribe_execution':
        await subscribe(message);
        break;
      case 'unsubscribe_execution':
        if (!end(message.executionId)) refuse('not_subscribed', 'This run is not watched.', message.executionId);
        break;
      case 'jump_to_now': {
        const found = subscriptions.get(message.executionId);
        if (found === undefined) refuse('not_subscribed', 'This run is not watched.', message.executionId);
        else found.subscription.jumpToNow();
        break;
      }
      case 'ping':
        answer('pong', null, { nonce: message.nonce ?? null });
        break;
      default:
        unreachable(message);
    }
  };

  const hear = (data: RawData, isBinary: boolean) => {
    missedPings = 0;
    // Until the other end has answered the close, its messages still come in.
    if (socket.readyState !== socket.OPEN) return;
    if (isBinary) return socket.close(closeCodes.binary, 'messages are text');
    const decoded = decodeClientMessage(data.toString());
    if (!decoded.ok) {
      refuse(decoded.code, decoded.message, decoded.executionId, decoded.id);
      badMessages += 1;
      if (badMessages >= limits.maxBadMessages)
        socket.close(closeCodes.badMessages, 'too many messages were not understood');
      return;
    }
    queued += 1;
    // What was read with it, 64 KiB at most, still comes; the rest waits at the client.
    if (queued === maxQueued) socket.pause();
    queue = queue
      .then(() => take(decoded.message))
      .catch(() => socket.close(closeCodes.internal, 'a defect of the server'))
      .finally(() => {
        queued -= 1;
        if (queued === 0) socket.resume();
      });
  };

  let writtenAtPing = 0;
  const ping = () => {
    // Who has not taken what was sent cannot have seen a ping either, and may take its time.
    const isBehind = stream.bytesWritten - writtenAtPing >= aheadOfPing;
    if (socket.bufferedAmount > 0 || isBehind) missedPings = 0;
    else if (missedPings >= limits.maxMissedPings) return socket.terminate();
    if (socket.bufferedAmount === 0) {
      missedPings += 1;
      socket.ping();
    }
    writtenAtPing = stream.bytesWritten;
  };

  const pinging = setInterval(ping, pingMs);
  socket.on('message', hear);
  socket.on('ping', (data) => {
    missedPings = 0;
    if (socket.readyState === socket.OPEN) outbox.pong(data);
  });
  socket.on('pong', () => {
    missedPings = 0;
  });
  // Malformed and oversized frames: ws closes with the code of RFC 6455 and there is no more to do.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    clearInterval(pinging);
    for (const executionId of [...subscriptions.keys()]) end(executionId);
  });
  answer('hello', null, { protocol: protocolVersion, serverVersion: version, scope, limits });
}
