// The client of the WebSocket tail, for browsers and for Node 22 and later. Keeps one connection, makes it anew when it
// breaks, and takes every subscription up where it stopped: without gap and without repeat. Needs a global WebSocket.
import { backoffMs, withJitter } from '../../core/backoff.ts';
import {
  type ClientMessage,
  closeCodes,
  type ErrorData,
  type Filters,
  type HelloData,
  subprotocol,
  type TailMessage,
} from './protocol.ts';

export type * from './protocol.ts';
export { closeCodes, limits, protocolVersion, subprotocol, tailPath } from './protocol.ts';

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
  /** The connection broke; another try is made after `retryMs`. */
  | { readonly kind: 'waiting'; readonly retryMs: number; readonly code: number }
  | { readonly kind: 'closed' }
  /** Closed with a code that says that trying again does not help. */
  | { readonly kind: 'refused'; readonly code: number; readonly reason: string };

export type TailClientOptions = {
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

/** A message about one run. */
export type RunMessage = Extract<TailMessage, { readonly executionId: string; readonly seq: number }>;

export type SubscribeOptions = {
  readonly fromSeq?: number | 'end';
  readonly filters?: Filters;
  /** Every message about the run, in order, once. */
  readonly onMessage: (message: RunMessage) => void;
  /** The server ended the subscription, or refused it. */
  readonly onError?: (error: ErrorData) => void;
};

export type ClientSubscription = {
  /** The number that is wanted next; `end` before the first answer. What it gives can be handed to another client. */
  readonly position: () => number | 'end';
  readonly jumpToNow: () => void;
  readonly unsubscribe: () => void;
};

export type TailClient = {
  /** Connects when it is the first. A second subscription to the same run takes the place of the first. */
  readonly subscribe: (executionId: string, options: SubscribeOptions) => ClientSubscription;
  readonly status: () => TailStatus;
  readonly close: () => void;
};

/** Soon enough that a restart of the server is hardly seen, and seldom enough that a thousand clients do not storm it. */
const defaultRetry = { firstMs: 250, longestMs: 10_000 };

/** After so long a silence the server is asked for a sign; after as long again the connection counts as broken. */
const silenceMs = 30_000;

/** Codes that say that something is wrong with what this client sends. */
const hopeless: readonly number[] = [1002, closeCodes.binary, 1007, closeCodes.tooBig, closeCodes.badMessages];

type Entry = {
  readonly executionId: string;
  readonly options: SubscribeOptions;
  position: number | 'end';
  /** Of the last request; what comes before its answer is of an earlier one. */
  requestId: string;
  answered: boolean;
  /** The run is over and all of it was told. */
  complete: boolean;
};

export function createTailClient(options: TailClientOptions): TailClient {
  const { url, onStatus, retry = defaultRetry } = options;
  const open = options.open ?? ((at) => openGlobal(at, options.token));
  const entries = new Map<string, Entry>();
  let status: TailStatus = { kind: 'idle' };
  let socket: SocketLike | undefined;
  let failures = 0;
  let requests = 0;
  let heardAt = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let watch: ReturnType<typeof setInterval> | undefined;

  const become = (next: TailStatus): void => {
    status = next;
    onStatus?.(next);
  };

  const send = (message: ClientMessage): void => {
    if (status.kind === 'open') socket?.send(JSON.stringify(message));
  };

  const request = (entry: Entry): void => {
    requests += 1;
    entry.requestId = String(requests);
    entry.answered = false;
    const { executionId, requestId: id, position: fromSeq } = entry;
    const { filters } = entry.options;
    send({ type: 'subscribe_execution', id, executionId, fromSeq, ...(filters !== undefined && { filters }) });
  };

  const connect = (): void => {
    become({ kind: 'connecting' });
    const own = open(url);
    socket = own;
    heardAt = Date.now();
    own.addEventListener('message', ({ data }: { readonly data: unknown }) => {
      if (socket !== own || typeof data !== 'string') return;
      heardAt = Date.now();
      take(JSON.parse(data) as TailMessage);
    });
    own.addEventListener('close', ({ code, reason }: { readonly code: number; readonly reason: string }) => {
      if (socket === own) lost(code, reason);
    });
    // What went wrong is told by `close`, which follows; without a listener Node would end the process.
    own.addEventListener('error', () => undefined);
    clearInterval(watch);
    watch = setInterval(lookForSigns, silenceMs / 2);
  };

  const lost = (code: number, reason: string) => {
    socket = undefined;
    clearInterval(watch);
    if (hopeless.includes(code)) return become({ kind: 'refused', code, reason });
    if (!isNeeded()) return become({ kind: 'idle' });
    failures += 1;
    const retryMs = withJitter(backoffMs(failures, { firstMs: retry.firstMs, maxMs: retry.longestMs }));
    timer = setTimeout(connect, retryMs);
    become({ kind: 'waiting', retryMs, code });
  };

  const isNeeded = (): boolean => [...entries.values()].some((entry) => !entry.complete);

  /** A connection whose other end is gone without a word looks like a silent one. */
  const lookForSigns = () => {
    const silentMs = Date.now() - heardAt;
    if (silentMs < silenceMs) return;
    if (silentMs < 2 * silenceMs) return send({ type: 'ping' });
    const old = socket;
    lost(1006, 'silent');
    old?.close();
  };

  const take = (message: TailMessage): void => {
    switch (message.type) {
      case 'hello':
        failures = 0;
        become({ kind: 'open', hello: message.data });
        for (const entry of entries.values()) if (!entry.complete) request(entry);
        break;
      case 'pong':
        break;
      case 'error':
        refused(message.executionId, message.data);
        break;
      default:
        given(message);
    }
  };

  const refused = (executionId: string | null, error: ErrorData): void => {
    const entry = entries.get(executionId ?? '');
    if (entry === undefined || error.id !== entry.requestId) return;
    entries.delete(entry.executionId);
    entry.options.onError?.(error);
  };

  const given = (message: RunMessage): void => {
    const entry = entries.get(message.executionId);
    if (entry === undefined) return;
    if (message.type === 'subscribed' && message.data.id === entry.requestId) {
      entry.answered = true;
      entry.position = message.data.fromSeq;
    }
    if (!entry.answered) return;
    entry.position = Math.max(entry.position === 'end' ? 0 : entry.position, message.seq + 1);
    if (message.type === 'caught_up' && message.data.ended) entry.complete = true;
    entry.options.onMessage(message);
  };

  return {
    subscribe(executionId, wanted) {
      const entry: Entry = {
        executionId,
        options: wanted,
        position: wanted.fromSeq ?? 0,
        requestId: '',
        answered: false,
        complete: false,
      };
      entries.set(executionId, entry);
      if (status.kind === 'idle') connect();
      else if (status.kind === 'open') request(entry);
      const isMine = (): boolean => entries.get(executionId) === entry;
      return {
        position: () => entry.position,
        jumpToNow: () => isMine() && send({ type: 'jump_to_now', executionId }),
        unsubscribe() {
          if (!isMine()) return;
          entries.delete(executionId);
          send({ type: 'unsubscribe_execution', executionId });
        },
      };
    },
    status: () => status,
    close() {
      const old = socket;
      socket = undefined;
      clearTimeout(timer);
      clearInterval(watch);
      entries.clear();
      become({ kind: 'closed' });
      old?.close(1000);
    },
  };
}

/** Node's WebSocket takes headers where a browser's takes nothing more; see the documentation of undici. */
function openGlobal(url: string, token: string | undefined): SocketLike {
  const init =
    token === undefined ? subprotocol : { protocols: [subprotocol], headers: { authorization: `Bearer ${token}` } };
  return new WebSocket(url, init as string) as SocketLike;
}
