// Beside each line: its number, which is a link to it that can be shared, its time, and the step it is from. With Shift a click on a
// second number marks the lines between.
import { useRef, useState } from 'preact/hooks';
import { formatCount, plural } from '../../src/core/units.ts';
import { go } from '../app-state.ts';
import { timeOfDay } from '../model/format.ts';
import { msOf, type Run } from '../model/run.ts';
import type { LineRange } from '../output/copy-lines.ts';
import type { OutputLine } from '../output/line.ts';
import type { ScreenRow } from '../output/screen.ts';
import { lineTime, type Times } from '../output/times.ts';
import { formatRoute, type RunRoute, withoutPlace } from '../route.ts';

export function Gutter(props: {
  rows: readonly ScreenRow[];
  run: Run;
  route: RunRoute;
  times: Times;
  rowHeight: number;
  names: ReadonlyMap<string, string>;
  marked: LineRange | undefined;
  hit: number | undefined;
  /** An arrow key went past the first or the last line on the screen. */
  onEdge: (lines: 1 | -1) => void;
  onFold: (row: ScreenRow) => void;
}) {
  const { rows, rowHeight, route, marked } = props;
  const startedMs = msOf(props.run.startedAt);
  const [held, setHeld] = useState<number>();
  const list = useRef<HTMLOListElement>(null);
  const numbers = rows.filter((row) => row.first).map((row) => row.line.seq);
  // One stop for Tab, as thirty of them would be in the way; the arrows go from line to line.
  const stop = [held, marked?.from].find((seq) => seq !== undefined && numbers.includes(seq)) ?? numbers[0];
  const onKeyDown = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : undefined;
    // The number is read from the focused link, as the lines move while the run is active.
    const focused = event.target instanceof HTMLElement ? Number(event.target.dataset.seq) : undefined;
    const head = rows.find(({ line, first, fold }) => first && fold !== undefined && line.seq === focused);
    if (head !== undefined && event.key === (head.fold?.isOpen === true ? 'ArrowLeft' : 'ArrowRight')) {
      event.preventDefault();
      event.stopPropagation();
      props.onFold(head);
    }
    const at = focused === undefined ? -1 : numbers.indexOf(focused);
    if (by === undefined || at === -1) return;
    event.preventDefault();
    const next = numbers[at + by];
    setHeld(next);
    if (next === undefined) props.onEdge(by);
    else list.current?.querySelector<HTMLElement>(`a[data-seq="${next}"]`)?.focus();
  };
  const mark = (event: MouseEvent, seq: number): void => {
    if (!event.shiftKey || route.line === undefined) return;
    event.preventDefault();
    const [line, to] = seq < route.line ? [seq, route.line] : [route.line, seq];
    go({ ...route, line, to }, true);
  };
  return (
    <ol ref={list} class="gutter" aria-label="Line numbers" onKeyDown={onKeyDown}>
      {rows.map((row, index) => (
        <GutterLine
          key={index}
          row={row}
          look={lookOf(row, props)}
          height={rowHeight}
          href={formatRoute({ ...withoutPlace(route), line: row.line.seq })}
          isStop={row.line.seq === stop}
          time={props.times === 'none' ? undefined : lineTime(props.times, row.line.timeMs, startedMs)}
          step={stepName(row, props.names)}
          isFirstOfStep={rows[index - 1]?.line.step !== row.line.step}
          onMark={(event) => mark(event, row.line.seq)}
          onFold={() => props.onFold(row)}
        />
      ))}
    </ol>
  );
}

type LineProps = {
  readonly row: ScreenRow;
  readonly look: string;
  readonly height: number;
  readonly href: string;
  /** Whether Tab stops here. */
  readonly isStop: boolean;
  /** Undefined without times. */
  readonly time: string | undefined;
  readonly step: string;
  readonly isFirstOfStep: boolean;
  readonly onMark: (event: MouseEvent) => void;
  readonly onFold: () => void;
};

function GutterLine({ row: { line, first, fold }, height, step, ...props }: LineProps) {
  return (
    <li
      class={`${props.look} st-${line.stream} v-${line.severity}`}
      style={{ height: `${height}px`, lineHeight: `${height}px` }}
    >
      {first && fold !== undefined && (
        <button
          type="button"
          class="fold"
          tabIndex={-1}
          aria-expanded={fold.isOpen}
          aria-label={`${fold.kind === 'stack' ? 'Frames' : fold.title}, ${plural(fold.hidden, 'line')}`}
          onClick={props.onFold}
        >
          {fold.isOpen ? '▾' : '▸'}
        </button>
      )}
      {first && (
        <a
          href={props.href}
          onClick={props.onMark}
          title={titleOf(line)}
          data-seq={line.seq}
          tabIndex={props.isStop ? 0 : -1}
        >
          {line.number === undefined ? '·' : formatCount(line.number)}
        </a>
      )}
      {props.time !== undefined && <time class="muted tabular">{first ? props.time : ''}</time>}
      <span class="step clip" title={step}>
        {props.isFirstOfStep ? step : ''}
      </span>
    </li>
  );
}

function stepName({ line: { step } }: ScreenRow, names: ReadonlyMap<string, string>): string {
  return step === undefined ? '' : (names.get(step) ?? step);
}

type Marks = { readonly marked: LineRange | undefined; readonly hit: number | undefined };

function lookOf({ line: { seq } }: ScreenRow, { marked, hit }: Marks): string {
  if (seq === hit) return 'hit';
  return marked !== undefined && marked.from <= seq && seq <= marked.to ? 'marked' : '';
}

function titleOf({ number, seq, timeMs, stream }: OutputLine): string {
  const line = number === undefined ? '' : `line ${number}, `;
  return `${line}${timeOfDay(timeMs)}, ${stream}, number ${seq} in the journal`;
}
