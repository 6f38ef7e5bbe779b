// Groups of lines and stack traces that can be folded: which there are in the window, which are folded, and the window without what
// they hide. A group of which the window has not both ends is never folded, and nothing that holds an error is folded at first. Pure.
// Called by output-panel.tsx.
import { parseLine, plainText } from './ansi-line.ts';
import type { OutputLine } from './line.ts';
import { type Marker, markerOf } from './markers.ts';
import type { OutputWindow } from './window.ts';

/** A line that stands for what can be folded. */
export type FoldHead = {
  readonly title: string;
  readonly kind: 'group' | 'stack';
  readonly isOpen: boolean;
  /** How many lines it hides, or would hide. */
  readonly hidden: number;
};

export type Folded = {
  readonly window: OutputWindow;
  /** By the number of their line. */
  readonly heads: ReadonlyMap<number, FoldHead>;
};

/** What a person chose, and what must not move under their eyes. */
export type Folds = {
  /** @param shownSeq a line that is to be seen, whatever hides it */
  readonly fold: (window: OutputWindow, shownSeq?: number) => Folded;
  readonly toggle: (head: number, isOpen: boolean) => void;
  /** Opens all of the window, or closes all if they are open. */
  readonly toggleAll: (window: OutputWindow) => void;
};

type Group = {
  readonly head: OutputLine;
  readonly title: string;
  readonly kind: FoldHead['kind'];
  readonly isClosedAtFirst: boolean;
  /** Indexes of the lines that it hides. */
  readonly inside: readonly number[];
  /** The line that only ends it, which is never shown. */
  readonly end: number | undefined;
  readonly isEnded: boolean;
};

export function createFolds(): Folds {
  const chosen = new Map<number, boolean>();
  /** Groups that were on the screen before they ended. */
  const seenOpen = new Set<number>();
  let lastShown: number | undefined;

  const isOpen = ({ head, isClosedAtFirst, isEnded, inside, kind }: Group, lines: readonly OutputLine[]): boolean => {
    if (!isEnded) return true;
    const choice = chosen.get(head.seq);
    if (choice !== undefined) return choice;
    if (!isClosedAtFirst || seenOpen.has(head.seq)) return true;
    return kind === 'group' && inside.some((index) => lines[index]?.severity === 'error');
  };

  return {
    toggle: (head, open) => void chosen.set(head, !open),
    toggleAll({ lines }) {
      const groups = groupsIn(lines).filter(({ isEnded }) => isEnded);
      const areOpen = groups.every((group) => isOpen(group, lines));
      for (const { head } of groups) chosen.set(head.seq, !areOpen);
    },
    fold(window, shownSeq) {
      const { lines } = window;
      const groups = groupsIn(lines);
      if (groups.length === 0) return { window, heads: noHeads };
      // Once: a person may close it again.
      const isNewPlace = shownSeq !== undefined && shownSeq !== lastShown;
      lastShown = shownSeq;
      const heads = new Map<number, FoldHead>();
      const hidden = new Set<number>();
      for (const group of groups) {
        const { head, title, kind, inside, end } = group;
        if (!group.isEnded) seenOpen.add(head.seq);
        if (isNewPlace && inside.some((index) => holds(lines[index], shownSeq))) chosen.set(head.seq, true);
        const open = isOpen(group, lines);
        if (end !== undefined) hidden.add(end);
        if (!open) for (const index of inside) hidden.add(index);
        heads.set(head.seq, { title, kind, isOpen: open, hidden: inside.length });
      }
      return { window: { ...window, lines: lines.filter((_, index) => !hidden.has(index)) }, heads };
    },
  };
}

const noHeads: ReadonlyMap<number, FoldHead> = new Map();

function holds(line: OutputLine | undefined, seq: number): boolean {
  return line !== undefined && line.seq <= seq && seq <= (line.lastSeq ?? line.seq);
}

/** A line is looked at once, however often the window is drawn. */
const markers = new WeakMap<OutputLine, Marker | 'none'>();

function markerIn(line: OutputLine): Marker | undefined {
  const known = markers.get(line);
  if (known !== undefined) return known === 'none' ? undefined : known;
  const marker = line.stream === 'debug' || line.stream === 'system' ? undefined : markerOf(line.text);
  markers.set(line, marker ?? 'none');
  return marker;
}

