// Draws only the rows of a long list that are near what is seen. Rows have heights that nobody knows before they are drawn: an
// estimate is taken for each until then, and what is on the screen stays where it is when a height above it becomes known. Called by
// conversation.tsx; the scrolling element is its own, so that it also works where the page scrolls.
import type { RefObject } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

export type Window = {
  /** Rows [start, end) are drawn, with this much room before and behind them. */
  readonly start: number;
  readonly end: number;
  readonly before: number;
  readonly behind: number;
  /** Makes the `ref` of the element of a row. */
  readonly measure: (key: number) => (element: HTMLElement | null) => void;
  readonly isAtEnd: boolean;
  readonly showEnd: () => void;
  readonly showStart: () => void;
  /** Brings a row into the middle, or its beginning to the top if it is high. */
  readonly showKey: (key: number) => void;
};

/** Drawn above and below what is seen, so that scrolling shows no gap. */
const overscanPx = 800;
/** So near to the end counts as the end: a fraction of a pixel, and a finger that lifts. */
const endPx = 24;

export type WindowOptions = {
  readonly scroller: RefObject<HTMLElement | null>;
  readonly keys: readonly number[];
  readonly estimate: (index: number) => number;
  /** Whether it opens at its end, and follows it. */
  readonly startsAtEnd: boolean;
};

/** What is to stay on the screen: the end, a row that was asked for, or the row at the top. */
type Hold =
  | { readonly kind: 'end' }
  | { readonly kind: 'row'; readonly key: number }
  | { readonly kind: 'place'; readonly key: number | undefined; readonly top: number };

export function useWindow({ scroller, keys, estimate, startsAtEnd }: WindowOptions): Window {
  const { offsets, measure } = useHeights(scroller, keys, estimate);
  const hold = useRef<Hold>(startsAtEnd ? { kind: 'end' } : { kind: 'place', key: undefined, top: 0 });
  const [view, setView] = useState({ top: 0, height: 900, isAtEnd: startsAtEnd });
  const look = (): void => {
    const element = scroller.current;
    if (element === null) return;
    const { scrollTop: top, clientHeight: height } = element;
    const isAtEnd = element.scrollHeight - top - height <= endPx;
    setView((now) =>
      now.top === top && now.height === height && now.isAtEnd === isAtEnd ? now : { top, height, isAtEnd },
    );
  };
  useHands(scroller, hold, look);
  const settle = (): void => {
    if (scroller.current === null) return;
    keepInPlace(scroller.current, hold.current, keys, offsets);
    look();
  };
  useLayoutEffect(settle, [offsets]);

  const start = indexAt(offsets, view.top - overscanPx);
  const end = Math.min(keys.length, indexAt(offsets, view.top + view.height + overscanPx) + 1);
  const whole = offsets[keys.length] ?? 0;
  const holdOn = (next: Hold): void => {
    hold.current = next;
    settle();
  };
  return {
    start,
    end,
    before: offsets[start] ?? 0,
    behind: whole - (offsets[end] ?? whole),
    measure,
    isAtEnd: view.isAtEnd,
    showEnd: () => holdOn({ kind: 'end' }),
    showStart: () => holdOn({ kind: 'row', key: keys[0] ?? 0 }),
    showKey: (key) => holdOn({ kind: 'row', key }),
  };
}

/** Where each row begins; the last number is the height of all. Heights are those that were measured, else estimates. */
function useHeights(
  scroller: RefObject<HTMLElement | null>,
  keys: readonly number[],
  estimate: (index: number) => number,
) {
  const [heights] = useState(() => new Map<number, number>());
  const [changes, setChanges] = useState(0);
  const offsets = useMemo(() => {
    const starts = new Float64Array(keys.length + 1);
    for (const [index, key] of keys.entries())
      starts[index + 1] = (starts[index] ?? 0) + (heights.get(key) ?? estimate(index));
    return starts;
  }, [keys, changes]);
  const [rows] = useState(() =>
    createRows((sizes) => {
      let isChanged = false;
      for (const [key, height] of sizes) {
        if (height === 0 || Math.abs((heights.get(key) ?? -1) - height) < 0.5) continue;
        heights.set(key, height);
        isChanged = true;
      }
      if (isChanged) setChanges((count) => count + 1);
    }),
  );
  useLayoutEffect(() => {
    // The width changes the heights, and the height what is near the screen.
    const resized = new ResizeObserver(() => setChanges((count) => count + 1));
    if (scroller.current !== null) resized.observe(scroller.current);
    return () => {
      resized.disconnect();
      rows.close();
    };
  }, []);
  return { offsets, measure: rows.measure };
}

