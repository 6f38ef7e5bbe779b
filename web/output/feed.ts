// Keeps the window of lines filled: loads ranges around what is looked at, stitches the live tail to its end without a gap.
// Owns the window of one run; draws nothing. Called by run-session.ts, which passes it what the tail sends, and by the output panel.
import type { LineAnswer, OutputAnswer } from '../../src/api/schema/answers.ts';
import type { RunMessage } from '../../src/api/tail/client.ts';
import { getJson } from '../api/http.ts';
import { lineOf, msOfNsText } from '../api/views.ts';
import {
  endSeq,
  everything,
  filterQuery,
  joinLines,
  type OutputFilter,
  type OutputLine,
  usual,
  wants,
} from './line.ts';
import { createLineCounter, type LineCounter } from './line-counter.ts';
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
  windowLines,
} from './window.ts';

export type FeedState = {
  readonly window: OutputWindow;
  readonly filter: OutputFilter;
  /** True while the newest lines are shown as they come. */
  readonly following: boolean;
  /** The number that the screen shows; of no meaning while following. */
  readonly topSeq: number;
  /** Where on the screen it is: a line that was looked for is in the middle, with what is around it. */
  readonly place: 'top' | 'middle';
  readonly headSeq: number;
  readonly firstSeq: number;
  readonly loading: boolean;
  readonly failure: string;
  /** Lines before this number were cleared from the screen; they are still in the journal. */
  readonly clearedBefore: number;
  /** Lines that the tail skipped in all, because this page could not take them as fast as they came. */
  readonly jumpedLines: number;
};

export type Feed = {
  readonly state: () => FeedState;
  readonly onChange: (listener: () => void) => () => void;
  readonly take: (message: RunMessage) => void;
  readonly setFilter: (filter: OutputFilter) => void;
  readonly follow: () => void;
  /** Asks for lines behind those that are held. @returns false if there is no room for them */
  readonly readFurther: () => boolean;
  /** Jumps to any line of the run. */
  readonly showSeq: (seq: number) => void;
  /** Jumps to a line that was looked for. */
  readonly showInMiddle: (seq: number) => void;
  readonly clear: () => void;
  readonly close: () => void;
};

/** So many live lines are kept while a range is on its way. If more come, the range is asked for again, so none is lost. */
const heldLive = 4_000;

/** Where the feed keeps its state; each change is seen by all listeners. */
type Cell = {
  readonly get: () => FeedState;
  readonly change: (part: Partial<FeedState>) => void;
};

/** What is shown first. */
export type FeedStart = {
  /** The end if it is left out. */
  readonly seq?: number | undefined;
  readonly place: FeedState['place'];
  readonly filter: OutputFilter;
};

/** How many lines there are before the number at which the live tail begins, so that no line falls between. */
export type FeedHead = { readonly seq: number; readonly lines: number };

