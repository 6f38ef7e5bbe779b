// What one connection watches: lines and events of runs, the state of runs, the list of runs. Carries out what its client asks for.
// Called by session.ts.
import { isRunId, type RunId } from '../../core/ids.ts';
import { unreachable } from '../../core/unreachable.ts';
import type { RunFolder } from '../../journal/index.ts';
import type {
  ClientMessage,
  ConnectionMessage,
  ErrorCode,
  Subscribe,
  SubscriptionMessage,
  TailMessage,
} from '../schema/messages.ts';
import type { Feed } from './feed.ts';
import type { Feeds } from './feeds.ts';
import { createFilter } from './filter.ts';
import type { Outbox } from './outbox.ts';
import { limits } from './protocol.ts';
import type { RunList } from './run-list.ts';
import { type Subscription, startSubscription } from './subscription.ts';
import { type StateSubscription, startListSubscription, startViewSubscription } from './view-subscription.ts';

/** What the connections of a server share. */
export type Shared = {
  readonly feeds: Feeds;
  readonly runList: RunList;
  readonly resolveRun: (runId: RunId) => RunFolder | undefined;
  readonly lagEveryMs: number;
  /** Receives how many numbers a client has jumped over. */
  readonly onJump: (count: number) => void;
};

export type Watches = {
  /** Called for one message after the other, since some of them read files. */
  readonly handle: (message: ClientMessage) => Promise<void>;
  /** Whether the client was sent the end of the run in each way in which it watches it. */
  readonly hasEndOf: (runId: RunId) => boolean;
  readonly stop: () => void;
};

/** A message without the time at which it is sent. */
type Untimed<M> = M extends TailMessage ? Omit<M, 'timestamp'> : never;
type AnswerBody = Untimed<ConnectionMessage | SubscriptionMessage>;

export type Answers = {
  readonly answer: (body: AnswerBody) => void;
  readonly refuse: (code: ErrorCode, message: string, executionId: string, id?: string) => void;
  readonly isOpen: () => boolean;
};

type Opened = { readonly feed: Feed; readonly release: () => void };

export function createWatches(shared: Shared, outbox: Outbox, answers: Answers): Watches {
  const lines = createOpenRuns<Subscription>();
  const views = createOpenRuns<StateSubscription>();
  let list: StateSubscription | undefined;

  const open = (executionId: string, id: string | undefined): Promise<Opened | undefined> => {
    const isFull = Math.max(lines.size(), views.size()) >= limits.maxSubscriptions;
    return openRun(shared, answers, { executionId, id, isFull });
  };

  const subscribeView = async (executionId: string, id: string | undefined): Promise<void> => {
    views.end(executionId);
    const opened = await open(executionId, id);
    if (opened === undefined) return;
    const { feed, release } = opened;
    const started = startViewSubscription(feed.reader.folder.runId, id ?? null, feed, outbox);
    views.add(executionId, started, () => {
      started.stop();
      release();
    });
  };

  const notWatched = (executionId: string): void =>
    answers.refuse('not_subscribed', 'This connection does not watch that run.', executionId);

  return {
    async handle(message) {
      switch (message.type) {
        case 'subscribe_execution': {
          // A second request for a run replaces the first: it may have other filters, or start at another place.
          lines.end(message.executionId);
          const opened = await open(message.executionId, message.id);
          if (opened !== undefined) await startLines({ ...shared, outbox, answers, lines }, message, opened);
          return;
        }
        case 'unsubscribe_execution':
          if (!lines.end(message.executionId)) notWatched(message.executionId);
          return;
        case 'jump_to_now': {
          const found = lines.get(message.executionId);
          if (found === undefined) notWatched(message.executionId);
          else found.jumpToNow();
          return;
        }
        case 'subscribe_view':
          return subscribeView(message.executionId, message.id);
        case 'unsubscribe_view':
          if (!views.end(message.executionId)) notWatched(message.executionId);
          return;
        case 'subscribe_runs':
          list?.stop();
          list = startListSubscription(shared.runList, outbox);
          return;
        case 'unsubscribe_runs':
          list?.stop();
          list = undefined;
          return;
        case 'ping':
          answers.answer({ type: 'pong', executionId: null, seq: null, data: { nonce: message.nonce ?? null } });
          return;
        default:
          unreachable(message);
      }
    },
    hasEndOf: (runId) =>
      (lines.get(runId)?.hasEnd() ?? true) &&
      (views.get(runId)?.hasEndOf(runId) ?? true) &&
      (list?.hasEndOf(runId) ?? true),
    stop() {
      lines.endAll();
      views.endAll();
      list?.stop();
    },
  };
}

