// The part of time that a timeline shows: all of the run until somebody zooms or moves, by wheel, keys or buttons. Called by
// timeline.tsx.
import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { pan, type TimeRange, zoom } from './range.ts';

export type Range = {
  readonly range: TimeRange;
  readonly isWhole: boolean;
  readonly zoomBy: (factor: number, share?: number) => void;
  readonly panBy: (share: number) => void;
  readonly show: (range: TimeRange | undefined) => void;
};

/** @param track finds the element over whose width the time is drawn */
export function useRange(scroller: RefObject<HTMLElement | null>, full: TimeRange, isReady: boolean): Range {
  const [chosen, setChosen] = useState<TimeRange>();
  const range = chosen ?? full;
  const at = useRef({ range, full });
  at.current = { range, full };
  /** From where it is now, also when a key or a wheel comes again before the last move was drawn. */
  const moveTo = (next: (now: TimeRange, all: TimeRange) => TimeRange): void => {
    const moved = next(at.current.range, at.current.full);
    at.current = { ...at.current, range: moved };
    const { full: all } = at.current;
    setChosen(moved.fromMs <= all.fromMs && moved.toMs >= all.toMs ? undefined : moved);
  };
  const zoomBy = (factor: number, share = 0.5): void =>
    moveTo((now, all) => zoom(now, all, factor, now.fromMs + share * (now.toMs - now.fromMs)));
  const panBy = (share: number): void => moveTo((now, all) => pan(now, all, share * (now.toMs - now.fromMs)));
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const onWheel = (event: WheelEvent): void => {
      const box = element.querySelector('.axis .track')?.getBoundingClientRect();
      if (box === undefined) return;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
        zoomBy(event.deltaY > 0 ? 1.25 : 0.8, share);
      } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        panBy((event.deltaX || event.deltaY) / box.width);
      }
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [isReady]);
  return { range, isWhole: chosen === undefined, zoomBy, panBy, show: setChosen };
}
