// Which lines a request wants, by step, stream, severity and text. Called by the routes that return lines and by those that search.
import type { z } from 'zod';
import type { JournalRecord } from '../../core/record.ts';
import { createSelector, parseRegex, parseSearch, type Search } from '../../runs/index.ts';
import type { outputQuery } from '../schema/requests.ts';
import { SlowSearch, timed } from '../tail/filter.ts';
import { ApiProblem } from './problem.ts';

export type LineSelector = {
  /** The wanted parts of a batch of records. */
  readonly select: (records: readonly JournalRecord[]) => readonly JournalRecord[];
  /** Whether lines are compared by their text, for which they have to be whole. */
  readonly isWhole: boolean;
};

type LineFilter = Partial<Pick<z.infer<typeof outputQuery>, 'step' | 'stream' | 'severity'>>;

export function selectorOf({ step: steps, stream, severity }: LineFilter, search: Search | undefined): LineSelector {
  const { select } = createSelector({ steps, streams: stream, severities: severity, search, events: false });
  const all: LineSelector['select'] = (records) => records.flatMap((record) => select(record));
  return {
    select: search?.kind === 'regex' ? (records) => timely(() => all(records)) : all,
    isWhole: severity !== undefined || search !== undefined,
  };
}

/** An expression that backtracks without end must not hold up all other requests. */
function timely<T>(run: () => T): T {
  try {
    return timed(run);
  } catch (error) {
    if (!(error instanceof SlowSearch)) throw error;
    const message = 'The regular expression takes too long.';
    throw new ApiProblem(
      400,
      'slow_search',
      message,
      'Write it without repeats inside of repeats, or search for a text.',
    );
  }
}

/** @param text its schema has checked that it can be read */
export function searchOf(text: string | undefined, isRegex: boolean): Search | undefined {
  if (text === undefined) return undefined;
  const parsed = isRegex ? parseRegex(text) : parseSearch(text);
  return parsed.ok ? parsed.search : undefined;
}
