// The client of the WebSocket tail, for browsers and for Node 22 and later. It keeps one connection, makes it again when it breaks,
// and continues every subscription where it stopped: without gap and without repeat. Needs a global WebSocket. Called by the page and
// by programs, as `stepspan/client`.
import { patchView } from '../../runs/view-patch.ts';
import type { ClientMessage, ErrorData, Filters, ListMessage, StateMessage, TailMessage } from '../schema/messages.ts';
import type { RunAnswer, RunList } from '../schema/run.ts';
import { type ConnectionOptions, createConnection, type TailStatus } from './connection.ts';

export { patchView, type RunViewPatch } from '../../runs/view-patch.ts';
export type * from '../schema/messages.ts';
export type { RunAnswer, RunList } from '../schema/run.ts';
export type { ConnectionOptions as TailClientOptions, SocketLike, TailStatus } from './connection.ts';
export { closeCodes, limits, protocolVersion, subprotocol, tailPath } from './protocol.ts';

/** A message about what happened in one run, or about a subscription to it. */
export type RunMessage = Exclude<
  Extract<TailMessage, { readonly executionId: string; readonly seq: number }>,
  StateMessage
>;

export type SubscribeOptions = {
  readonly fromSeq?: number | 'end';
  readonly filters?: Filters;
  /** Every message about the run, in order, once. */
  readonly onMessage: (message: RunMessage) => void;
  /** The server ended the subscription, or refused it. */
  readonly onError?: (error: ErrorData) => void;
};

export type ClientSubscription = {
  /** The number that is wanted next; `end` before the first answer. Another client can continue from it. */
  readonly position: () => number | 'end';
  readonly jumpToNow: () => void;
  readonly unsubscribe: () => void;
};

export type WatchRunOptions = {
  /** The state of the run, each time it changes. Parts that did not change are the same objects. */
  readonly onView: (run: RunAnswer) => void;
  readonly onError?: (error: ErrorData) => void;
};

export type WatchedRuns = {
  /** Newest first. */
  readonly runs: RunList['runs'];
  /** False if there are older runs. */
  readonly isComplete: boolean;
};

export type TailClient = {
  /** Connects when it is the first. A second subscription to the same run replaces the first. */
  readonly subscribe: (executionId: string, options: SubscribeOptions) => ClientSubscription;
  /** As `subscribe`, for the state of the run. @returns ends it */
  readonly watchRun: (executionId: string, options: WatchRunOptions) => () => void;
  /** The newest runs, each time one of them changes. One at a time. @returns ends it */
  readonly watchRuns: (onRuns: (list: WatchedRuns) => void) => () => void;
  readonly status: () => TailStatus;
  readonly close: () => void;
};

type Entry = {
  readonly executionId: string;
  readonly options: SubscribeOptions;
  position: number | 'end';
  /** Of the last request; what comes before its answer is of an earlier one. */
  requestId: string;
  /** `asked`: the last request has no answer yet. `complete`: the run has ended and all of it was sent. */
  state: 'asked' | 'following' | 'complete';
};

/** The parts of a client answer to its connection in the same way. */
type Part = {
  readonly isOpen: () => boolean;
  /** Asks the server again for everything that is open, after a new connection. */
  readonly requestAll: () => void;
  readonly clear: () => void;
};

type Connected = {
  readonly send: (message: ClientMessage) => void;
  /** Connects if nothing was open before; then everything is asked for. */
  readonly request: (message: () => void) => void;
  readonly nextId: () => string;
};

export function createTailClient(options: ConnectionOptions): TailClient {
  let requests = 0;
  const connected: Connected = {
    send: (message) => connection.send(message),
    request(send) {
      if (connection.status().kind === 'idle') connection.connect();
      else if (connection.status().kind === 'open') send();
    },
    nextId() {
      requests += 1;
      return String(requests);
    },
  };
  const lines = createLineWatches(connected);
  const views = createViewWatches(connected);
  const list = createListWatch(connected);
  const parts: readonly Part[] = [lines, views, list];

  const take = (message: TailMessage): void => {
    switch (message.type) {
      case 'hello':
        for (const part of parts) part.requestAll();
        break;
      case 'pong':
        break;
      case 'error':
        lines.refuse(message.executionId ?? '', message.data);
        views.refuse(message.executionId ?? '', message.data);
        break;
      case 'run_view':
      case 'run_patch':
        views.take(message);
        break;
      case 'run_list':
      case 'run_list_patch':
        list.take(message);
        break;
      default:
        lines.take(message);
    }
  };

  const connection = createConnection({
    ...options,
    onMessage: take,
    isNeeded: () => parts.some((part) => part.isOpen()),
  });
  return {
    subscribe: lines.add,
    watchRun: views.add,
    watchRuns: list.set,
    status: connection.status,
    close() {
      for (const part of parts) part.clear();
      connection.close();
    },
  };
}

type ViewEntry = { readonly options: WatchRunOptions; requestId: string; view: RunAnswer | undefined };

