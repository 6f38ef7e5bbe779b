// A search through the whole output of a run, as the server streams it: the numbers of the lines that hold it, as they come.
import type { SearchAnswer } from '../../src/api/schema/answers.ts';
import { streamNdjson } from '../api/http.ts';
import { filterQuery, type OutputFilter } from './line.ts';

export type SearchState = {
  readonly query: string;
  /** Numbers of lines, rising. */
  readonly hits: readonly number[];
  /** The hit that is shown, from 0; -1 before the first jump. */
  readonly at: number;
  readonly status: 'idle' | 'searching' | 'done' | 'cut' | 'failed';
  /** 0 to 1. */
  readonly progress: number;
  readonly message: string;
};

export const noSearch: SearchState = { query: '', hits: [], at: -1, status: 'idle', progress: 0, message: '' };

/** Nobody jumps through more, and the numbers of a million hits would be 8 MB in a page that holds 5,000 lines. */
export const maxHits = 10_000;

export type Search = {
  readonly state: () => SearchState;
  readonly onChange: (listener: () => void) => () => void;
  readonly start: (query: string, filter: OutputFilter) => void;
  readonly stop: () => void;
  /** @returns the number of the line to show, if there is one */
  readonly step: (direction: 1 | -1, fromSeq: number) => number | undefined;
};

export function createSearch(runId: string): Search {
  let state = noSearch;
  let running: AbortController | undefined;
  const listeners = new Set<() => void>();
  const change = (part: Partial<SearchState>): void => {
    state = { ...state, ...part };
    for (const listener of [...listeners]) listener();
  };

  const run = async (query: string, filter: OutputFilter, own: AbortController): Promise<void> => {
    const params = new URLSearchParams(filterQuery(filter));
    params.set('q', query);
    params.set('limit', String(maxHits));
    const hits: number[] = [];
    let shownAt = 0;
    try {
      for await (const answer of streamNdjson<SearchAnswer>(`/runs/${runId}/search?${params}`, own.signal)) {
        if (own.signal.aborted) return;
        if ('hit' in answer) hits.push(answer.hit.seq);
        else if ('progress' in answer) {
          const { seq, headSeq } = answer.progress;
          change({ hits: [...hits], progress: headSeq === 0 ? 1 : seq / headSeq });
        } else change({ hits, progress: 1, status: hits.length >= maxHits ? 'cut' : 'done' });
        // The first hits are worth showing at once; later ones come with the progress.
        if (hits.length <= 50 && hits.length > shownAt) {
          shownAt = hits.length;
          change({ hits: [...hits] });
        }
      }
      if (state.status === 'searching') change({ hits, status: hits.length >= maxHits ? 'cut' : 'done', progress: 1 });
    } catch (error) {
      if (!own.signal.aborted)
        change({ status: 'failed', message: error instanceof Error ? error.message : String(error) });
    }
  };

  return {
    state: () => state,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    start(query, filter) {
      running?.abort();
      if (query === '') return change(noSearch);
      const own = new AbortController();
      running = own;
      change({ ...noSearch, query, status: 'searching' });
      void run(query, filter, own);
    },
    stop() {
      running?.abort();
      if (state.status === 'searching') change({ status: 'done' });
    },
    step(direction, fromSeq) {
      const at = nextHit(state.hits, state.at, direction, fromSeq);
      if (at === undefined) return undefined;
      change({ at });
      return state.hits[at];
    },
  };
}

/** Round the ends. The first jump goes to the nearest hit from where one reads. */
export function nextHit(hits: readonly number[], at: number, direction: 1 | -1, fromSeq: number): number | undefined {
  if (hits.length === 0) return undefined;
  if (at >= 0) return (at + direction + hits.length) % hits.length;
  if (direction === 1) {
    const next = hits.findIndex((seq) => seq >= fromSeq);
    return next === -1 ? 0 : next;
  }
  const before = hits.findLastIndex((seq) => seq < fromSeq);
  return before === -1 ? hits.length - 1 : before;
}
