// Watches one run: its detail, its live tail, its output feed and its search. One is open at a time, while its view is shown.
import type { RunDetail } from '../api/answers.ts';
import { type ApiFailure, getJson, tailUrl } from './api/http.ts';
import { openTail, type TailFrame, type TailStatus } from './api/tail-socket.ts';
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

export type RunSessionState = {
  readonly run: RunView | undefined;
  readonly failure: ApiFailure | undefined;
  readonly status: TailStatus;
  /** Counts events of a kind, so that a view that reads them by request knows when to ask again. */
  readonly claudeEvents: number;
  readonly spanEvents: number;
  /** Newest samples since the page was opened; those before come from the API. */
  readonly samples: readonly Sample[];
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
/** The chart thins to fewer; a sample a second for an hour. */
const maxSamples = 3_600;

export function openRunSession(
  runId: string,
  startSeq: number | undefined,
  onChange: (now: RunView, before: RunView | undefined) => void,
): RunSession {
  const store = createStore<RunSessionState>({
    run: undefined,
    failure: undefined,
    status: 'connecting',
    claudeEvents: 0,
    spanEvents: 0,
    samples: [],
  });
  let feed: Feed | undefined;
  let tail: { readonly close: () => void } | undefined;
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
    const answer = await getJson<RunDetail>(`/runs/${runId}`);
    if (closed) return;
    if (answer.ok) {
      const before = store.get().run;
      const run = viewOf(answer.value);
      start(run);
      store.set({ run, failure: undefined });
      onChange(run, before);
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
    tail = openTail({
      url: tailUrl(location),
      executionId: runId,
      fromSeq: run.headSeq,
      onFrame: take,
      onStatus: (status) => {
        // After a break the server may know more, or be another one.
        if (status === 'live' && store.get().status === 'reconnecting') schedule(0);
        store.set({ status });
      },
    });
  };

  const take = (frame: TailFrame): void => {
    feed?.take(frame);
    switch (frame.type) {
      case 'output_stream':
        schedule(idleRefreshMs / 2);
        break;
      case 'resource_update':
        store.set(({ samples }) => ({ samples: [...samples.slice(-maxSamples), sampleOf(frame)] }));
        schedule(idleRefreshMs / 2);
        break;
      case 'claude_event':
        store.set(({ claudeEvents, spanEvents }) => ({ claudeEvents: claudeEvents + 1, spanEvents: spanEvents + 1 }));
        schedule(refreshMs);
        break;
      case 'hello':
      case 'subscribed':
      case 'progress':
        break;
      case 'caught_up':
        if (frame.data?.ended === true) store.set({ status: 'ended' });
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

function sampleOf(frame: TailFrame): Sample {
  const data = frame.data as { step: string | null; cpuCores: number; rssBytes: number };
  return {
    timeMs: Date.parse(frame.timestamp ?? ''),
    step: data.step ?? undefined,
    cpuCores: data.cpuCores,
    rssBytes: data.rssBytes,
  };
}