export function createFeed(runId: string, { seq: headSeq, lines }: FeedHead, begin: FeedStart): Feed {
  const { seq: startSeq } = begin;
  let state: FeedState = {
    window: emptyWindow,
    filter: begin.filter,
    following: startSeq === undefined,
    topSeq: startSeq ?? 0,
    place: begin.place,
    headSeq,
    firstSeq: 0,
    loading: true,
    failure: '',
    clearedBefore: 0,
    jumpedLines: 0,
  };
  const listeners = new Set<() => void>();
  const change = (part: Partial<FeedState>): void => {
    state = { ...state, ...part };
    for (const listener of [...listeners]) listener();
  };
  const cell: Cell = { get: () => state, change };
  const counter = createLineCounter(headSeq, lines);
  const ranges = createRanges(runId, cell, counter);
  const live = createLiveLines(cell, ranges, counter);

  const showSeq = (seq: number, place: FeedState['place'] = 'top'): void => {
    const { lines } = state.window;
    const inside = (lines[0]?.seq ?? Number.POSITIVE_INFINITY) <= seq && seq <= heldUpTo(state.window);
    change({ following: false, topSeq: seq, place, clearedBefore: Math.min(state.clearedBefore, seq) });
    if (inside) ranges.fill();
    else void ranges.loadAround(seq);
  };
  const setFilter = (filter: OutputFilter): void => {
    change({ filter, window: emptyWindow });
    void ranges.loadAround(state.following ? state.headSeq : state.topSeq);
  };

  void ranges.loadAround(startSeq ?? headSeq).then(() => {
    // A link to a line shows it, also if it is one that is hidden at first.
    const isShown = state.window.lines.some((line) => line.seq === startSeq || endSeq(line) === startSeq);
    const isUsual = state.filter.streams === usual.streams;
    if (startSeq !== undefined && !isShown && isUsual && state.failure === '')
      setFilter({ ...state.filter, streams: everything.streams });
  });

  return {
    state: () => state,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    take: live.take,
    setFilter,
    follow() {
      change({ following: true });
      ranges.fill();
    },
    readFurther: ranges.readFurther,
    showSeq: (seq) => showSeq(seq),
    showInMiddle: (seq) => showSeq(seq, 'middle'),
    clear() {
      change({ window: { lines: [], atStart: true, atEnd: true }, clearedBefore: state.headSeq, following: true });
    },
    close() {
      ranges.stop();
      listeners.clear();
    },
  };
}

type Ranges = ReturnType<typeof createRanges>;

/** Asks for the ranges that are near what is looked at. */
function createRanges(runId: string, { get, change }: Cell, counter: LineCounter) {
  const held = createHeldLines();
  const looked = createLookedAt();
  const { ask, isAsking, stop } = createCountingRequest(
    runId,
    { get, change },
    {
      onCount(nextSeq, count) {
        if (count !== undefined) counter.learn(nextSeq, count);
        held.number(counter.numberOf);
      },
      onRetry: () => void loadAround(get().following ? get().headSeq : get().topSeq),
    },
  );

  const shown = (lines: readonly LineAnswer[]): readonly OutputLine[] =>
    lines.map(lineOf).filter((line) => line.seq >= get().clearedBefore);

  const loadAround = async (seq: number): Promise<void> => {
    held.clear();
    const answer = await ask(`anchor=${seq}&before=${chunkLines}&after=${chunkLines}`);
    if (answer === undefined) return;
    const lines = joinLines([], shown(answer.lines));
    const window = { lines, atStart: answer.prevSeq <= answer.firstSeq, atEnd: answer.nextSeq >= answer.headSeq };
    looked.upTo(window, answer.nextSeq);
    looked.backTo(window, answer.prevSeq);
    change({ window: window.atEnd ? held.appendTo(window) : window });
    fill();
  };

  const loadAfter = async (): Promise<void> => {
    const answer = await ask(`from=${looked.end(get().window) ?? get().topSeq}&limit=${chunkLines}`);
    if (answer === undefined) return;
    const atEnd = answer.nextSeq >= answer.headSeq;
    const window = appendLines(get().window, shown(answer.lines), atEnd);
    looked.upTo(window, answer.nextSeq);
    change({ window: atEnd ? held.appendTo(window) : window });
    fill();
  };

  const loadBefore = async (): Promise<void> => {
    const answer = await ask(`anchor=${looked.start(get().window) ?? 0}&before=${chunkLines}&after=0`);
    if (answer === undefined) return;
    const window = prependLines(get().window, shown(answer.lines), answer.prevSeq <= answer.firstSeq);
    looked.backTo(window, answer.prevSeq);
    change({ window });
    fill();
  };

  /** Asks for more when the screen comes near to an edge of the window. */
  const fill = (): void => {
    const missing = isAsking() ? undefined : missingPart(get());
    if (missing === 'end') void loadAround(get().headSeq);
    if (missing === 'after') void loadAfter();
    if (missing === 'before') void loadBefore();
  };

  return {
    loadAround,
    fill,
    readFurther(): boolean {
      const { window, topSeq, failure } = get();
      const hasRoom = window.lines.length < windowLines || indexOfSeq(window, topSeq) > marginLines + chunkLines;
      // Each drawing asks for it; a server that does not answer is asked again when somebody scrolls.
      if (hasRoom && !isAsking() && failure === '') void loadAfter();
      return hasRoom;
    },
    /** Keeps live lines for the range that is on its way, if one is. */
    hold(lines: readonly OutputLine[]): void {
      if (isAsking()) held.add(lines);
    },
    /** The end of the window is no longer the end of the run. A range on its way may have been read before that. */
    askAgain(): void {
      change({ window: { ...get().window, atEnd: false } });
      if (isAsking()) held.giveUp();
      else fill();
    },
    stop,
  };
}