type LineWatches = Pick<Shared, 'lagEveryMs' | 'onJump'> & {
  readonly outbox: Outbox;
  readonly answers: Answers;
  readonly lines: OpenRuns<Subscription>;
};

async function startLines(watches: LineWatches, message: Subscribe, { feed, release }: Opened): Promise<void> {
  const { outbox, answers, lines, lagEveryMs, onJump } = watches;
  const { executionId, id } = message;
  const onError = (code: ErrorCode, text: string): void => {
    if (!lines.end(executionId)) release();
    answers.refuse(code, text, executionId, id);
  };
  const start = await firstNumber(feed, message, onError);
  if (start === undefined) return;
  if (!answers.isOpen()) return release();
  const data = { id: id ?? null, fromSeq: start.from, headSeq: start.head };
  answers.answer({ type: 'subscribed', executionId, seq: start.from - 1, data });
  const { runId } = feed.reader.folder;
  const filter = createFilter(message.filters);
  const options = { runId, feed, filter, fromSeq: start.from, outbox, onError, lagEveryMs, onJump };
  const started = startSubscription(options);
  lines.add(executionId, started, () => {
    started.stop();
    release();
  });
}

type OpenRuns<T> = ReturnType<typeof createOpenRuns<T>>;

/** The runs that are watched in one way, with the function that ends each. */
function createOpenRuns<T>() {
  const runs = new Map<string, { readonly value: T; readonly end: () => void }>();
  const end = (executionId: string): boolean => {
    const found = runs.get(executionId);
    runs.delete(executionId);
    found?.end();
    return found !== undefined;
  };
  return {
    size: () => runs.size,
    get: (executionId: string): T | undefined => runs.get(executionId)?.value,
    add: (executionId: string, value: T, onEnd: () => void) => void runs.set(executionId, { value, end: onEnd }),
    end,
    endAll() {
      for (const executionId of [...runs.keys()]) end(executionId);
    },
  };
}

type Asked = { readonly executionId: string; readonly id: string | undefined; readonly isFull: boolean };

/** @returns undefined if the request was refused, or the connection has closed meanwhile */
async function openRun({ feeds, resolveRun }: Shared, answers: Answers, asked: Asked): Promise<Opened | undefined> {
  const { executionId, id, isFull } = asked;
  const folder = isRunId(executionId) ? resolveRun(executionId) : undefined;
  if (folder === undefined) {
    answers.refuse('not_found', `There is no run ${JSON.stringify(executionId)}.`, executionId, id);
  } else if (isFull) {
    const message = `A connection can watch ${limits.maxSubscriptions} runs; unsubscribe one.`;
    answers.refuse('too_many_subscriptions', message, executionId, id);
  } else {
    try {
      const opened = await feeds.take(folder);
      if (answers.isOpen()) return opened;
      opened.release();
    } catch (error) {
      answers.refuse('journal_unreadable', error instanceof Error ? error.message : String(error), executionId, id);
    }
  }
  return undefined;
}

/** The number that a subscription begins with, and that of the next record. */
async function firstNumber(
  feed: Feed,
  { fromSeq = 0 }: Subscribe,
  fail: (code: ErrorCode, message: string) => void,
): Promise<{ readonly from: number; readonly head: number } | undefined> {
  try {
    const { nextSeq, finished } = await feed.reader.head();
    const head = Math.max(nextSeq, feed.nextSeq());
    // If the run has ended, its last record is what remains to be shown.
    const from = fromSeq === 'end' ? (finished ? Math.max(0, head - 1) : head) : fromSeq;
    if (from <= head) return { from, head };
    fail('beyond_end', `The journal ends before number ${head}, so nothing can continue at ${from}.`);
  } catch (error) {
    fail('journal_unreadable', error instanceof Error ? error.message : String(error));
  }
  return undefined;
}
