// Wheel and touch over an element as lines and columns to move. What is less than a line is kept for the next event.
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** Pixels of a wheel or finger to a line: the height of a row, so that text moves with the hand. */
const pixelsPerLine = 17;
const pixelsPerColumn = 8;

export function useScroll(
  area: RefObject<HTMLElement | null>,
  onLines: (lines: number) => void,
  onColumns: (columns: number) => void,
): void {
  const handlers = useRef({ onLines, onColumns });
  handlers.current = { onLines, onColumns };
  useEffect(() => {
    const element = area.current;
    if (element === null) return;
    let down = 0;
    let side = 0;
    let finger: { x: number; y: number } | undefined;
    const move = (x: number, y: number): void => {
      down += y;
      side += x;
      const lines = Math.trunc(down / pixelsPerLine);
      const columns = Math.trunc(side / pixelsPerColumn);
      down -= lines * pixelsPerLine;
      side -= columns * pixelsPerColumn;
      if (lines !== 0) handlers.current.onLines(lines);
      if (columns !== 0) handlers.current.onColumns(columns);
    };
    const onWheel = (event: WheelEvent): void => {
      if (event.ctrlKey) return;
      event.preventDefault();
      event.stopPropagation();
      const unit = event.deltaMode === 1 ? pixelsPerLine : 1;
      if (event.shiftKey && event.deltaX === 0) move(event.deltaY * unit, 0);
      else move(event.deltaX * unit, event.deltaY * unit);
    };
    const onTouchStart = (event: TouchEvent): void => {
      const touch = event.touches[0];
      finger = touch === undefined ? undefined : { x: touch.clientX, y: touch.clientY };
    };
    const onTouchMove = (event: TouchEvent): void => {
      const touch = event.touches[0];
      if (touch === undefined || finger === undefined || event.touches.length > 1) return;
      event.preventDefault();
      move(finger.x - touch.clientX, finger.y - touch.clientY);
      finger = { x: touch.clientX, y: touch.clientY };
    };
    // In the capture phase: the terminal would take the wheel for its own scrolling.
    element.addEventListener('wheel', onWheel, { passive: false, capture: true });
    element.addEventListener('touchstart', onTouchStart, { passive: true });
    element.addEventListener('touchmove', onTouchMove, { passive: false });
    return () => {
      element.removeEventListener('wheel', onWheel, { capture: true });
      element.removeEventListener('touchstart', onTouchStart);
      element.removeEventListener('touchmove', onTouchMove);
    };
  }, []);
}
