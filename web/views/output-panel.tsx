// The output of a run: toolbar, rows of the terminal with their numbers, scroll bar. Ties feed, search and terminal together.
// Called by run.tsx.
import { useEffect, useRef, useState } from 'preact/hooks';
import { app, go, recall, remember } from '../app-state.ts';
import { isOpen, lineCount, type Run } from '../model/run.ts';
import { parseLine, plainText } from '../output/ansi-line.ts';
import { copyLines, type LineRange } from '../output/copy-lines.ts';
import type { Feed, FeedState } from '../output/feed.ts';
import { everything, filterOfRoute, filterQuery, isEverything, type OutputFilter, usual } from '../output/line.ts';
import { searchPattern } from '../output/paint.ts';
import { type ScreenOptions, type ScreenRow, screenAround, screenAtEnd, screenFrom } from '../output/screen.ts';
import { askLineOf, lineAt } from '../output/seek.ts';
import { createTerminal, type TerminalView } from '../output/terminal.ts';
import { nextTimes, savedTimes, type Times } from '../output/times.ts';
import { emptyWindow, indexOfSeq, type OutputWindow } from '../output/window.ts';
import { type RunRoute, withoutPlace } from '../route.ts';
import type { RunSession } from '../run-session.ts';
import { useStore } from '../store.ts';
import { Gutter } from './gutter.tsx';
import { LinesForReaders } from './lines-for-readers.tsx';
import { OutputFoot } from './output-foot.tsx';
import { OutputToolbar } from './output-toolbar.tsx';
import { Empty, Icon } from './parts.tsx';
import { ScrollBar } from './scroll-bar.tsx';
import { say } from './toasts.tsx';
import { useKeys } from './use-keys.ts';
import { useScroll } from './use-scroll.ts';

/** What an arrow key moves sideways: a tab stop. */
const columnStep = 8;

type PanelProps = {
  session: RunSession;
  feed: Feed;
  run: Run;
  steps: readonly string[];
  /** What is shown: filters, the search, and the place. Each change of one of them goes through the address. */
  route: RunRoute;
  names: ReadonlyMap<string, string>;
};

export function OutputPanel(props: PanelProps) {
  const { session, feed, route, run } = props;
  const { wrap, offset, shift, toggleWrap } = useWrap();
  const area = useRef<HTMLDivElement>(null);
  const { fields, switchFields } = useFields();
  const { holder, terminal, rows, shown, redraw } = useScreen(session, feed, { wrap, offset, fields });
  usePlace(props);
  const state = feed.state();
  const size = () => terminal.current?.size() ?? { rows: 20, columns: 0, rowHeight: 16 };

  const scrollBy = (lines: number): void => scrollFeed(feed, shown, rows, { height: size().rows, by: lines });
  /** Sideways, as far as there is something on the screen to be seen. */
  const shiftBy = (columns: number): void => {
    const longest = Math.max(0, ...rows.map(({ line }) => plainText(parseLine(line.text).runs).length));
    shift(columns, longest - size().columns + columnStep);
  };
  useScroll(area, scrollBy, shiftBy);
  const { times, switchTimes } = useTimes();
  const jump = (direction: 1 | -1): void => {
    const seq = session.search.step(direction, rows[0]?.line.seq ?? 0);
    if (seq !== undefined) feed.showInMiddle(seq);
  };
  const { toggleFold, toggleFolds } = foldActions(session, feed, rows[0], redraw);
  const switches = { toggleWrap, switchTimes, switchFields, toggleFolds };
  useOutputKeys(props, { rows: () => size().rows, scrollBy, jump, ...switches });
  useKeys(wrap ? {} : { ArrowLeft: () => shiftBy(-columnStep), ArrowRight: () => shiftBy(columnStep) });

  const choose = (filter: OutputFilter): void => go(routeOfFilter(route, filter));
  const { hits, at } = session.search.state();
  return (
    <section class="output" aria-label="Output">
      <OutputToolbar
        {...{ session, feed, run, route, wrap, times, fields }}
        onWrap={toggleWrap}
        onTimes={switchTimes}
        onFields={switchFields}
        onJump={jump}
        onFilter={choose}
      />
      <div class="output-area" ref={area}>
        <Gutter
          rows={rows}
          route={route}
          run={run}
          times={times}
          rowHeight={size().rowHeight}
          names={props.names}
          marked={foundOf(state, route) ?? markedOf(route)}
          hit={hits[at]}
          onEdge={scrollBy}
          onFold={toggleFold}
        />
        <div class="screen" tabIndex={0} role="document" aria-label="Lines of output">
          <LinesForReaders rows={rows} names={props.names} />
          <div
            class="terminal"
            ref={holder}
            aria-hidden="true"
            onClick={(event) => {
              const row = rows[Math.floor(heightInside(event) / size().rowHeight)];
              if (row !== undefined && terminal.current?.hasSelection() !== true) toggleFold(row);
            }}
          />
        </div>
        <PlaceInRun feed={feed} screen={{ rows, shown }} />
        <OverOutput state={state} run={run} feed={feed} onShowAll={() => choose(everything)} />
      </div>
      <OutputFoot
        state={state}
        first={rows[0]?.line.number}
        last={rows.at(-1)?.line.number}
        lines={lineCount(run)}
        open={isOpen(run.state)}
      />
    </section>
  );
}

