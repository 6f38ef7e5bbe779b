// The output of a run: toolbar, rows of the terminal with their numbers, scroll bar. Ties feed, search and terminal together.
// Called by run.tsx.
import { useEffect, useRef, useState } from 'preact/hooks';
import { app, go, recall, remember } from '../app-state.ts';
import { isOpen, type Run } from '../model/run.ts';
import { parseLine, plainText } from '../output/ansi-line.ts';
import type { Feed, FeedState } from '../output/feed.ts';
import { everything, isEverything, usual } from '../output/line.ts';
import { searchPattern } from '../output/paint.ts';
import { type ScreenRow, screenAtEnd, screenFrom } from '../output/screen.ts';
import { askLineOf, lineAt } from '../output/seek.ts';
import { createTerminal, type TerminalView } from '../output/terminal.ts';
import { indexOfSeq } from '../output/window.ts';
import type { RunSession } from '../run-session.ts';
import { useStore } from '../store.ts';
import { Gutter } from './gutter.tsx';
import { OutputFoot } from './output-foot.tsx';
import { OutputToolbar } from './output-toolbar.tsx';
import { Empty, Icon } from './parts.tsx';
import { ScrollBar } from './scroll-bar.tsx';
import { useKeys } from './use-keys.ts';
import { useScroll } from './use-scroll.ts';

/** What an arrow key moves sideways: a tab stop. */
const columnStep = 8;

type PanelProps = {
  session: RunSession;
  feed: Feed;
  run: Run;
  steps: readonly string[];
  line: number | undefined;
  /** The time whose line is looked for; the address then names the line. */
  at: string | undefined;
  names: ReadonlyMap<string, string>;
};

export function OutputPanel(props: PanelProps) {
  const { session, feed, steps, run } = props;
  const [wrap, setWrap] = useState(recall('stepspan.wrap') !== 'no');
  const [offset, setOffset] = useState(0);
  const area = useRef<HTMLDivElement>(null);
  const { holder, terminal, rows } = useScreen(session, feed, { wrap, offset });
  usePlace(props);
  const state = feed.state();
  const size = () => terminal.current?.size() ?? { rows: 20, columns: 0, rowHeight: 16 };

  const scrollBy = (lines: number): void => scrollFeed(feed, rows, size().rows, lines);
  /** Sideways, as far as there is something on the screen to be seen. */
  const shiftBy = (columns: number): void => {
    if (wrap) return;
    const longest = Math.max(0, ...rows.map(({ line }) => plainText(parseLine(line.text).runs).length));
    const most = Math.max(0, longest - size().columns + columnStep);
    setOffset((now) => Math.max(0, Math.min(now + columns, Math.max(now, most))));
  };
  useScroll(area, scrollBy, shiftBy);
  const toggleWrap = (): void => {
    remember('stepspan.wrap', wrap ? 'no' : undefined);
    setWrap(!wrap);
    setOffset(0);
  };
  const jump = (direction: 1 | -1): void => {
    const seq = session.search.step(direction, rows[0]?.line.seq ?? 0);
    if (seq !== undefined) feed.showSeq(seq);
  };
  useKeys({
    n: () => jump(1),
    N: () => jump(-1),
    j: () => scrollBy(1),
    k: () => scrollBy(-1),
    g: () => feed.showSeq(state.firstSeq),
    G: () => feed.follow(),
    w: toggleWrap,
    PageDown: () => scrollBy(size().rows - 2),
    PageUp: () => scrollBy(2 - size().rows),
    Home: () => feed.showSeq(state.firstSeq),
    End: () => feed.follow(),
    ...(wrap ? {} : { ArrowLeft: () => shiftBy(-columnStep), ArrowRight: () => shiftBy(columnStep) }),
  });

  const chooseSteps = (chosen: readonly string[]): void =>
    go({ view: 'run', runId: run.runId, tab: 'output', ...(chosen.length > 0 && { steps: chosen }) }, true);
  const { hits, at } = session.search.state();
  return (
    <section class="output" aria-label="Output">
      <OutputToolbar {...{ session, feed, run, steps, wrap }} onWrap={toggleWrap} onJump={jump} onSteps={chooseSteps} />
      <div class="output-area" ref={area}>
        <Gutter
          rows={rows}
          runId={run.runId}
          rowHeight={size().rowHeight}
          names={props.names}
          marked={props.line}
          hit={hits[at]}
          onEdge={scrollBy}
        />
        <div class="screen" ref={holder} tabIndex={0} role="document" aria-label="Lines of output" />
        <ScrollBar
          firstSeq={state.firstSeq}
          headSeq={state.headSeq}
          topSeq={rows[0]?.line.seq ?? 0}
          bottomSeq={state.following ? state.headSeq : (rows.at(-1)?.line.seq ?? 0)}
          onSeek={(seq) => (seq >= state.headSeq - 1 ? feed.follow() : feed.showSeq(seq))}
        />
        <OverOutput state={state} run={run} feed={feed} onAllSteps={() => chooseSteps([])} />
      </div>
      <OutputFoot state={state} first={rows[0]?.line.seq} last={rows.at(-1)?.line.seq} open={isOpen(run.state)} />
    </section>
  );
}

