// The client of the WebSocket tail, for browsers and for Node 22 and later. It keeps one connection, makes it again when it breaks,
// and continues every subscription where it stopped: without gap and without repeat. Needs a global WebSocket.
import { patchView, type RunViewPatch } from '../../runs/view-patch.ts';
import type { ErrorData, Filters, ListMessage, StateMessage, TailMessage } from '../schema/messages.ts';
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
  answered: boolean;
  /** The run has ended and all of it was sent. */
  complete: boolean;
};

type ViewEntry = { readonly options: WatchRunOptions; requestId: string; view: RunAnswer | undefined };

export function createTailClient(options: ConnectionOptions): TailClient {
  const lines = createLineEntries();
  const views = new Map<string, ViewEntry>();
  let runs: { readonly onRuns: (list: WatchedRuns) => void; list: WatchedRuns | undefined } | undefined;
  let requests = 0;

  const nextId = (): string => {
    requests += 1;
    return String(requests);
  };

  const requestLines = (entry: Entry): void => {
    entry.requestId = nextId();
    entry.answered = false;
    const { executionId, requestId: id, position: fromSeq } = entry;
    const { filters } = entry.options;
    connection.send({
      type: 'subscribe_execution',
      id,
      executionId,
      fromSeq,
      ...(filters !== undefined && { filters }),
    });
  };

  const requestView = (executionId: string, entry: ViewEntry): void => {
    entry.requestId = nextId();
    entry.view = undefined;
    connection.send({ type: 'subscribe_view', id: entry.requestId, executionId });
  };

  const requestAll = (): void => {
    for (const entry of lines.open()) requestLines(entry);
    for (const [executionId, entry] of views) requestView(executionId, entry);
    if (runs !== undefined) connection.send({ type: 'subscribe_runs' });
  };

  const take = (message: TailMessage): void => {
    switch (message.type) {
      case 'hello':
        requestAll();
        break;
      case 'pong':
        break;
      case 'error':
        refused(message.executionId ?? '', message.data);
        break;
      case 'run_view':
      case 'run_patch':
        takeView(message);
        break;
      case 'run_list':
      case 'run_list_patch':
        takeRuns(message);
        break;
      default:
        lines.take(message);
    }
  };

  const refused = (executionId: string, error: ErrorData): void => {
    lines.refuse(executionId, error);
    const entry = views.get(executionId);
    if (entry === undefined || error.id !== entry.requestId) return;
    views.delete(executionId);
    entry.options.onError?.(error);
  };

  const takeView = (message: StateMessage): void => {
    const entry = views.get(message.executionId);
    if (entry === undefined) return;
    if (message.type === 'run_view') {
      if (message.data.id !== entry.requestId) return;
      entry.view = message.data.view;
    } else {
      // Without the whole there is nothing to change: this patch is of an earlier request.
      if (entry.view === undefined) return;
      const patch = message.data.patch as RunViewPatch;
      entry.view = { ...entry.view, ...patchView(entry.view, patch) };
    }
    entry.options.onView(entry.view);
  };

  const takeRuns = (message: ListMessage): void => {
    if (runs === undefined) return;
    if (message.type === 'run_list') runs.list = message.data;
    else if (runs.list !== undefined) runs.list = patchRuns(runs.list, message.data);
    if (runs.list !== undefined) runs.onRuns(runs.list);
  };

  const connection = createConnection(options, take, () => lines.open().length + views.size > 0 || runs !== undefined);
  const connectIfIdle = (request: () => void): void => {
    if (connection.status().kind === 'idle') connection.connect();
    else if (connection.status().kind === 'open') request();
  };

  return {
    subscribe(executionId, wanted) {
      const entry = lines.add(executionId, wanted);
      connectIfIdle(() => requestLines(entry));
      return {
        position: () => entry.position,
        jumpToNow: () => lines.has(entry) && connection.send({ type: 'jump_to_now', executionId }),
        unsubscribe() {
          if (lines.remove(entry)) connection.send({ type: 'unsubscribe_execution', executionId });
        },
      };
    },
    watchRun(executionId, wanted) {
      const entry: ViewEntry = { options: wanted, requestId: '', view: undefined };
      views.set(executionId, entry);
      connectIfIdle(() => requestView(executionId, entry));
      return () => {
        if (views.get(executionId) !== entry) return;
        views.delete(executionId);
        connection.send({ type: 'unsubscribe_view', executionId });
      };
    },
    watchRuns(onRuns) {
      const own = { onRuns, list: undefined };
      runs = own;
      connectIfIdle(() => connection.send({ type: 'subscribe_runs' }));
      return () => {
        if (runs !== own) return;
        runs = undefined;
        connection.send({ type: 'unsubscribe_runs' });
      };
    },
    status: connection.status,
    close() {
      lines.clear();
      views.clear();
      runs = undefined;
      connection.close();
    },
  };
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
function createLineEntries() {
  const entries = new Map<string, Entry>();
  const has = (entry: Entry): boolean => entries.get(entry.executionId) === entry;
  return {
    has,
    open: (): readonly Entry[] => [...entries.values()].filter((entry) => !entry.complete),
    clear: () => entries.clear(),
    add(executionId: string, options: SubscribeOptions): Entry {
      const position = options.fromSeq ?? 0;
      const entry = { executionId, options, position, requestId: '', answered: false, complete: false };
      entries.set(executionId, entry);
      return entry;
    },
    remove: (entry: Entry): boolean => has(entry) && entries.delete(entry.executionId),
    refuse(executionId: string, error: ErrorData): void {
      const entry = entries.get(executionId);
      if (entry === undefined || error.id !== entry.requestId) return;
      entries.delete(executionId);
      entry.options.onError?.(error);
    },
    take(message: RunMessage): void {
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
    },
  };
}
