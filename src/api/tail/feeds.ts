// The live ends that are watched: opened for the first watcher of a run, closed after the last.
import type { RunId } from '../../core/ids.ts';
import type { JournalReader, RunFolder } from '../../journal/index.ts';
import { type Feed, openFeed } from './feed.ts';
import type { Describer } from './live-run.ts';

export type Feeds = {
  /** Each feed that is taken must be released once. Rejects if the journal cannot be read. */
  readonly take: (folder: RunFolder) => Promise<{ readonly feed: Feed; readonly release: () => void }>;
  readonly stop: () => void;
};

type Held = { readonly opening: Promise<Feed>; readonly ending: AbortController; users: number };

export function createFeeds(openRun: (folder: RunFolder) => JournalReader, describer: Describer): Feeds {
  const held = new Map<RunId, Held>();

  const drop = (runId: RunId, one: Held): void => {
    one.users -= 1;
    if (one.users > 0) return;
    one.ending.abort();
    if (held.get(runId) === one) held.delete(runId);
  };

  return {
    async take(folder) {
      const { runId } = folder;
      let one = held.get(runId);
      if (one === undefined) {
        const ending = new AbortController();
        one = { opening: openFeed(openRun(folder), describer, ending.signal), ending, users: 0 };
        held.set(runId, one);
      }
      const taken = one;
      taken.users += 1;
      let released = false;
      const release = (): void => {
        if (!released) drop(runId, taken);
        released = true;
      };
      try {
        const feed = await taken.opening;
        // A feed that has failed is not used again: its cause may be gone when the next watcher comes.
        if (feed.failure() !== undefined) held.delete(runId);
        return { feed, release };
      } catch (error) {
        release();
        throw error;
      }
    },
    stop() {
      for (const { ending } of held.values()) ending.abort();
      held.clear();
    },
  };
}