/** The elements of the rows that are drawn, each watched for its height. */
function createRows(onSizes: (sizes: readonly (readonly [number, number])[]) => void) {
  const keys = new Map<Element, number>();
  const elements = new Map<number, HTMLElement>();
  const takers = new Map<number, (element: HTMLElement | null) => void>();
  const observer = new ResizeObserver((entries) =>
    onSizes(
      entries.flatMap(({ target }) => {
        const key = keys.get(target);
        return key === undefined ? [] : [[key, target.getBoundingClientRect().height] as const];
      }),
    ),
  );
  const take = (key: number, element: HTMLElement | null): void => {
    const before = elements.get(key);
    if (before !== undefined) {
      observer.unobserve(before);
      keys.delete(before);
      elements.delete(key);
    }
    if (element === null) return;
    elements.set(key, element);
    keys.set(element, key);
    observer.observe(element);
  };
  return {
    /** The same function for the same row, as another one would be called again at each drawing. */
    measure(key: number) {
      const taker = takers.get(key) ?? ((element: HTMLElement | null) => take(key, element));
      takers.set(key, taker);
      return taker;
    },
    close: () => observer.disconnect(),
  };
}

/** Only a person leaves the end or a row that was asked for: rows that grow move the scroll position, too. */
function useHands(scroller: RefObject<HTMLElement | null>, hold: { current: Hold }, look: () => void): void {
  const latest = useRef(look);
  latest.current = look;
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const onScroll = (): void => {
      const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight <= endPx;
      if (hold.current.kind === 'place') hold.current = isAtEnd ? { kind: 'end' } : placeAtTop(element);
      latest.current();
    };
    const onHand = (): void => {
      if (hold.current.kind !== 'place') hold.current = placeAtTop(element);
    };
    const onKey = ({ key, target }: KeyboardEvent): void => {
      if (target === element && scrollKeys.has(key)) onHand();
    };
    const abort = new AbortController();
    const options = { passive: true, signal: abort.signal };
    element.addEventListener('scroll', onScroll, options);
    for (const type of ['wheel', 'touchmove', 'pointerdown']) element.addEventListener(type, onHand, options);
    element.addEventListener('keydown', onKey, options);
    return () => abort.abort();
  }, []);
}

const scrollKeys: ReadonlySet<string> = new Set(['ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End', ' ']);

function placeAtTop(element: HTMLElement): Hold {
  for (const row of element.querySelectorAll<HTMLElement>('[data-key]')) {
    const top = topIn(element, row);
    if (top + row.offsetHeight > 1) return { kind: 'place', key: Number(row.dataset.key), top };
  }
  return { kind: 'place', key: undefined, top: 0 };
}

function keepInPlace(element: HTMLElement, hold: Hold, keys: readonly number[], offsets: Float64Array): void {
  if (hold.kind === 'end') element.scrollTop = element.scrollHeight;
  else if (hold.kind === 'row') {
    const index = keys.indexOf(hold.key);
    if (index === -1) return;
    const start = offsets[index] ?? 0;
    const room = element.clientHeight - ((offsets[index + 1] ?? start) - start);
    element.scrollTop = room <= 0 ? start : start - room / 2;
  } else {
    const row = hold.key === undefined ? null : element.querySelector(`[data-key="${hold.key}"]`);
    if (row !== null) element.scrollTop += topIn(element, row) - hold.top;
  }
}

function topIn(scroller: Element, row: Element): number {
  return row.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
}

/** The last row that begins at or before a place. */
function indexAt(offsets: Float64Array, place: number): number {
  let low = 0;
  let high = Math.max(0, offsets.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((offsets[middle] ?? 0) <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}