/** Draws the feed into a terminal. */
function useScreen(session: RunSession, feed: Feed, options: { readonly wrap: boolean; readonly offset: number }) {
  const dark = useStore(app, (state) => state.dark);
  const [, redraw] = useState(0);
  const [rows, setRows] = useState<readonly ScreenRow[]>([]);
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
      const { window, following, topSeq } = feed.state();
      // What is being selected must not move away under the pointer.
      if (following && screen.hasSelection()) return;
      const { rows: height, columns } = screen.size();
      const search = searchPattern(session.search.state().query);
      const how = { rows: height, columns, ...view.current, search };
      const next = following ? screenAtEnd(window, how) : screenFrom(window, topSeq, how);
      screen.draw(next);
      setRows(next);
      redraw((count) => count + 1);
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
  useEffect(draw, [options.wrap, options.offset]);
  return { holder, terminal, rows };
}

/** Shows what the address names: steps, a line, or the line of a time. */
function usePlace({ feed, steps, line, at, run: { runId } }: PanelProps): void {
  useEffect(() => {
    const { filter } = feed.state();
    if (filter.steps.join('\n') !== steps.join('\n')) feed.setFilter({ ...filter, steps });
  }, [feed, steps.join('\n')]);
  useEffect(() => {
    if (line !== undefined && feed.state().topSeq !== line) feed.showSeq(line);
  }, [line]);
  useEffect(() => {
    if (at === undefined) return;
    const { firstSeq, headSeq } = feed.state();
    void lineAt(askLineOf(runId), BigInt(at), firstSeq, headSeq).then((found) => {
      go({ view: 'run', runId, tab: 'output', ...(found !== undefined && { line: found }) }, true);
    });
  }, [feed, at]);
}

function scrollFeed(feed: Feed, rows: readonly ScreenRow[], height: number, by: number): void {
  const { window, following } = feed.state();
  const first = rows[0]?.line.seq;
  const target = (first === undefined ? 0 : indexOfSeq(window, first)) + by;
  const atBottom = window.atEnd && rows.at(-1)?.line.seq === window.lines.at(-1)?.seq;
  if (by > 0 && (following || atBottom || (window.atEnd && target >= window.lines.length - 1))) feed.follow();
  else feed.showIndex(Math.max(0, Math.min(target, window.lines.length - Math.min(height, 2))));
}

/** What is laid over the lines: why there are none, what went wrong, and the way back to the end. */
function OverOutput(props: { state: FeedState; run: Run; feed: Feed; onAllSteps: () => void }) {
  const { state, run, feed } = props;
  const isEmpty = state.window.lines.length === 0 && !state.loading;
  const hidesNothing = state.filter.streams === usual.streams && run.lines.debug === 0;
  const isFiltered = !isEverything(hidesNothing ? { ...state.filter, streams: [] } : state.filter);
  const showAll = (): void => {
    feed.setFilter(everything);
    props.onAllSteps();
  };
  return (
    <>
      {isEmpty && (
        <div class="over">
          <Empty title={isFiltered ? 'No line fits the filter' : 'Nothing was printed yet'}>
            {isFiltered && (
              <button type="button" onClick={showAll}>
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
