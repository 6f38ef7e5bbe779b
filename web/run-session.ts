// Watches one run: its detail, its live tail, its output feed and its search. One is open at a time, while its view is shown.

import type { RunAnswer } from '../src/api/schema/run.ts';
import { createTailClient, type RunMessage, type TailClient, type TailStatus } from '../src/api/tail/client.ts';
import { unreachable } from '../src/core/unreachable.ts';
import { type ApiFailure, getJson, tailUrl } from './api/http.ts';
import { viewOf } from './api/views.ts';
import { isOpen, type RunView } from './model/run-view.ts';
import { createFeed, type Feed } from './output/feed.ts';
import { createSearch, type Search } from './output/search.ts';
import { createStore, type Store } from './store.ts';

export type Sample = {
  readonly timeMs: number;
  readonly step: string | undefined;
  readonly cpuCores: number;
  readonly rssBytes: number;
};

/** How the live tail stands, as far as somebody who looks at the run wants to know. */
export type LiveStatus = 'connecting' | 'live' | 'reconnecting' | 'ended' | 'refused';

export type RunSessionState = {
  readonly run: RunView | undefined;
  readonly failure: ApiFailure | undefined;
  readonly status: LiveStatus;
  /** Counts events of a kind, so that a view that reads them by request knows when to ask again. */
  readonly claudeEvents: number;
  readonly spanEvents: number;
  /** Newest samples since the page was opened; those before come from the API. */
  readonly samples: readonly Sample[];
  /** Counts what the tail passed over, so that a view that collects what comes live knows that it has a hole. */
  readonly jumps: number;
};

export type RunSession = {
  readonly runId: string;
  readonly store: Store<RunSessionState>;
  readonly feed: () => Feed | undefined;
  readonly search: Search;
  readonly refresh: () => void;
  readonly close: () => void;
};

/** A step that prints and samples fast must not have the whole detail read more often than this. */
const refreshMs = 700;
/** Progress, cost and duration move without an event that says so. */
const idleRefreshMs = 5_000;
/** A person waits for a hub that is started again, so the page looks for it more often than a program would. */
const tailRetry = { firstMs: 300, longestMs: 5_000 };
/** The chart thins to fewer; a sample a second for an hour. */
const maxSamples = 3_600;

/** @param onChange is told when the run stands otherwise than before */
export function openRunSession(runId: string, startSeq: number | undefined, onChange: () => void): RunSession {
  const store = createStore<RunSessionState>({
    run: undefined,
    failure: undefined,
    status: 'connecting',
    claudeEvents: 0,
    spanEvents: 0,
    samples: [],
    jumps: 0,
  });
  let feed: Feed | undefined;
  let tail: TailClient | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let closed = false;

  const schedule = (ms: number): void => {
    const at = Date.now() + ms;
    if (closed || at >= dueAt) return;
    clearTimeout(timer);
    dueAt = at;
    timer = setTimeout(() => void refresh(), ms);
  };

  const refresh = async (): Promise<void> => {
    clearTimeout(timer);
    dueAt = Number.POSITIVE_INFINITY;
    const answer = await getJson<RunAnswer>(`/runs/${runId}`);
    if (closed) return;
    if (answer.ok) {
      const before = store.get().run;
      const run = viewOf(answer.value);
      start(run);
      store.set({ run, failure: undefined });
      if (before?.status !== run.status || before.alerts.length !== run.alerts.length) onChange();
      if (isOpen(run.status)) schedule(idleRefreshMs);
    } else {
      store.set({ failure: answer.failure });
      if (answer.failure.kind === 'unreachable') schedule(idleRefreshMs / 2);
    }
  };

  /** The tail begins where the detail ended, and the feed reads at least as far: so no line falls between the two. */
  const start = (run: RunView): void => {
    if (feed !== undefined) return;
    feed = createFeed(runId, run.headSeq, startSeq);
    tail = createTailClient({ url: tailUrl(location), onStatus: stand, retry: tailRetry });
    const subscription = tail.subscribe(runId, {
      fromSeq: run.headSeq,
      onMessage: (message) => {
        // What is passed over is read by range when it is looked at, so there is no need to be sent all of it.
        if (message.type === 'lagging') subscription.jumpToNow();
        else take(message);
      },
      onError: () => store.set({ status: 'refused' }),
    });
  };

  const stand = (now: TailStatus): void => {
    const { status } = store.get();
    if (status === 'ended') return;
    switch (now.kind) {
      case 'idle':
      case 'closed':
      case 'connecting':
        break;
      case 'open':
        // After a break the server may know more, or be another one.
        if (status === 'reconnecting') schedule(0);
        store.set({ status: 'live' });
        break;
      case 'waiting':
        store.set({ status: 'reconnecting' });
        break;
      case 'refused':
        store.set({ status: 'refused' });
        break;
      default:
        unreachable(now);
    }
  };

  const take = (message: RunMessage): void => {
    feed?.take(message);
    switch (message.type) {
      case 'output_stream':
        schedule(idleRefreshMs / 2);
        break;
      case 'resource_update':
        store.set(({ samples }) => ({ samples: [...samples.slice(-maxSamples), sampleOf(message)] }));
        schedule(idleRefreshMs / 2);
        break;
      case 'claude_event':
        store.set(({ claudeEvents, spanEvents }) => ({ claudeEvents: claudeEvents + 1, spanEvents: spanEvents + 1 }));
        schedule(refreshMs);
        break;
      case 'jumped':
        store.set(({ claudeEvents, spanEvents, jumps }) => ({
          ...{ claudeEvents: claudeEvents + 1, spanEvents: spanEvents + 1, jumps: jumps + 1 },
        }));
        schedule(refreshMs);
        break;
      case 'subscribed':
      case 'progress':
      case 'lagging':
        break;
      case 'caught_up':
        if (message.data.ended) store.set({ status: 'ended' });
        break;
      default:
        store.set(({ spanEvents }) => ({ spanEvents: spanEvents + 1 }));
        schedule(refreshMs);
    }
  };

  void refresh();
  return {
    runId,
    store,
    feed: () => feed,
    search: createSearch(runId),
    refresh: () => schedule(0),
    close() {
      closed = true;
      clearTimeout(timer);
      tail?.close();
      feed?.close();
    },
  };
}

function sampleOf({ timestamp, data }: Extract<RunMessage, { readonly type: 'resource_update' }>): Sample {
  return {
    timeMs: Date.parse(timestamp),
    step: data.step ?? undefined,
    cpuCores: data.cpuCores,
    rssBytes: data.rssBytes,
  };
}