function useTimes() {
  const [times, setTimes] = useState<Times>(savedTimes());
  const switchTimes = (): void => {
    const next = nextTimes(times);
    remember('stepspan.times', next);
    setTimes(next);
  };
  return { times, switchTimes };
}

/** Whether long lines are wrapped; if they are not, how far the screen is moved to the right. */
function useWrap() {
  const [wrap, setWrap] = useState(recall('stepspan.wrap') !== 'no');
  const [offset, setOffset] = useState(0);
  return {
    wrap,
    offset,
    shift(columns: number, most: number): void {
      if (!wrap) setOffset((now) => Math.max(0, Math.min(now + columns, Math.max(now, most))));
    },
    toggleWrap(): void {
      remember('stepspan.wrap', wrap ? 'no' : undefined);
      setWrap(!wrap);
      setOffset(0);
    },
  };
}

/** What is folded belongs to the session: it is still so when the tab is opened again. */
function foldActions({ folds }: RunSession, feed: Feed, top: ScreenRow | undefined, redraw: () => void) {
  return {
    toggleFold({ line, fold }: ScreenRow): void {
      if (fold === undefined) return;
      folds.toggle(line.seq, fold.isOpen);
      // What is above the group stays where it is, also at the end of the run.
      if (top !== undefined && (!fold.isOpen || !feed.state().following)) feed.showSeq(top.line.seq);
      redraw();
    },
    toggleFolds(): void {
      folds.toggleAll(feed.state().window);
      redraw();
    },
  };
}

/** How far below the top of its element a click was. */
function heightInside({
  clientY,
  currentTarget,
}: {
  readonly clientY: number;
  readonly currentTarget: Element;
}): number {
  return clientY - currentTarget.getBoundingClientRect().top;
}

function useFields() {
  const [fields, setFields] = useState(recall('stepspan.fields') !== 'no');
  const switchFields = (): void => {
    remember('stepspan.fields', fields ? 'no' : undefined);
    setFields(!fields);
  };
  return { fields, switchFields };
}

type OutputActions = {
  readonly rows: () => number;
  readonly scrollBy: (lines: number) => void;
  readonly jump: (direction: 1 | -1) => void;
  readonly toggleWrap: () => void;
  readonly switchTimes: () => void;
  readonly switchFields: () => void;
  readonly toggleFolds: () => void;
};

function useOutputKeys({ feed, run, route }: PanelProps, actions: OutputActions): void {
  const { rows, scrollBy, jump, toggleWrap, switchTimes, switchFields, toggleFolds } = actions;
  const toStart = (): void => feed.showSeq(feed.state().firstSeq);
  useKeys({
    n: () => jump(1),
    N: () => jump(-1),
    j: () => scrollBy(1),
    k: () => scrollBy(-1),
    g: toStart,
    G: () => feed.follow(),
    w: toggleWrap,
    t: switchTimes,
    J: switchFields,
    z: toggleFolds,
    c: () => void copyLines(run, feed.state().filter, markedOf(route)).then(say),
    PageDown: () => scrollBy(rows() - 2),
    PageUp: () => scrollBy(2 - rows()),
    Home: toStart,
    End: () => feed.follow(),
  });
}

