// The output of a run: toolbar, rows of the terminal with their numbers, scroll bar. Ties feed, search and terminal together.
import { useEffect, useRef, useState } from 'preact/hooks';
import { app, go, recall, remember } from '../app-state.ts';
import { isOpen, type Run } from '../model/run.ts';
import { parseLine, plainText } from '../output/ansi-line.ts';
import type { Feed } from '../output/feed.ts';
import { everything, isEverything } from '../output/line.ts';
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

export function OutputPanel(props: {
  session: RunSession;
  feed: Feed;
  run: Run;
  steps: readonly string[];
  line: number | undefined;
  /** The time whose line is looked for; the address then names the line. */
  at: string | undefined;
  names: ReadonlyMap<string, string>;
}) {
  const { session, feed, steps } = props;
  const dark = useStore(app, (state) => state.dark);
  const [, redraw] = useState(0);
  const [wrap, setWrap] = useState(recall('stepspan.wrap') !== 'no');
  const [offset, setOffset] = useState(0);
  const [rows, setRows] = useState<readonly ScreenRow[]>([]);
  const holder = useRef<HTMLDivElement>(null);
  const area = useRef<HTMLDivElement>(null);
  const terminal = useRef<TerminalView | undefined>(undefined);
  const frame = useRef(0);
  const view = useRef({ wrap, offset });
  view.current = { wrap, offset };

  /** At most one drawing a frame of the browser, however fast lines come. */
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
      const options = { rows: height, columns, ...view.current, search };
      const next = following ? screenAtEnd(window, options) : screenFrom(window, topSeq, options);
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
  useEffect(draw, [wrap, offset]);
  useEffect(() => {
    const { filter } = feed.state();
    if (filter.steps.join('\n') !== steps.join('\n')) feed.setFilter({ ...filter, steps });
  }, [feed, steps.join('\n')]);
  useEffect(() => {
    if (props.line !== undefined && feed.state().topSeq !== props.line) feed.showSeq(props.line);
  }, [props.line]);

  useEffect(() => {
    if (props.at === undefined) return;
    const { firstSeq, headSeq } = feed.state();
    void lineAt(askLineOf(props.run.runId), BigInt(props.at), firstSeq, headSeq).then((line) => {
      go({ view: 'run', runId: props.run.runId, tab: 'output', ...(line !== undefined && { line }) }, true);
    });
  }, [feed, props.at]);
  const state = feed.state();
  const { window } = state;
  const topIndex = (): number => {
    const first = rows[0];
    return first === undefined ? 0 : indexOfSeq(window, first.line.seq);
  };
  const scrollBy = (lines: number): void => {
    const now = feed.state();
    const height = terminal.current?.size().rows ?? 1;
    const first = rows[0]?.line.seq;
    const at = now.following && first !== undefined ? indexOfSeq(now.window, first) : topIndex();
    const target = at + lines;
    const atBottom = now.window.atEnd && rows.at(-1)?.line.seq === now.window.lines.at(-1)?.seq;
    if (lines > 0 && (now.following || atBottom || (now.window.atEnd && target >= now.window.lines.length - 1)))
      feed.follow();
    else feed.showIndex(Math.max(0, Math.min(target, now.window.lines.length - Math.min(height, 2))));
  };
  /** Sideways, as far as there is something on the screen to be seen. */
  const shiftBy = (columns: number): void => {
    if (wrap) return;
    const longest = Math.max(0, ...rows.map(({ line }) => plainText(parseLine(line.text).runs).length));
    const most = Math.max(0, longest - (terminal.current?.size().columns ?? 0) + columnStep);
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
    PageDown: () => scrollBy((terminal.current?.size().rows ?? 20) - 2),
    PageUp: () => scrollBy(2 - (terminal.current?.size().rows ?? 20)),
    Home: () => feed.showSeq(state.firstSeq),
    End: () => feed.follow(),
    ...(wrap ? {} : { ArrowLeft: () => shiftBy(-columnStep), ArrowRight: () => shiftBy(columnStep) }),
  });
  const nothing = window.lines.length === 0 && !state.loading;
  const filtered = !isEverything(state.filter);

  const chooseSteps = (chosen: readonly string[]): void =>
    go({ view: 'run', runId: props.run.runId, tab: 'output', ...(chosen.length > 0 && { steps: chosen }) }, true);
  const showAll = (): void => {
    feed.setFilter(everything);
    chooseSteps([]);
  };
  return (
    <section class="output" aria-label="Output">
      <OutputToolbar
        session={session}
        feed={feed}
        run={props.run}
        steps={steps}
        wrap={wrap}
        onWrap={toggleWrap}
        onJump={jump}
        onSteps={chooseSteps}
      />
      <div class="output-area" ref={area}>
        <Gutter
          rows={rows}
          runId={props.run.runId}
          rowHeight={terminal.current?.size().rowHeight ?? 16}
          names={props.names}
          marked={props.line}
          hit={session.search.state().hits[session.search.state().at]}
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
        {nothing && (
          <div class="over">
            <Empty title={filtered ? 'No line fits the filter' : 'Nothing was printed yet'}>
              {filtered && (
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
            <Icon name="bottom" /> Follow
          </button>
        )}
      </div>
      <OutputFoot state={state} first={rows[0]?.line.seq} last={rows.at(-1)?.line.seq} open={isOpen(props.run.state)} />
    </section>
  );
}