/** The states of runs that are watched, by run. */
function createViewWatches({ send, request, nextId }: Connected) {
  const entries = new Map<string, ViewEntry>();
  const requestOne = (executionId: string, entry: ViewEntry): void => {
    entry.requestId = nextId();
    entry.view = undefined;
    send({ type: 'subscribe_view', id: entry.requestId, executionId });
  };
  return {
    isOpen: () => entries.size > 0,
    requestAll() {
      for (const [executionId, entry] of entries) requestOne(executionId, entry);
    },
    clear: () => entries.clear(),
    add(executionId: string, options: WatchRunOptions): () => void {
      const entry: ViewEntry = { options, requestId: '', view: undefined };
      entries.set(executionId, entry);
      request(() => requestOne(executionId, entry));
      return () => {
        if (entries.get(executionId) !== entry) return;
        entries.delete(executionId);
        send({ type: 'unsubscribe_view', executionId });
      };
    },
    refuse: (executionId: string, error: ErrorData): void => endRefused(entries, executionId, error),
    take(message: StateMessage): void {
      const entry = entries.get(message.executionId);
      if (entry === undefined) return;
      if (message.type === 'run_view') {
        if (message.data.id !== entry.requestId) return;
        entry.view = message.data.view;
      } else {
        // Without the whole view this patch cannot be applied: it is of an earlier request.
        if (entry.view === undefined) return;
        entry.view = { ...entry.view, ...patchView(entry.view, message.data.patch) };
      }
      entry.options.onView(entry.view);
    },
  } satisfies Part & Record<string, unknown>;
}

/** The list of runs, if it is watched. */
function createListWatch({ send, request }: Connected) {
  let watched: { readonly onRuns: (list: WatchedRuns) => void; list: WatchedRuns | undefined } | undefined;
  const requestAll = (): void => {
    if (watched !== undefined) send({ type: 'subscribe_runs' });
  };
  return {
    isOpen: () => watched !== undefined,
    requestAll,
    clear() {
      watched = undefined;
    },
    set(onRuns: (list: WatchedRuns) => void): () => void {
      const own = { onRuns, list: undefined };
      watched = own;
      request(requestAll);
      return () => {
        if (watched !== own) return;
        watched = undefined;
        send({ type: 'unsubscribe_runs' });
      };
    },
    take(message: ListMessage): void {
      if (watched === undefined) return;
      if (message.type === 'run_list') watched.list = message.data;
      else if (watched.list !== undefined) watched.list = patchRuns(watched.list, message.data);
      if (watched.list !== undefined) watched.onRuns(watched.list);
    },
  } satisfies Part & Record<string, unknown>;
}

function patchRuns(list: WatchedRuns, patch: { readonly runs: RunList['runs']; readonly removed: readonly string[] }) {
  const rows = new Map(list.runs.map((run) => [run.runId, run]));
  for (const run of patch.runs) rows.set(run.runId, run);
  for (const runId of patch.removed) rows.delete(runId);
  // Ids sort by time.
  const runs = [...rows.values()].sort((a, b) => (a.runId < b.runId ? 1 : -1));
  return { ...list, runs };
}

/** The subscriptions to lines and events, by run. */
function createLineWatches({ send, request, nextId }: Connected) {
  const entries = new Map<string, Entry>();
  const has = (entry: Entry): boolean => entries.get(entry.executionId) === entry;
  const open = (): readonly Entry[] => [...entries.values()].filter(({ state }) => state !== 'complete');

  const requestOne = (entry: Entry): void => {
    entry.requestId = nextId();
    entry.state = 'asked';
    const { executionId, requestId: id, position: fromSeq } = entry;
    const { filters } = entry.options;
    send({ type: 'subscribe_execution', id, executionId, fromSeq, ...(filters !== undefined && { filters }) });
  };

  return {
    isOpen: () => open().length > 0,
    requestAll() {
      for (const entry of open()) requestOne(entry);
    },
    clear: () => entries.clear(),
    add(executionId: string, options: SubscribeOptions): ClientSubscription {
      const position = options.fromSeq ?? 0;
      const entry: Entry = { executionId, options, position, requestId: '', state: 'asked' };
      entries.set(executionId, entry);
      request(() => requestOne(entry));
      return {
        position: () => entry.position,
        jumpToNow: () => has(entry) && send({ type: 'jump_to_now', executionId }),
        unsubscribe() {
          if (has(entry) && entries.delete(executionId)) send({ type: 'unsubscribe_execution', executionId });
        },
      };
    },
    refuse: (executionId: string, error: ErrorData): void => endRefused(entries, executionId, error),
    take(message: RunMessage): void {
      const entry = entries.get(message.executionId);
      if (entry === undefined) return;
      if (message.type === 'subscribed' && message.data.id === entry.requestId) {
        entry.state = 'following';
        entry.position = message.data.fromSeq;
      }
      if (entry.state === 'asked') return;
      entry.position = Math.max(entry.position === 'end' ? 0 : entry.position, message.seq + 1);
      if (message.type === 'caught_up' && message.data.ended) entry.state = 'complete';
      entry.options.onMessage(message);
    },
  } satisfies Part & Record<string, unknown>;
}

type Refusable = { readonly requestId: string; readonly options: { readonly onError?: (error: ErrorData) => void } };

/** Forgets what the server refused, and reports it; not if the answer is to an earlier request. */
function endRefused(entries: Map<string, Refusable>, executionId: string, error: ErrorData): void {
  const entry = entries.get(executionId);
  if (entry === undefined || error.id !== entry.requestId) return;
  entries.delete(executionId);
  entry.options.onError?.(error);
}