/** What is to be asked for: the end, where it is followed; else what is near an edge of the window. */
function missingPart(state: FeedState): 'end' | 'after' | 'before' | undefined {
  const { window, following, topSeq, clearedBefore } = state;
  const { lines, atStart, atEnd } = window;
  if (following && !atEnd) return 'end';
  const at = following ? lines.length : indexOfSeq(window, topSeq);
  if (!atEnd && lines.length - at < marginLines) return 'after';
  return !atStart && at < marginLines && clearedBefore === 0 ? 'before' : undefined;
}

/**
 * How far a request has looked beyond the lines that are held: under a filter that few lines fit, an answer can have none. It is
 * of meaning only as long as the line at that edge is the same.
 */
function createLookedAt() {
  let before: { readonly edge: number | undefined; readonly seq: number } | undefined;
  let behind: { readonly edge: number; readonly seq: number } | undefined;
  const firstOf = ({ lines }: OutputWindow): number | undefined => lines[0]?.seq;
  return {
    backTo: (window: OutputWindow, seq: number) => {
      before = { edge: firstOf(window), seq };
    },
    upTo: (window: OutputWindow, seq: number) => {
      behind = { edge: heldUpTo(window), seq };
    },
    /** Before which number to continue; undefined if that is not known. */
    start(window: OutputWindow): number | undefined {
      const first = firstOf(window);
      return before !== undefined && before.edge === first ? before.seq : first;
    },
    /** From which number on. */
    end(window: OutputWindow): number | undefined {
      const last = heldUpTo(window);
      if (behind !== undefined && behind.edge === last) return behind.seq;
      return last === -1 ? undefined : last + 1;
    },
  };
}

type Counting = {
  /** @param count how many lines there are before a number of the journal, if the server knows it */
  readonly onCount: (nextSeq: number, count: number | undefined) => void;
  readonly onRetry: () => void;
};

/** Requests for ranges with the numbers of their lines. */
function createCountingRequest(runId: string, cell: Cell, { onCount, onRetry }: Counting) {
  const { ask, isAsking, stop } = createRequest(runId, cell);
  const retry = createNumbersRetry(() => {
    if (!isAsking()) onRetry();
  });
  return {
    isAsking,
    async ask(query: string): Promise<OutputAnswer | undefined> {
      const answer = await ask(query);
      if (answer === undefined) return undefined;
      const { nextSeq, nextNumber, lines } = answer;
      onCount(nextSeq, nextNumber === undefined ? undefined : nextNumber - 1);
      retry.note(nextNumber !== undefined || lines.length === 0);
      return answer;
    },
    stop(): void {
      retry.stop();
      stop();
    },
  };
}

/** The server counts the lines of a very long run in several requests. So often it is asked again, if nobody scrolls. */
const maxNumberRetries = 20;
const numbersRetryMs = 1_000;

function createNumbersRetry(ask: () => void) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let tries = 0;
  const stop = (): void => clearTimeout(timer);
  return {
    stop,
    note(isKnown: boolean): void {
      stop();
      tries = isKnown ? 0 : tries + 1;
      if (!isKnown && tries <= maxNumberRetries) timer = setTimeout(ask, numbersRetryMs);
    },
  };
}

