// What can be done where one is, for the palette: each view adds its own actions while it is shown.
import { useEffect, useRef } from 'preact/hooks';

export type Command = {
  readonly name: string;
  /** The key that does the same, if there is one. */
  readonly keys?: string;
  readonly run: () => void;
};

const shown = new Set<() => readonly Command[]>();

/** Of all views that are shown, those that were shown last first. */
export function commands(): readonly Command[] {
  return [...shown].toReversed().flatMap((list) => list());
}

/** Adds the commands of a view, as they are at its last drawing. */
export function useCommands(list: readonly Command[]): void {
  const latest = useRef(list);
  latest.current = list;
  useEffect(() => {
    const read = (): readonly Command[] => latest.current;
    shown.add(read);
    return () => void shown.delete(read);
  }, []);
}