type Begun = { readonly index: number; readonly marker: Extract<Marker, { readonly title: string }>; inside: number[] };

/** Groups of one attempt may have lines of others between them, and each attempt has its own. */
function groupsIn(lines: readonly OutputLine[]): readonly Group[] {
  if (!lines.some((line) => markerIn(line) !== undefined)) return [];
  const groups: Group[] = [];
  const attempts = new Map<string, Begun[]>();
  const traces = createTraces(lines, groups);
  for (const [index, line] of lines.entries()) {
    const marker = markerIn(line);
    traces.add(index, line, marker);
    const attempt = `${line.attempt} ${line.step}`;
    const begun = attempts.get(attempt) ?? [];
    attempts.set(attempt, begun);
    const ended = marker === undefined ? undefined : endedBy(marker, begun);
    if (ended !== undefined) {
      for (const group of begun.splice(ended))
        groups.push(groupOf(lines, group, marker?.kind === 'end' ? index : undefined));
    } else if (marker?.kind !== 'section') for (const group of begun) group.inside.push(index);
    if (marker?.kind === 'begin' || marker?.kind === 'section') {
      for (const group of begun) group.inside.push(index);
      begun.push({ index, marker, inside: [] });
    }
  }
  traces.end();
  for (const begun of attempts.values())
    for (const group of begun) groups.push({ ...groupOf(lines, group, undefined), isEnded: false });
  return groups.filter(({ inside, end }) => inside.length > 0 || end !== undefined);
}

/** @returns from which of the begun groups on the marker ends them */
function endedBy(marker: Marker, begun: readonly Begun[]): number | undefined {
  const at =
    marker.kind === 'end'
      ? begun.findLastIndex(
          (group) => group.marker.kind === 'begin' && (marker.name === '' || group.marker.name === marker.name),
        )
      : marker.kind === 'section'
        ? begun.findLastIndex((group) => group.marker.kind === 'section')
        : -1;
  return at === -1 ? undefined : at;
}

function groupOf(lines: readonly OutputLine[], { index, marker, inside }: Begun, end: number | undefined): Group {
  const head = lines[index];
  if (head === undefined) throw new RangeError(`no line ${index}`);
  const isClosedAtFirst = marker.kind === 'begin' && marker.isClosedAtFirst;
  // A title is printed by a program, like the line that it is in.
  const title = plainText(parseLine(marker.title).runs).replaceAll('\n', ' ');
  return { head, title, kind: 'group', isClosedAtFirst, inside, end, isEnded: true };
}

/** So many frames are always shown: those where it happened. */
const shownFrames = 2;
/** Fewer are not worth a line that says that they are there. */
const leastHidden = 3;

/** Frames of stack traces, which are lines of one stream of an attempt that follow each other. */
function createTraces(lines: readonly OutputLine[], groups: Group[]) {
  type Trace = { readonly isInnermostLast: boolean; readonly frames: number[] };
  const traces = new Map<string, Trace>();
  const close = (source: string): void => {
    const trace = traces.get(source);
    traces.delete(source);
    if (trace === undefined) return;
    const { frames, isInnermostLast } = trace;
    const hidden = isInnermostLast ? frames.slice(0, -shownFrames) : frames.slice(shownFrames);
    const [first, ...inside] = hidden;
    const head = first === undefined ? undefined : lines[first];
    if (head === undefined || hidden.length < leastHidden) return;
    groups.push({ head, title: '', kind: 'stack', isClosedAtFirst: true, inside, end: undefined, isEnded: true });
  };
  return {
    add(index: number, line: OutputLine, marker: Marker | undefined): void {
      const source = `${line.stream} ${line.attempt} ${line.step}`;
      const trace = traces.get(source);
      const isFrame = marker?.kind === 'frame' || (marker?.kind === 'indented' && trace?.isInnermostLast === true);
      if (!isFrame) close(source);
      if (marker?.kind === 'traceback') traces.set(source, { isInnermostLast: true, frames: [] });
      if (!isFrame) return;
      if (trace === undefined) traces.set(source, { isInnermostLast: false, frames: [index] });
      else trace.frames.push(index);
    },
    end(): void {
      for (const source of [...traces.keys()]) close(source);
    },
  };
}
