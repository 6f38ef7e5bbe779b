// The waterfall: steps, attempts, Claude's model calls and tools over time. Zoomed by the wheel with Ctrl, buttons and keys.
// Called by run.tsx.
import type { RefObject } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { TimelineAnswer } from '../../src/api/schema/answers.ts';
import { type ApiFailure, getJson } from '../api/http.ts';
import { spansOf } from '../api/views.ts';
import { duration } from '../model/format.ts';
import { elapsedMs, isOpen, msOf, type Run } from '../model/run.ts';
import {
  fullRange,
  pan,
  type Span,
  type TimelineRow,
  type TimeRange,
  ticks,
  timelineRows,
  zoom,
} from '../model/timeline.ts';
import type { RunSession } from '../run-session.ts';
import { useStore } from '../store.ts';
import { Empty, Failure, Icon, Skeleton } from './parts.tsx';

const refreshMs = 1_000;
/** Spans narrower than nothing are still seen and can be pointed at. */
const narrowestPercent = 0.15;
/** A bar this wide has room for its text in a window of common width. */
const labelPercent = 6;
/** Behind this there is no room at the right of a bar. */
const rightmostPercent = 90;
/** A mark behind this has no room for its text. */
const lastTickPercent = 96;
/** A browser draws so many bars at once without a pause; zooming in brings the others. */
const shownSpans = 4_000;

export function Timeline(props: { session: RunSession; run: Run; names: ReadonlyMap<string, string>; nowMs: number }) {
  const { session, run } = props;
  const { spans, dropped, failure } = useSpans(session, run);
  const endMs = isOpen(run.state) ? props.nowMs : (msOf(run.startedAt) ?? 0) + (elapsedMs(run, props.nowMs) ?? 0);
  const chart = useRef<HTMLDivElement>(null);
  const { range, full, isWhole, zoomBy, panBy, showWhole } = useRange(chart, spans, endMs);
  // Every row stays, whatever part of time is shown, so that nothing jumps while one zooms.
  const rows = useMemo(() => timelineRows(spans ?? [], props.names), [spans, run.steps]);
  if (spans === undefined) return failure === undefined ? <Skeleton rows={8} /> : <Failure failure={failure} />;
  if (spans.length === 0) return <Empty title="Nothing has started yet" />;
  const place = (ms: number): number => (100 * (ms - range.fromMs)) / (range.toMs - range.fromMs);
  const visible = spans.filter((span) => (span.endMs ?? endMs) >= range.fromMs && span.startMs <= range.toMs);
  const drawn = new Set(visible.slice(0, shownSpans));
  const hidden = dropped + visible.length - drawn.size;
  return (
    <section class="timeline">
      <div class="toolbar" role="toolbar" aria-label="Timeline">
        <button type="button" class="icon" aria-label="Zoom in" onClick={() => zoomBy(0.5)}>
          <Icon name="zoomIn" />
        </button>
        <button type="button" class="icon" aria-label="Zoom out" onClick={() => zoomBy(2)}>
          <Icon name="zoomOut" />
        </button>
        <button type="button" disabled={isWhole} onClick={showWhole}>
          Whole run
        </button>
        <span class="muted">
          {duration(range.toMs - range.fromMs)} shown{hidden > 0 ? `, ${hidden} spans left out` : ''}
        </span>
      </div>
      <div
        class="chart"
        ref={chart}
        tabIndex={0}
        role="group"
        aria-label="Waterfall; plus and minus zoom, arrows move"
        onKeyDown={(event) => {
          if (event.key === '+') zoomBy(0.5);
          else if (event.key === '-') zoomBy(2);
          else if (event.key === 'ArrowRight') panBy(1 / 8);
          else if (event.key === 'ArrowLeft') panBy(-1 / 8);
          else return;
          event.preventDefault();
        }}
      >
        <div class="row axis" aria-hidden="true">
          <span class="label" />
          <div class="track">
            {ticks(range, full.fromMs).map((ms) => (
              <span key={ms} class="tick tabular" style={{ left: `${place(full.fromMs + ms)}%` }}>
                {place(full.fromMs + ms) <= lastTickPercent && (ms === 0 ? '0' : duration(ms))}
              </span>
            ))}
          </div>
        </div>
        {rows.map((row) => (
          <Row key={row.key} row={row} drawn={drawn} place={place} endMs={endMs} />
        ))}
      </div>
    </section>
  );
}

