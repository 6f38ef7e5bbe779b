// How large the graph is drawn: so that all of it fits, until somebody zooms by buttons, keys or the wheel. It is moved by scrolling or
// dragging. Called by graph.tsx.
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

const largest = 2;
const smallest = 0.05;
/** Of the height of the window the graph takes at most this share: the tabs below it need the rest. */
const maxShare = 0.36;
const leastPx = 150;
const paddingPx = 24;
/** At the right, for the buttons. */
const toolsPx = 116;

export type Zoom = {
  readonly scale: number;
  readonly isFit: boolean;
  readonly maxHeight: number;
  readonly zoomBy: (factor: number) => void;
  readonly fit: () => void;
};

type Size = { readonly width: number; readonly height: number };

export function useZoom(area: RefObject<HTMLDivElement | null>, graph: Size): Zoom {
  const [pane, setPane] = useState<Size>({ width: innerWidth, height: innerHeight });
  const [chosen, setChosen] = useState<number>();
  useLayoutEffect(() => {
    const element = area.current;
    if (element === null) return;
    const look = (): void => {
      const { clientWidth: width } = element;
      setPane((now) => (now.width === width && now.height === innerHeight ? now : { width, height: innerHeight }));
    };
    const size = new ResizeObserver(look);
    size.observe(element);
    addEventListener('resize', look);
    look();
    return () => {
      size.disconnect();
      removeEventListener('resize', look);
    };
  }, []);
  const maxHeight = Math.max(leastPx, Math.round(pane.height * maxShare));
  const fitting = Math.min(1, (pane.width - paddingPx - toolsPx) / graph.width, (maxHeight - paddingPx) / graph.height);
  const scale = chosen ?? Math.max(smallest, fitting);
  const latest = useRef(scale);
  latest.current = scale;
  const zoomBy = (factor: number): void => {
    const next = Math.min(largest, Math.max(smallest, latest.current * factor));
    latest.current = next;
    setChosen(next);
  };
  useEffect(() => {
    const element = area.current;
    if (element === null) return;
    const onWheel = (event: WheelEvent): void => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoomBy(event.deltaY > 0 ? 0.85 : 1 / 0.85);
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, []);
  useDrag(area);
  useMiddle(area, scale);
  return { scale, isFit: chosen === undefined, maxHeight, zoomBy, fit: () => setChosen(undefined) };
}

/** What is in the middle stays there when the scale changes. */
function useMiddle(area: RefObject<HTMLDivElement | null>, scale: number): void {
  const before = useRef(scale);
  useLayoutEffect(() => {
    const element = area.current;
    if (element === null || before.current === scale) return;
    const factor = scale / before.current;
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = element;
    element.scrollLeft = (scrollLeft + clientWidth / 2) * factor - clientWidth / 2;
    element.scrollTop = (scrollTop + clientHeight / 2) * factor - clientHeight / 2;
    before.current = scale;
  }, [scale]);
}

/** The ground is dragged with the mouse; a finger scrolls by itself. */
function useDrag(area: RefObject<HTMLDivElement | null>): void {
  useEffect(() => {
    const element = area.current;
    if (element === null) return;
    const onDown = (event: PointerEvent): void => {
      const isGround = event.target instanceof Element && event.target.closest('.node') === null;
      if (event.button !== 0 || event.pointerType !== 'mouse' || !isGround) return;
      element.setPointerCapture(event.pointerId);
    };
    const onMove = (event: PointerEvent): void => {
      if (!element.hasPointerCapture(event.pointerId)) return;
      element.scrollLeft -= event.movementX;
      element.scrollTop -= event.movementY;
    };
    element.addEventListener('pointerdown', onDown);
    element.addEventListener('pointermove', onMove);
    return () => {
      element.removeEventListener('pointerdown', onDown);
      element.removeEventListener('pointermove', onMove);
    };
  }, []);
}