/** One request for a range at a time; a newer one replaces it. */
function createRequest(runId: string, { get, change }: Cell) {
  let request: AbortController | undefined;
  return {
    isAsking: () => request !== undefined,
    stop: () => request?.abort(),
    /** @returns undefined if it failed, or was replaced */
    async ask(query: string): Promise<OutputAnswer | undefined> {
      request?.abort();
      const own = new AbortController();
      request = own;
      change({ loading: true });
      const filter = filterQuery(get().filter);
      const path = `/runs/${runId}/output?numbers=true&${query}${filter === '' ? '' : `&${filter}`}`;
      const answer = await getJson<OutputAnswer>(path, own.signal);
      if (own.signal.aborted) return undefined;
      request = undefined;
      if (!answer.ok) {
        change({ loading: false, failure: answer.failure.message });
        return undefined;
      }
      const { firstSeq } = answer.value;
      change({ loading: false, failure: '', headSeq: Math.max(get().headSeq, answer.value.headSeq), firstSeq });
      return answer.value;
    },
  };
}

/** Live lines that came while a range was on its way. */
function createHeldLines() {
  let lines: OutputLine[] = [];
  let isComplete = true;
  const clear = (): void => {
    lines = [];
    isComplete = true;
  };
  const giveUp = (): void => {
    lines = [];
    isComplete = false;
  };
  return {
    clear,
    /** Lines are missing; the end of the range is asked for again. */
    giveUp,
    number(numberOf: LineCounter['numberOf']): void {
      lines = lines.map((line) => (line.number === undefined ? withNumber(line, numberOf(line.seq)) : line));
    },
    add(fresh: readonly OutputLine[]): void {
      lines.push(...fresh);
      if (lines.length > heldLive) giveUp();
    },
    /** Behind a range that reached the end comes what was printed while it was read. */
    appendTo(window: OutputWindow): OutputWindow {
      const next = isComplete ? appendLines(window, lines, true) : { ...window, atEnd: false };
      clear();
      return next;
    },
  };
}

/** Takes what the live tail sends into the window. */
function createLiveLines({ get, change }: Cell, ranges: Ranges, counter: LineCounter) {
  /** A line without an end is left out under a filter that compares it; the server returns it when it has ended. */
  let isWaitingForEnd = false;

  const takeLines = (fresh: readonly OutputLine[]): void => {
    const { filter, clearedBefore, headSeq, following, window } = get();
    const isCompared = filter.severities.length > 0;
    const wanted = fresh.filter((line) => wants({ ...filter, severities: [] }, line) && line.seq >= clearedBefore);
    const pieces = isCompared ? wanted.filter(isPiece) : [];
    const lines = wanted.filter((line) => wants(filter, line) && !(isCompared && isPiece(line)));
    ranges.hold(lines);
    const next = !following ? appendBehind(window, lines) : window.atEnd ? appendLines(window, lines, true) : window;
    change({ window: next, headSeq: Math.max(headSeq, (fresh.at(-1)?.seq ?? -1) + 1) });
    if (pieces.length === 0) return;
    isWaitingForEnd = pieces.at(-1)?.unterminated === true;
    if (pieces.some((line) => line.unterminated !== true)) ranges.askAgain();
  };

  return {
    take(message: RunMessage): void {
      switch (message.type) {
        case 'output_stream':
        case 'log_entry':
          takeLines(counter.add(linesOf(message)));
          break;
        case 'jumped': {
          // What belongs in between is asked for by range.
          const { toSeq, lines } = message.data;
          const { headSeq, jumpedLines } = get();
          counter.skipTo(toSeq);
          change({ headSeq: Math.max(headSeq, toSeq), jumpedLines: jumpedLines + lines });
          ranges.askAgain();
          break;
        }
        case 'span':
        case 'execution_completed':
        case 'execution_failed':
        case 'execution_cancelled':
          // The end of an attempt ends its lines.
          if (isWaitingForEnd) ranges.askAgain();
          isWaitingForEnd = false;
          break;
        default:
      }
    },
  };
}

function withNumber(line: OutputLine, number: number | undefined): OutputLine {
  return number === undefined || line.stream === 'debug' ? line : { ...line, number };
}

function isPiece(line: OutputLine): boolean {
  return line.continues === true || line.unterminated === true;
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
