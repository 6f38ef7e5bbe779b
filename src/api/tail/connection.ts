// One connection of a client of the tail, made again when it breaks. Called by client.ts, which owns the subscriptions.
import { backoffMs, withJitter } from '../../core/backoff.ts';
import type { ClientMessage, HelloData, TailMessage } from '../schema/messages.ts';
import { closeCodes, subprotocol } from './protocol.ts';

/** The part of a WebSocket that is used here. */
export type SocketLike = {
  readonly readyState: number;
  send(text: string): void;
  close(code?: number): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void;
  addEventListener(type: 'error', listener: () => void): void;
};

export type TailStatus =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open'; readonly hello: HelloData }
  /** The connection broke; it is made again after `retryMs`. `sinceMs`: when it closed, or fell silent. */
  | {
      readonly kind: 'waiting';
      readonly retryMs: number;
      readonly code: number;
      readonly sinceMs: number;
    }
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

type Options = ConnectionOptions & {
  readonly onMessage: (message: TailMessage) => void;
  /** Whether a broken connection is to be made again. */
  readonly isNeeded: () => boolean;
};

export function createConnection(options: Options): Connection {
  const { url, token, onStatus, retry = defaultRetry, open = (at) => openGlobal(at, token), onMessage } = options;
  let status: TailStatus = { kind: 'idle' };
  let socket: SocketLike | undefined;
  let failures = 0;
  let heardAtMs = Date.now();
  let lostAtMs: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const become = (next: TailStatus): void => {
    status = next;
    onStatus?.(next);
  };

  const connect = (): void => {
    become({ kind: 'connecting' });
    const own = open(url);
    socket = own;
    silence.start();
    own.addEventListener('message', ({ data }) => {
      if (socket !== own || typeof data !== 'string') return;
      silence.heard();
      heardAtMs = Date.now();
      const message: TailMessage = JSON.parse(data);
      if (message.type === 'hello') {
        failures = 0;
        lostAtMs = undefined;
        become({ kind: 'open', hello: message.data });
      }
      onMessage(message);
    });
    own.addEventListener('close', ({ code, reason }) => {
      if (socket === own) lost(code, reason);
    });
    // `close` follows and says what went wrong; without a listener Node would end the process.
    own.addEventListener('error', () => undefined);
  };

  const lost = (code: number, reason: string, atMs = Date.now()): void => {
    socket = undefined;
    lostAtMs ??= atMs;
    silence.stop();
    if (hopeless.includes(code)) become({ kind: 'refused', code, reason });
    else if (options.isNeeded()) {
      failures += 1;
      const retryMs = withJitter(backoffMs(failures, { firstMs: retry.firstMs, maxMs: retry.longestMs }));
      timer = setTimeout(connect, retryMs);
      become({ kind: 'waiting', retryMs, code, sinceMs: lostAtMs });
    } else become({ kind: 'idle' });
  };

  const send = (message: ClientMessage): void => {
    if (status.kind === 'open') socket?.send(JSON.stringify(message));
  };

  const silence = createSilenceCheck({
    onSilent: () => send({ type: 'ping' }),
    onDead() {
      const old = socket;
      lost(1006, 'silent', heardAtMs);
      old?.close();
    },
  });

  return {
    connect,
    send,
    status: () => status,
    close() {
      const old = socket;
      socket = undefined;
      clearTimeout(timer);
      silence.stop();
      become({ kind: 'closed' });
      old?.close(1000);
    },
  };
}

/** A connection whose other end has disappeared looks like a silent one. */
function createSilenceCheck({ onSilent, onDead }: { readonly onSilent: () => void; readonly onDead: () => void }) {
  let heardAt = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  const check = (): void => {
    const silentMs = Date.now() - heardAt;
    if (silentMs < silenceMs) return;
    if (silentMs < 2 * silenceMs) onSilent();
    else onDead();
  };
  return {
    heard() {
      heardAt = Date.now();
    },
    start() {
      heardAt = Date.now();
      clearInterval(timer);
      timer = setInterval(check, silenceMs / 2);
    },
    stop: () => clearInterval(timer),
  };
}

/** Node's WebSocket takes headers as its second argument, a browser's only protocols; see the documentation of undici. */
function openGlobal(url: string, token: string | undefined): SocketLike {
  if (token === undefined) return new WebSocket(url, subprotocol);
  const init = { protocols: [subprotocol], headers: { authorization: `Bearer ${token}` } };
  return new WebSocket(url, init as string & typeof init);
}