function PlaceInRun({ feed, screen: { rows, shown } }: { feed: Feed; screen: Screen }) {
  const { firstSeq, headSeq, following } = feed.state();
  const isAtStart = shown.atStart && rows[0] !== undefined && rows[0].line === shown.lines[0];
  return (
    <ScrollBar
      firstSeq={firstSeq}
      headSeq={headSeq}
      topSeq={isAtStart ? firstSeq : (rows[0]?.line.seq ?? 0)}
      bottomSeq={following ? headSeq : (rows.at(-1)?.line.seq ?? 0)}
      onSeek={(seq) => (seq >= headSeq - 1 ? feed.follow() : feed.showSeq(seq))}
    />
  );
}

type Screen = {
  readonly rows: readonly ScreenRow[];
  /** The lines that are held, without those that are folded. */
  readonly shown: OutputWindow;
};

/** What is on the screen. If folding leaves less than that, and there is more, nothing is folded. */
function screenOf({ folds }: RunSession, feed: Feed, how: Omit<ScreenOptions, 'heads'>): Screen {
  const { window, following, topSeq, place } = feed.state();
  const folded = folds.fold(window, place === 'middle' && !following ? topSeq : undefined);
  const { lines } = folded.window;
  const isShort = following
    ? !window.atStart && lines.length < how.rows
    : !window.atEnd && lines.length - indexOfSeq(folded.window, topSeq) < 2 * how.rows;
  const isUnfolded = isShort && (following || !feed.readFurther());
  const { window: shown, heads } = isUnfolded ? { window, heads: noHeads } : folded;
  const options = { ...how, heads };
  const show = place === 'middle' ? screenAround : screenFrom;
  return { shown, rows: following ? screenAtEnd(shown, options) : show(shown, topSeq, options) };
}

const noHeads: ScreenOptions['heads'] = new Map();

/** Draws the feed into a terminal. */
function useScreen(session: RunSession, feed: Feed, options: Pick<ScreenOptions, 'wrap' | 'offset' | 'fields'>) {
  const dark = useStore(app, (state) => state.dark);
  const [screen, setScreen] = useState<Screen>({ rows: [], shown: emptyWindow });
  const holder = useRef<HTMLDivElement>(null);
  const terminal = useRef<TerminalView | undefined>(undefined);
  const frame = useRef(0);
  const view = useRef(options);
  view.current = options;

  /** At most once in a frame of the browser, however fast lines come. */
  const draw = (): void => {
    if (frame.current !== 0) return;
    frame.current = requestAnimationFrame(() => {
      frame.current = 0;
      const screen = terminal.current;
      if (screen === undefined) return;
      // What is being selected must not move away under the pointer.
      if (feed.state().following && screen.hasSelection()) return;
      const { rows: height, columns } = screen.size();
      const search = searchPattern(session.search.state().query);
      const next = screenOf(session, feed, { rows: height, columns, ...view.current, search });
      screen.draw(next.rows);
      // A new object each time, so that the toolbar and the foot are drawn again as well.
      setScreen({ ...next });
    });
  };

  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const made = createTerminal(element, app.get().dark);
    terminal.current = made;
    const resize = new ResizeObserver(() => {
      made.fit();
      draw();
    });
    resize.observe(element);
    made.fit();
    draw();
    const offFeed = feed.onChange(draw);
    const offSearch = session.search.onChange(draw);
    return () => {
      offFeed();
      offSearch();
      resize.disconnect();
      cancelAnimationFrame(frame.current);
      frame.current = 0;
      made.dispose();
      terminal.current = undefined;
    };
  }, [feed]);
  useEffect(() => terminal.current?.setTheme(dark), [dark]);
  useEffect(draw, [options.wrap, options.offset, options.fields]);
  return { holder, terminal, ...screen, redraw: draw };
}

function routeOfFilter(route: RunRoute, { steps, streams, severities }: OutputFilter): RunRoute {
  const { steps: _, streams: _streams, severities: _severities, ...rest } = withoutPlace(route);
  return {
    ...rest,
    ...(steps.length === 0 ? {} : { steps }),
    ...(streams === usual.streams ? {} : { streams }),
    ...(severities.length === 0 ? {} : { severities }),
  };
}

function markedOf({ line, to }: RunRoute): LineRange | undefined {
  return line === undefined ? undefined : { from: line, to: to ?? line };
}

/** The line that a search or a key has found, if it is not that of the link. */
function foundOf({ following, place, topSeq }: FeedState, { line }: RunRoute): LineRange | undefined {
  return following || place === 'top' || topSeq === line ? undefined : { from: topSeq, to: topSeq };
}

