// From the filters of a watcher to the parts of records it wants. Pure but for the clock that stops a regular expression.
import { createContext, Script } from 'node:vm';
import type { JournalRecord } from '../../core/record.ts';
import { createSelector, parseSearch, type Search } from '../../runs/select-records.ts';
import type { Filters } from '../schema/messages.ts';

export type Filter = {
  /** Filters that want the same have the same key, so that what was encoded for one is sent to all. */
  readonly key: string;
  readonly wantsEvents: boolean;
  /** Whether lines are compared by their text, for which they have to be whole. */
  readonly isWhole: boolean;
  /**
   * The wanted parts of a batch of records.
   * @throws SlowSearch if the regular expression took longer than `searchMs`
   */
  readonly select: (records: readonly JournalRecord[]) => readonly JournalRecord[];
};

/** A regular expression that backtracks without end, such as `/(a+)+$/`. */
export class SlowSearch extends Error {}

/** For one batch of lines, 1 MiB at most: a sensible expression takes some 10 ms, and all other watchers wait for it. */
const searchMs = 250;

export function createFilter(filters: Filters = {}): Filter {
  const { streams, steps, severities, events = true } = filters;
  const search = searchOf(filters.search);
  const { select: selectOne } = createSelector({ steps, streams, severities, search, events });
  const select = (records: readonly JournalRecord[]): readonly JournalRecord[] =>
    records.flatMap((record) => {
      // Whatever steps are wanted, what happened to the run as a whole is sent.
      if (record.subject === undefined && record.kind === 'event') return events ? [record] : [];
      return selectOne(record);
    });
  return {
    key: JSON.stringify([streams, steps, severities, filters.search, events]),
    wantsEvents: events,
    isWhole: severities !== undefined || search !== undefined,
    select: search?.kind === 'regex' ? (records) => timed(() => select(records)) : select,
  };
}

/** What a checked `search` looks for; nothing if it is empty. */
function searchOf(text: string | undefined): Search | undefined {
  if (text === undefined || text === '') return undefined;
  const parsed = parseSearch(text);
  return parsed.ok ? parsed.search : undefined;
}

const shared: { run: (() => void) | undefined } = { run: undefined };
const context = createContext(shared);
const script = new Script('run()');

/**
 * Only the clock of `vm` can stop a regular expression: V8 looks at it while it backtracks. It costs some 50 µs.
 * @throws SlowSearch if it took longer than `searchMs`
 */
export function timed<T>(run: () => T): T {
  let result: { readonly value: T } | undefined;
  shared.run = () => {
    result = { value: run() };
  };
  try {
    script.runInContext(context, { timeout: searchMs });
  } catch (error) {
    if (isTimeout(error)) throw new SlowSearch();
    throw error;
  } finally {
    shared.run = undefined;
  }
  if (result === undefined) throw new SlowSearch();
  return result.value;
}

/** The error is made in the other context, where `Error` is another class. */
function isTimeout(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}