/** The spans of the run, read again when there are more. */
function useSpans(session: RunSession, run: Run) {
  const events = useStore(session.store, (state) => state.spanEvents);
  const [spans, setSpans] = useState<readonly Span[]>();
  const [dropped, setDropped] = useState(0);
  const [failure, setFailure] = useState<ApiFailure>();
  useEffect(() => {
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      const answer = await getJson<TimelineAnswer>(`/runs/${run.runId}/timeline`, abort.signal);
      if (abort.signal.aborted) return;
      setFailure(answer.ok ? undefined : answer.failure);
      if (!answer.ok) return;
      setSpans(spansOf(answer.value));
      setDropped(answer.value.dropped);
    };
    const timer = setTimeout(() => void ask(), spans === undefined ? 0 : refreshMs);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [run.runId, events, run.state]);
  return { spans, dropped, failure };
}

/** The part of time that is shown: all of the run until somebody zooms or moves. */
function useRange(chart: RefObject<HTMLDivElement | null>, spans: readonly Span[] | undefined, endMs: number) {
  const [chosen, setChosen] = useState<TimeRange>();
  const full = fullRange(spans ?? [], endMs);
  const range = chosen ?? full;
  const at = useRef({ range, full });
  at.current = { range, full };
  /** From where it is now, also when a key or a wheel comes again before the last move was drawn. */
  const moveTo = (next: (now: TimeRange, all: TimeRange) => TimeRange): void => {
    const moved = next(at.current.range, at.current.full);
    at.current = { ...at.current, range: moved };
    setChosen(moved);
  };
  const zoomBy = (factor: number, share = 0.5): void =>
    moveTo((now, all) => zoom(now, all, factor, now.fromMs + share * (now.toMs - now.fromMs)));
  const panBy = (share: number): void => moveTo((now, all) => pan(now, all, share * (now.toMs - now.fromMs)));
  useEffect(() => {
    const element = chart.current;
    if (element === null) return;
    const onWheel = (event: WheelEvent): void => {
      const box = element.querySelector('.track')?.getBoundingClientRect();
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
  }, [spans === undefined]);
  return { range, full, isWhole: chosen === undefined, zoomBy, panBy, showWhole: () => setChosen(undefined) };
}

function Row(props: {
  row: TimelineRow;
  drawn: ReadonlySet<Span>;
  /** Where a time is, in percent of the width. */
  place: (ms: number) => number;
  endMs: number;
}) {
  const { row, drawn, place, endMs } = props;
  return (
    <div class={`row d-${row.depth}`}>
      <span class="label clip" title={row.label}>
        {row.label}
      </span>
      <div class="track">
        {row.spans.map((span, index) => {
          if (!drawn.has(span)) return null;
          const left = Math.max(0, place(span.startMs));
          const right = Math.min(100, place(span.endMs ?? endMs));
          const took = duration((span.endMs ?? endMs) - span.startMs);
          const width = Math.max(narrowestPercent, right - left);
          const label = row.depth < 2 ? took : span.name;
          return [
            <span
              key={index}
              class={`span k-${span.kind} s-${span.result ?? (span.endMs === undefined ? 'running' : 'none')}`}
              style={{ left: `${left}%`, width: `${width}%` }}
              title={`${span.name}, ${took}${span.result === undefined ? '' : `, ${span.result}`}`}
            >
              {width >= labelPercent && <span class="clip">{label}</span>}
            </span>,
            // A bar that is too narrow has its text beside it, where nothing else is.
            width < labelPercent && row.spans.length === 1 && (
              <span key={`${index} label`} class="beside" style={besideOf(left, left + width)}>
                {label}
              </span>
            ),
          ];
        })}
      </div>
    </div>
  );
}

function besideOf(left: number, right: number): { readonly left: string } | { readonly right: string } {
  return right > rightmostPercent ? { right: `${100 - left}%` } : { left: `${right}%` };
}
