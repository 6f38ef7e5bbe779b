// One connection of a client of the tail, made again when it breaks. Knows how to connect, and nothing of subscriptions.
import { backoffMs, withJitter } from '../../core/backoff.ts';
import type { ClientMessage, HelloData, TailMessage } from '../schema/messages.ts';
import { closeCodes, subprotocol } from './protocol.ts';

/** What of a WebSocket is used here. */
export type SocketLike = {
  readonly readyState: number;
  send(text: string): void;
  close(code?: number): void;
  addEventListener(type: 'open' | 'close' | 'error' | 'message', listener: (event: never) => void): void;
};

export type TailStatus =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open'; readonly hello: HelloData }
  /** The connection broke; it is made again after `retryMs`. */
  | { readonly kind: 'waiting'; readonly retryMs: number; readonly code: number }
  | { readonly kind: 'closed' }
  /** Closed with a code that says that trying again does not help. */
  | { readonly kind: 'refused'; readonly code: number; readonly reason: string };

export type ConnectionOptions = {
  /** `ws://host:port/api/v1/tail`, or `wss://`. */
  readonly url: string;
  /** Sent as a bearer token. Node only: a browser sends its cookie, and cannot set headers. */
  readonly token?: string;
  readonly onStatus?: (status: TailStatus) => void;
  /** Milliseconds of the first pause and of the longest. Each is drawn at random from half of it on. */
  readonly retry?: { readonly firstMs: number; readonly longestMs: number };
  /** Instead of the global WebSocket. */
  readonly open?: (url: string) => SocketLike;
};

export type Connection = {
  readonly connect: () => void;
  /** Does nothing unless the connection is open. */
  readonly send: (message: ClientMessage) => void;
  readonly status: () => TailStatus;
  readonly close: () => void;
};

/** Soon enough that a restart of the server is hardly seen, and seldom enough that a thousand clients do not storm it. */
const defaultRetry = { firstMs: 250, longestMs: 10_000 };

/** After this long without a message the server is asked for one; after as long again the connection counts as broken. */
const silenceMs = 30_000;

/** Codes that say that something is wrong with what this client sends. */
const hopeless: readonly number[] = [1002, closeCodes.binary, 1007, closeCodes.tooBig, closeCodes.badMessages];

/** @param isNeeded whether a broken connection is to be made again */
export function createConnection(
  { url, token, onStatus, retry = defaultRetry, open = (at) => openGlobal(at, token) }: ConnectionOptions,
  onMessage: (message: TailMessage) => void,
  isNeeded: () => boolean,
): Connection {
  let status: TailStatus = { kind: 'idle' };
  let socket: SocketLike | undefined;
  let failures = 0;
  let heardAt = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let silenceTimer: ReturnType<typeof setInterval> | undefined;

  const become = (next: TailStatus): void => {
    status = next;
    onStatus?.(next);
  };

  const connect = (): void => {
    become({ kind: 'connecting' });
    const own = open(url);
    socket = own;
    heardAt = Date.now();
    own.addEventListener('message', ({ data }: { readonly data: unknown }) => {
      if (socket !== own || typeof data !== 'string') return;
      heardAt = Date.now();
      const message: TailMessage = JSON.parse(data);
      if (message.type === 'hello') {
        failures = 0;
        become({ kind: 'open', hello: message.data });
      }
      onMessage(message);
    });
    own.addEventListener('close', ({ code, reason }: { readonly code: number; readonly reason: string }) => {
      if (socket === own) lost(code, reason);
    });
    // `close` follows and says what went wrong; without a listener Node would end the process.
    own.addEventListener('error', () => undefined);
    clearInterval(silenceTimer);
    silenceTimer = setInterval(checkSilence, silenceMs / 2);
  };

  const lost = (code: number, reason: string): void => {
    socket = undefined;
    clearInterval(silenceTimer);
    if (hopeless.includes(code)) become({ kind: 'refused', code, reason });
    else if (isNeeded()) {
      failures += 1;
      const retryMs = withJitter(backoffMs(failures, { firstMs: retry.firstMs, maxMs: retry.longestMs }));
      timer = setTimeout(connect, retryMs);
      become({ kind: 'waiting', retryMs, code });
    } else become({ kind: 'idle' });
  };

  const send = (message: ClientMessage): void => {
    if (status.kind === 'open') socket?.send(JSON.stringify(message));
  };

  /** A connection whose other end is gone without a word looks like a silent one. */
  const checkSilence = (): void => {
    const silentMs = Date.now() - heardAt;
    if (silentMs < silenceMs) return;
    if (silentMs < 2 * silenceMs) send({ type: 'ping' });
    else {
      const old = socket;
      lost(1006, 'silent');
      old?.close();
    }
  };

  return {
    connect,
    send,
    status: () => status,
    close() {
      const old = socket;
      socket = undefined;
      clearTimeout(timer);
      clearInterval(silenceTimer);
      become({ kind: 'closed' });
      old?.close(1000);
    },
  };
}

/** Node's WebSocket takes headers as its second argument, a browser's only protocols; see the documentation of undici. */
function openGlobal(url: string, token: string | undefined): SocketLike {
  const init =
    token === undefined ? subprotocol : { protocols: [subprotocol], headers: { authorization: `Bearer ${token}` } };
  return new WebSocket(url, init as string) as SocketLike;
}
