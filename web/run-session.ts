// Watches one run: its state, its live tail, its output and its search. One is open at a time, while its view is shown. The server
// sends what changes; nothing is asked for again.
import { createTailClient, type RunMessage, type TailStatus } from '../src/api/tail/client.ts';
import { unreachable } from '../src/core/unreachable.ts';
import { type ApiFailure, tailUrl } from './api/http.ts';
import { type LostContact, lostContact } from './model/contact.ts';
import { lineCount, type Run } from './model/run.ts';
import { createFeed, type Feed, type FeedStart } from './output/feed.ts';
import { createFolds, type Folds } from './output/folds.ts';
import { createSearch, type Search } from './output/search.ts';
import { createStore, type Store } from './store.ts';

export type Sample = {
  readonly timeMs: number;
  readonly step: string | undefined;
  readonly cpuCores: number;
  readonly rssBytes: number;
};

/** The state of the live tail, as far as somebody who looks at the run wants to know. */
export type LiveStatus = 'connecting' | 'live' | 'reconnecting' | 'ended' | 'refused';

export type RunSessionState = {
  readonly run: Run | undefined;
  readonly failure: ApiFailure | undefined;
  readonly status: LiveStatus;
  readonly lost: LostContact | undefined;
  /** Counts events of a kind, so that a view that reads them by request knows when there is more. */
  readonly claudeEvents: number;
  readonly spanEvents: number;
  /** Newest samples since the page was opened; those before come from the API. */
  readonly samples: readonly Sample[];
  /** Counts what the tail skipped, so that a view that collects what comes live knows that it has a hole. */
  readonly jumps: number;
};

export type RunSession = {
  readonly runId: string;
  readonly store: Store<RunSessionState>;
  readonly feed: () => Feed | undefined;
  readonly search: Search;
  readonly folds: Folds;
  readonly close: () => void;
};

/** A person waits for a hub that is started again, so the page looks for it more often than a program would. */
const tailRetry = { firstMs: 300, longestMs: 5_000 };
/** The chart thins to fewer; a sample a second for an hour. */
const maxSamples = 3_600;

const initial: RunSessionState = {
  run: undefined,
  failure: undefined,
  status: 'connecting',
  lost: undefined,
  claudeEvents: 0,
  spanEvents: 0,
  samples: [],
  jumps: 0,
};

export function openRunSession(runId: string, begin: FeedStart): RunSession {
  const store = createStore<RunSessionState>(initial);
  let feed: Feed | undefined;

  const showStatus = (now: TailStatus): void => {
    const { status, lost } = store.get();
    store.set({ lost: lostContact(now, lost), ...(status !== 'ended' && { status: liveStatus(now, status) }) });
  };

  /** The tail begins where the first state ended, and the feed reads at least as far: so no line is missed between the two. */
  const start = (run: Run): void => {
    feed = createFeed(runId, { seq: run.nextSeq, lines: lineCount(run) }, begin);
    const subscription = tail.subscribe(runId, {
      fromSeq: run.nextSeq,
      onMessage: (message) => {
        // What is skipped is read by range when it is looked at, so there is no need to be sent all of it.
        if (message.type === 'lagging') subscription.jumpToNow();
        else {
          feed?.take(message);
          store.set((now) => changeOf(message, now));
        }
      },
      onError: () => store.set({ status: 'refused' }),
    });
  };

  const tail = createTailClient({ url: tailUrl(location), onStatus: showStatus, retry: tailRetry });
  tail.watchRun(runId, {
    onView(run) {
      if (feed === undefined) start(run);
      store.set({ run, failure: undefined });
    },
    onError: ({ code, message }) =>
      store.set({ failure: { kind: code === 'not_found' ? 'not_found' : 'refused', message, fix: '' } }),
  });
  return {
    runId,
    store,
    feed: () => feed,
    search: createSearch(runId),
    folds: createFolds(),
    close() {
      tail.close();
      feed?.close();
    },
  };
}

function liveStatus(now: TailStatus, before: LiveStatus): LiveStatus {
  switch (now.kind) {
    case 'idle':
    case 'closed':
    case 'connecting':
      return before;
    case 'open':
      return 'live';
    case 'waiting':
      return 'reconnecting';
    case 'refused':
      return 'refused';
    default:
      return unreachable(now);
  }
}

/** What a message changes beside the output. */
function changeOf(message: RunMessage, now: RunSessionState): Partial<RunSessionState> {
  const { claudeEvents, spanEvents, jumps, samples } = now;
  switch (message.type) {
    case 'resource_update':
      return { samples: [...samples.slice(-maxSamples), sampleOf(message)] };
    case 'claude_event':
      return { claudeEvents: claudeEvents + 1, spanEvents: spanEvents + 1 };
    case 'jumped':
      return { claudeEvents: claudeEvents + 1, spanEvents: spanEvents + 1, jumps: jumps + 1 };
    case 'caught_up':
      return message.data.ended ? { status: 'ended' } : {};
    case 'output_stream':
    case 'subscribed':
    case 'progress':
    case 'lagging':
      return {};
    default:
      return { spanEvents: spanEvents + 1 };
  }
}

function sampleOf({ timestamp, data }: Extract<RunMessage, { readonly type: 'resource_update' }>): Sample {
  const { step, cpuCores, rssBytes } = data;
  return { timeMs: Date.parse(timestamp), step: step ?? undefined, cpuCores, rssBytes };
}
