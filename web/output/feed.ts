// Keeps the window of lines filled: loads ranges around what is looked at, stitches the live tail to its end without a gap.
// Owns the window of one run; draws nothing.
import type { LineAnswer, OutputAnswer } from '../../src/api/schema/answers.ts';
import type { RunMessage } from '../../src/api/tail/client.ts';
import { getJson } from '../api/http.ts';
import { lineOf, msOfNsText } from '../api/views.ts';
import { everything, filterQuery, joinLines, type OutputFilter, type OutputLine, wants } from './line.ts';
import {
  appendBehind,
  appendLines,
  chunkLines,
  emptyWindow,
  heldUpTo,
  indexOfSeq,
  marginLines,
  type OutputWindow,
  prependLines,
} from './window.ts';

export type FeedState = {
  readonly window: OutputWindow;
  readonly filter: OutputFilter;
  /** True while the newest lines are shown as they come. */
  readonly following: boolean;
  /** The number at the top of the screen; of no meaning while following. */
  readonly topSeq: number;
  readonly headSeq: number;
  readonly firstSeq: number;
  readonly loading: boolean;
  readonly failure: string;
  /** Lines before this number were cleared from the screen; they are still in the journal. */
  readonly clearedBefore: number;
  /** Lines that the tail passed over in all, because this page could not take them as fast as they came. */
  readonly jumpedLines: number;
};

export type Feed = {
  readonly state: () => FeedState;
  readonly onChange: (listener: () => void) => () => void;
  readonly take: (message: RunMessage) => void;
  readonly setFilter: (filter: OutputFilter) => void;
  readonly follow: () => void;
  /** Somebody scrolled: shows from this line of the window on. */
  readonly showIndex: (index: number) => void;
  /** Jumps to any line of the run. */
  readonly showSeq: (seq: number) => void;
  readonly clear: () => void;
  readonly close: () => void;
};

/** Live lines that came while a range was on its way. Past it the range is asked for again, so none is lost. */
const heldLive = 4_000;

