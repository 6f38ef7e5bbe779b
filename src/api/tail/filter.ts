// From the filters of a watcher to the parts of records it wants. Pure but for the clock that stops a regular expression.
import { createContext, Script } from 'node:vm';
import type { JournalRecord } from '../../core/record.ts';
import { createSelector, parseSearch, type Search } from '../../runs/select-records.ts';
import type { Filters } from '../schema/messages.ts';

export type Filter = {
  /** Filters that want the same have the same key, so that what was made for one serves all. */
  readonly key: string;
  readonly wantsEvents: boolean;
  /**
   * The wanted parts, from the number `from` on.
   * @throws SlowSearch when the watcher's regular expression took longer than `searchMs`
   */
  readonly select: (records: readonly JournalRecord[], from: number) => readonly JournalRecord[];
};

/** A regular expression that backtracks without end, such as `/(a+)+$/`. */
export class SlowSearch extends Error {}

/** For one batch of lines, 1 MiB at most: a sensible expression takes some 10 ms, and everybody else waits so long. */
const searchMs = 250;

export function createFilter(filters: Filters = {}): Filter {
  const { streams, steps, severities, events = true } = filters;
  const search = searchOf(filters.search);
  const wanted = new Set(steps);
  const selection = { streams, severities, search, events };
  const plain = createSelector({ ...selection, steps });
  const select = (records: readonly JournalRecord[], from: number): readonly JournalRecord[] => {
    const late = records[0] !== undefined && records[0].seq < from;
    const selector = late ? createSelector({ ...selection, from: { kind: 'seq', seq: from } }) : plain;
    const parts: JournalRecord[] = [];
    for (const record of records) {
      const isOfRun = record.subject === undefined && record.kind === 'event';
      if (isOfRun ? events && record.seq >= from : steps === undefined || wanted.has(record.subject?.step ?? ''))
        parts.push(...(isOfRun ? [record] : selector.select(record)));
    }
    return parts;
  };
  const key = JSON.stringify([streams, steps, severities, filters.search, events]);
  return {
    key,
    wantsEvents: events,
    select: search?.kind === 'regex' ? (records, from) => timed(() => select(records, from)) : select,
  };
}

/** What a checked `search` looks for; nothing if it is empty. */
function searchOf(text: string | undefined): Search | undefined {
  if (text === undefined || text === '') return undefined;
  const parsed = parseSearch(text);
  return parsed.ok ? parsed.search : undefined;
}

type Timed = { run: (() => unknown) | undefined };

const context: Timed = createContext({ run: undefined }) as Timed;
const script = new Script('run()');

/**
 * Only the clock of `vm` can stop a regular expression: V8 looks for it while it backtracks. It costs some 50 µs.
 * @throws SlowSearch when it took longer than `searchMs`
 */
export function timed<T>(run: () => T): T {
  context.run = run;
  try {
    return script.runInContext(context as never, { timeout: searchMs }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw new SlowSearch();
    throw error;
  } finally {
    context.run = undefined;
  }
}