/** Shows what the address names: filters, a search, a line, the line of a time. Writes into it where one reads. */
function usePlace({ session, feed, route }: PanelProps): void {
  const { line, at, search = '' } = route;
  const filter = filterOfRoute(route);
  const key = filterQuery(filter);
  useEffect(() => {
    if (filterQuery(feed.state().filter) !== key) feed.setFilter(filter);
  }, [feed, key]);
  useEffect(() => {
    if (search !== '' || session.search.state().query !== '') session.search.start(search, filter);
  }, [feed, search, key]);
  useEffect(() => {
    if (line !== undefined && feed.state().topSeq !== line && route.top === undefined) feed.showInMiddle(line);
  }, [line]);
  useEffect(() => {
    if (at === undefined) return;
    const { firstSeq, headSeq } = feed.state();
    void lineAt(askLineOf(route.runId), BigInt(at), firstSeq, headSeq).then(async (found) => {
      // The line that was printed then may be one that the filter leaves out, as the raw protocol of Claude Code.
      const shown = found === undefined ? undefined : await askLineOf(route.runId, `&${key}`)(found);
      const marked = shown?.seq ?? found;
      go({ ...withoutPlace(route), ...(marked !== undefined && { line: marked }) }, true);
    });
  }, [feed, at]);
  useTopInAddress(feed, route);
}

/** So long after the last movement the address is written: browsers refuse to have it changed at each line. */
const addressAfterMs = 400;

function useTopInAddress(feed: Feed, { top }: RunRoute): void {
  const written = useRef(top);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const write = (): void => {
      const { route } = app.get();
      const { following, place, topSeq } = feed.state();
      if (route.view !== 'run' || route.tab !== 'output') return;
      const { top: before, ...rest } = route;
      // A line in the middle is named by its link, or was found by a search or a key.
      const now = following || (place === 'middle' && topSeq === route.line) ? undefined : topSeq;
      if (now === before) return;
      written.current = now;
      go({ ...rest, ...(now === undefined ? {} : { top: now }) }, true);
    };
    const off = feed.onChange(() => {
      clearTimeout(timer);
      timer = setTimeout(write, addressAfterMs);
    });
    return () => {
      clearTimeout(timer);
      off();
    };
  }, [feed]);
  useEffect(() => {
    // The person went back or forward to another place.
    if (top === written.current) return;
    written.current = top;
    if (top !== undefined) feed.showSeq(top);
    else if (app.get().route.view === 'run') feed.follow();
  }, [top]);
}

function scrollFeed(
  feed: Feed,
  window: OutputWindow,
  rows: readonly ScreenRow[],
  { height, by }: { readonly height: number; readonly by: number },
): void {
  const { following } = feed.state();
  const first = rows[0]?.line.seq;
  const target = (first === undefined ? 0 : indexOfSeq(window, first)) + by;
  const atBottom = window.atEnd && rows.at(-1)?.line.seq === window.lines.at(-1)?.seq;
  if (by > 0 && (following || atBottom || (window.atEnd && target >= window.lines.length - 1))) feed.follow();
  else {
    const line = window.lines[Math.max(0, Math.min(target, window.lines.length - Math.min(height, 2)))];
    if (line !== undefined) feed.showSeq(line.seq);
  }
}

/** What is laid over the lines: why there are none, what went wrong, and the way back to the end. */
function OverOutput(props: { state: FeedState; run: Run; feed: Feed; onShowAll: () => void }) {
  const { state, run, feed } = props;
  const isEmpty = state.window.lines.length === 0 && !state.loading;
  const hidesNothing = state.filter.streams === usual.streams && run.lines.debug === 0;
  const isFiltered = !isEverything(hidesNothing ? { ...state.filter, streams: [] } : state.filter);
  return (
    <>
      {isEmpty && (
        <div class="over">
          <Empty title={isFiltered ? 'No line fits the filter' : 'Nothing was printed yet'}>
            {isFiltered && (
              <button type="button" onClick={props.onShowAll}>
                Show all lines
              </button>
            )}
          </Empty>
        </div>
      )}
      {state.failure !== '' && <p class="over banner bad">{state.failure}</p>}
      {!state.following && (
        <button type="button" class="follow" onClick={() => feed.follow()}>
          <Icon name="bottom" /> {isOpen(run.state) ? 'Follow' : 'To the end'}
        </button>
      )}
    </>
  );
}