/** @param headSeq as the run was told to be just before; the live tail must begin there, so that no line falls between */
export function createFeed(runId: string, headSeq: number, startSeq: number | undefined): Feed {
  let state: FeedState = {
    window: emptyWindow,
    filter: everything,
    following: startSeq === undefined,
    topSeq: startSeq ?? 0,
    headSeq,
    firstSeq: 0,
    loading: true,
    failure: '',
    clearedBefore: 0,
    jumpedLines: 0,
  };
  const listeners = new Set<() => void>();
  let request: AbortController | undefined;
  let held: OutputLine[] = [];
  let heldOverflow = false;

  const change = (part: Partial<FeedState>): void => {
    state = { ...state, ...part };
    for (const listener of [...listeners]) listener();
  };

  const ask = async (query: string): Promise<OutputAnswer | undefined> => {
    request?.abort();
    const own = new AbortController();
    request = own;
    change({ loading: true });
    const filter = filterQuery(state.filter);
    const path = `/runs/${runId}/output?${query}${filter === '' ? '' : `&${filter}`}`;
    const answer = await getJson<OutputAnswer>(path, own.signal);
    if (own.signal.aborted) return undefined;
    request = undefined;
    if (!answer.ok) {
      change({ loading: false, failure: answer.failure.message });
      return undefined;
    }
    const { firstSeq } = answer.value;
    change({ loading: false, failure: '', headSeq: Math.max(state.headSeq, answer.value.headSeq), firstSeq });
    return answer.value;
  };

  /** Behind a range that reached the end comes what was printed while it was read. */
  const stitched = (window: OutputWindow): OutputWindow => {
    const next = heldOverflow ? { ...window, atEnd: false } : appendLines(window, held, true);
    held = [];
    heldOverflow = false;
    return next;
  };

  const loadAround = async (seq: number): Promise<void> => {
    held = [];
    heldOverflow = false;
    const answer = await ask(`anchor=${seq}&before=${chunkLines}&after=${chunkLines}`);
    if (answer === undefined) return;
    const lines = joinLines([], shown(answer.lines));
    const window = { lines, atStart: answer.prevSeq <= answer.firstSeq, atEnd: answer.nextSeq >= answer.headSeq };
    change({ window: window.atEnd ? stitched(window) : window });
    fill();
  };

  const loadAfter = async (): Promise<void> => {
    const held = heldUpTo(state.window);
    const from = held === -1 ? state.topSeq : held + 1;
    const answer = await ask(`from=${from}&limit=${chunkLines}`);
    if (answer === undefined) return;
    const atEnd = answer.nextSeq >= answer.headSeq;
    const window = appendLines(state.window, shown(answer.lines), atEnd);
    change({ window: atEnd ? stitched(window) : window });
    fill();
  };

  const loadBefore = async (): Promise<void> => {
    const first = state.window.lines[0]?.seq ?? 0;
    const answer = await ask(`anchor=${first}&before=${chunkLines}&after=0`);
    if (answer === undefined) return;
    change({ window: prependLines(state.window, shown(answer.lines), answer.prevSeq <= answer.firstSeq) });
  };

  const shown = (lines: readonly LineAnswer[]): readonly OutputLine[] =>
    lines.map(lineOf).filter((line) => line.seq >= state.clearedBefore);

  /** Asks for more where the screen comes near to an edge of the window. */
  const fill = (): void => {
    if (request !== undefined) return;
    const { window, following } = state;
    if (following) {
      if (!window.atEnd) void loadAround(state.headSeq);
      return;
    }
    const at = indexOfSeq(window, state.topSeq);
    if (!window.atEnd && window.lines.length - at < marginLines) void loadAfter();
    else if (!window.atStart && at < marginLines && state.clearedBefore === 0) void loadBefore();
  };

  const takeLive = (fresh: readonly OutputLine[]): void => {
    const lines = fresh.filter((line) => wants(state.filter, line) && line.seq >= state.clearedBefore);
    const head = Math.max(state.headSeq, (fresh.at(-1)?.seq ?? -1) + 1);
    if (request !== undefined) {
      held.push(...lines);
      if (held.length > heldLive) {
        held = [];
        heldOverflow = true;
      }
    }
    const window = state.following
      ? state.window.atEnd
        ? appendLines(state.window, lines, true)
        : state.window
      : appendBehind(state.window, lines);
    change({ window, headSeq: head });
  };

  void loadAround(startSeq ?? headSeq);

  return {
    state: () => state,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    take(message) {
      if (message.type === 'output_stream' || message.type === 'log_entry') takeLive(linesOf(message));
      // Passed over or not in the journal any more: what belongs in between is asked for by range.
      else if (message.type === 'jumped') {
        const { toSeq, lines } = message.data;
        const jumpedLines = state.jumpedLines + lines;
        change({ window: { ...state.window, atEnd: false }, headSeq: Math.max(state.headSeq, toSeq), jumpedLines });
        // A range that is on its way may have been read before the numbers that were passed over.
        if (request === undefined) fill();
        else heldOverflow = true;
      }
    },
    setFilter(filter) {
      change({ filter, window: emptyWindow });
      void loadAround(state.following ? state.headSeq : state.topSeq);
    },
    follow() {
      change({ following: true });
      fill();
    },
    showIndex(index) {
      const line = state.window.lines[Math.max(0, Math.min(index, state.window.lines.length - 1))];
      if (line === undefined) return;
      change({ following: false, topSeq: line.seq });
      fill();
    },
    showSeq(seq) {
      const { lines } = state.window;
      const inside = (lines[0]?.seq ?? Number.POSITIVE_INFINITY) <= seq && seq <= heldUpTo(state.window);
      change({ following: false, topSeq: seq, clearedBefore: Math.min(state.clearedBefore, seq) });
      if (inside) fill();
      else void loadAround(seq);
    },
    clear() {
      change({ window: { lines: [], atStart: true, atEnd: true }, clearedBefore: state.headSeq, following: true });
    },
    close() {
      request?.abort();
      listeners.clear();
    },
  };
}

type LineMessage = Extract<RunMessage, { readonly type: 'output_stream' | 'log_entry' }>;

function linesOf(message: LineMessage): readonly OutputLine[] {
  const { data } = message;
  const place = { step: data.step ?? undefined, attempt: data.attempt ?? undefined };
  if ('lines' in data) {
    return data.lines.map(({ seq, ns, severity, text, continues, unterminated }) => ({
      ...{ seq, timeMs: msOfNsText(ns), ...place, stream: data.stream, severity, text },
      ...(continues && { continues }),
      ...(unterminated && { unterminated }),
    }));
  }
  // Events for people come as `log_entry` too; only those that are lines of the journal's output are lines here.
  if (data.source !== 'system') return [];
  const { severity, message: text, ns } = data;
  return [{ seq: message.seq, timeMs: msOfNsText(ns), ...place, stream: 'system', severity, text }];
}
