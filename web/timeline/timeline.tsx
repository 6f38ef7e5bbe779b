// The timeline: a tree of everything that took time, from the run down to single calls, with the bar of each, the critical path, and
// a pane of details. Only rows that are seen are in the page. Called by run.tsx.
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { formatCount } from '../../src/core/units.ts';
import { go } from '../app-state.ts';
import { duration } from '../model/format.ts';
import { isOpen as isRunOpen, type Run } from '../model/run.ts';
import type { RunRoute } from '../route.ts';
import type { RunSession } from '../run-session.ts';
import { Empty, Failure, Icon, Skeleton } from '../views/parts.tsx';
import { type CriticalPath, criticalPath } from './critical-path.ts';
import { SpanDetails } from './details.tsx';
import { fullRange, type TimeRange, ticks } from './range.ts';
import { Row, roles, rowId } from './row.tsx';
import { buildTree, isOpenAtFirst, pathTo, type Row as RowModel, rowsOf, type TimelineNode } from './tree.ts';
import { type Range, useRange } from './use-range.ts';
import { useSpans } from './use-spans.ts';

/** A mark behind this has no room for its text. */
const lastTickPercent = 93;
const axisPx = 26;
/** Rows beyond what is seen, so that scrolling shows no gap. */
const overscan = 12;
const phone = matchMedia('(max-width: 640px)');

type Props = { readonly session: RunSession; readonly run: Run; readonly route: RunRoute; readonly nowMs: number };

export function Timeline({ session, run, route, nowMs }: Props) {
  const { spans, failure } = useSpans(session, run);
  const root = useMemo(() => (spans === undefined ? undefined : buildTree(spans, run.steps)), [spans, run.steps]);
  if (spans === undefined) return failure === undefined ? <Skeleton rows={8} /> : <Failure failure={failure} />;
  if (root === undefined) return <Empty title="Nothing has started yet" />;
  return <Tree {...{ run, route, root, nowMs }} />;
}

type TreeProps = Omit<Props, 'session'> & { readonly root: TimelineNode };

function Tree(props: TreeProps) {
  const { run, route, root, nowMs } = props;
  const { scroller, rows, at, open, view, path, time, chosenPath, ...tree } = useTree(props);
  const chosen = chosenPath.at(-1);
  const { zeroMs } = tree;
  return (
    <section class={`timeline ${chosen === undefined ? '' : 'with-details'}`}>
      <Tools {...{ time, path, root }} endMs={tree.endMs} />
      <div
        class="tree"
        ref={scroller}
        tabIndex={0}
        role="treegrid"
        aria-label="Timeline"
        aria-activedescendant={rowId(rows[at]?.node.id ?? root.id)}
        aria-rowcount={rows.length + 1}
        onKeyDown={tree.onKeyDown}
        onClick={tree.onClick}
      >
        <Axis range={time.range} zeroMs={zeroMs} />
        <Rows {...{ rows, at, open, view, path, zeroMs, nowMs }} range={time.range} chosen={chosen?.id} />
      </div>
      {chosen !== undefined && (
        <SpanDetails
          {...{ run, route, zeroMs, nowMs }}
          node={chosen}
          path={chosenPath}
          isCritical={path.ids.has(chosen.id)}
          onChoose={tree.choose}
          onClose={() => {
            tree.choose(undefined);
            scroller.current?.focus();
          }}
        />
      )}
    </section>
  );
}

/** What the tree shows, which row is active, and what keys and clicks do. */
function useTree({ run, route, root, nowMs }: TreeProps) {
  const isLive = isRunOpen(run.state);
  const zeroMs = root.startMs ?? 0;
  const endMs = useMemo(() => lastEnd(root), [root]);
  const full = fullRange(zeroMs, endMs, isLive ? nowMs : undefined);
  const scroller = useRef<HTMLDivElement>(null);
  const time = useRange(scroller, full, true);
  const path = useMemo(() => criticalPath(root, isLive ? nowMs : endMs), [root, isLive, isLive ? nowMs : endMs]);
  const { open, toggle, openTo } = useOpen(root, route.span);
  const rows = useMemo(() => rowsOf(root, open), [root, open]);
  const view = useRows(scroller, rows);
  const [active, setActive] = useState(route.span ?? root.id);
  const at = Math.max(
    0,
    rows.findIndex(({ node }) => node.id === active),
  );
  const chosenPath = useMemo(() => (route.span === undefined ? [] : pathTo(root, route.span)), [root, route.span]);
  const chosen = chosenPath.at(-1);
  const choose = (id: string | undefined): void => {
    const { span: _, ...rest } = route;
    go({ ...rest, ...(id !== undefined && { span: id }) }, true);
  };
  const move = (id: string): void => {
    setActive(id);
    view.reveal(rows.findIndex(({ node }) => node.id === id));
    if (chosen !== undefined) choose(id);
  };
  useLink({
    span: route.span,
    isAtSpan: rows[at]?.node.id === route.span,
    rows,
    reveal: () => view.reveal(at),
    show: (id) => {
      setActive(id);
      openTo(id);
    },
  });
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!act(event, { rows, at, open, toggle, move, choose, time, chosen, screen: view.screen })) return;
    event.preventDefault();
    event.stopPropagation();
  };
  const onClick = ({ target }: MouseEvent): void => {
    const element = target instanceof Element ? target : undefined;
    const id = element?.closest<HTMLElement>('[data-id]')?.dataset.id;
    if (id === undefined) return;
    setActive(id);
    if (element?.closest('.fold:not(:empty)')) toggle(id);
    else choose(id === chosen?.id ? undefined : id);
  };
  const lastMs = isLive ? nowMs : endMs;
  return {
    ...{ scroller, rows, at, open, view, path, time, chosenPath, zeroMs },
    endMs: lastMs,
    choose,
    onKeyDown,
    onClick,
  };
}

function Rows(props: {
  rows: readonly RowModel[];
  /** The active one. */
  at: number;
  open: ReadonlyMap<string, boolean>;
  view: ReturnType<typeof useRows>;
  path: CriticalPath;
  chosen: string | undefined;
  range: TimeRange;
  zeroMs: number;
  nowMs: number;
}) {
  const { rows, at, open, view, path, range, zeroMs, nowMs } = props;
  return (
    <div class="rows" role="rowgroup" style={{ height: `${rows.length * view.rowPx}px` }}>
      {view.shown(at).map((index) => {
        const row = rows[index];
        if (row === undefined) return null;
        const { node } = row;
        return (
          <Row
            key={node.id}
            {...{ row, zeroMs, nowMs, range }}
            isOpen={node.children.length === 0 ? undefined : isNodeOpen(row, open)}
            isActive={index === at}
            isChosen={node.id === props.chosen}
            isCritical={path.ids.has(node.id)}
            top={index * view.rowPx}
          />
        );
      })}
    </div>
  );
}

function lastEnd(root: TimelineNode): number {
  let last = root.endMs ?? root.startMs ?? 0;
  const nodes = [root];
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    last = Math.max(last, node.endMs ?? node.startMs ?? 0);
    for (const child of node.children) nodes.push(child);
  }
  return last;
}

function isNodeOpen({ node, position, siblings }: RowModel, open: ReadonlyMap<string, boolean>): boolean {
  return open.get(node.id) ?? isOpenAtFirst(node, position === siblings);
}

/** Shows the span of the address: what is above it is opened, and its row is scrolled into view once it is there. */
function useLink(props: {
  span: string | undefined;
  isAtSpan: boolean;
  rows: readonly RowModel[];
  reveal: () => void;
  show: (id: string) => void;
}): void {
  const { span } = props;
  useEffect(() => {
    if (span !== undefined) props.show(span);
  }, [span]);
  const isReached = useRef(false);
  useEffect(() => {
    if (isReached.current || span === undefined || !props.isAtSpan) return;
    isReached.current = true;
    props.reveal();
  }, [props.rows]);
}

/** What somebody has opened and closed. */
function useOpen(root: TimelineNode, chosen: string | undefined) {
  const [open, setOpen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const latest = useRef(root);
  latest.current = root;
  const set = (id: string, isOpen: boolean): void => setOpen((now) => new Map([...now, [id, isOpen]]));
  const openTo = (id: string): void => {
    const above = pathTo(latest.current, id).slice(0, -1);
    setOpen((now) => new Map([...now, ...above.map((node) => [node.id, true] as const)]));
  };
  const isThere = useRef(false);
  useEffect(() => {
    if (isThere.current || chosen === undefined || pathTo(root, chosen).length === 0) return;
    isThere.current = true;
    openTo(chosen);
  }, [root, chosen]);
  const toggle = (id: string): void => {
    const path = pathTo(latest.current, id);
    const node = path.at(-1);
    const siblings = path.at(-2)?.children ?? [];
    if (node === undefined) return;
    setOpen((now) => new Map([...now, [id, !(now.get(id) ?? isOpenAtFirst(node, siblings.at(-1) === node))]]));
  };
  return { open, set, toggle, openTo };
}

/** Which rows are in the page. What is at the top stays there when rows come above it. */
function useRows(scroller: RefObject<HTMLDivElement | null>, rows: readonly RowModel[]) {
  const [view, setView] = useState({ top: 0, height: 800 });
  const [isPhone, setIsPhone] = useState(phone.matches);
  const rowPx = isPhone ? 46 : 28;
  const held = useRef<{ readonly id: string; readonly offset: number }>(undefined);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const look = (): void => {
      const { scrollTop: top, clientHeight: height } = element;
      setView((now) => (now.top === top && now.height === height ? now : { top, height }));
    };
    const onPhone = (): void => setIsPhone(phone.matches);
    const size = new ResizeObserver(look);
    size.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    phone.addEventListener('change', onPhone);
    look();
    return () => {
      size.disconnect();
      element.removeEventListener('scroll', look);
      phone.removeEventListener('change', onPhone);
    };
  }, []);
  useLayoutEffect(() => {
    const element = scroller.current;
    const { current } = held;
    if (element === null || current === undefined || element.scrollTop === 0) return;
    const index = rows.findIndex(({ node }) => node.id === current.id);
    if (index !== -1) element.scrollTop = index * rowPx + current.offset;
  }, [rows]);
  const first = Math.floor(view.top / rowPx);
  useLayoutEffect(() => {
    const top = rows[first];
    held.current = top === undefined ? undefined : { id: top.node.id, offset: view.top - first * rowPx };
  });
  return {
    rowPx,
    screen: Math.max(1, Math.floor((view.height - axisPx) / rowPx) - 1),
    /** The active row is always there, since the keys act on it. */
    shown(active: number): readonly number[] {
      const from = Math.max(0, first - overscan);
      const to = Math.min(rows.length, Math.ceil((view.top + view.height) / rowPx) + overscan);
      const shown = Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
      return active < from || active >= to ? [...shown, active] : shown;
    },
    reveal(index: number): void {
      const element = scroller.current;
      if (element === null || index < 0) return;
      const y = index * rowPx;
      const { scrollTop, clientHeight } = element;
      if (y < scrollTop) element.scrollTop = y;
      else if (y + rowPx > scrollTop + clientHeight - axisPx) element.scrollTop = y + rowPx - clientHeight + axisPx;
    },
  };
}

type Acting = {
  readonly rows: readonly RowModel[];
  readonly at: number;
  readonly open: ReadonlyMap<string, boolean>;
  readonly toggle: (id: string) => void;
  readonly move: (id: string) => void;
  readonly choose: (id: string | undefined) => void;
  readonly time: Range;
  readonly chosen: TimelineNode | undefined;
  readonly screen: number;
};

/** The keys of a tree, and those of the time. @returns whether the key meant something */
function act(event: KeyboardEvent, { rows, at, open, toggle, move, choose, time, chosen, screen }: Acting): boolean {
  const row = rows[at];
  if (row === undefined) return false;
  const { node, parentId } = row;
  const canOpen = node.children.length > 0;
  const isOpen = canOpen && isNodeOpen(row, open);
  const to = (index: number): void => {
    const target = rows[Math.min(rows.length - 1, Math.max(0, index))];
    if (target !== undefined) move(target.node.id);
  };
  const actions: Readonly<Record<string, (() => void) | undefined>> = {
    ArrowDown: () => to(at + 1),
    ArrowUp: () => to(at - 1),
    PageDown: () => to(at + screen),
    PageUp: () => to(at - screen),
    Home: () => to(0),
    End: () => to(rows.length - 1),
    ArrowRight: () => {
      if (event.shiftKey) time.panBy(1 / 8);
      else if (canOpen && !isOpen) toggle(node.id);
      else if (canOpen) to(at + 1);
    },
    ArrowLeft: () => {
      if (event.shiftKey) time.panBy(-1 / 8);
      else if (isOpen) toggle(node.id);
      else if (parentId !== undefined) move(parentId);
    },
    Enter: () => choose(node.id === chosen?.id ? undefined : node.id),
    ' ': () => choose(node.id === chosen?.id ? undefined : node.id),
    Escape: chosen === undefined ? undefined : () => choose(undefined),
    '+': () => time.zoomBy(0.5),
    '-': () => time.zoomBy(2),
    '0': () => time.show(undefined),
  };
  const action = actions[event.key];
  action?.();
  return action !== undefined;
}

function Axis({ range, zeroMs }: { range: TimeRange; zeroMs: number }) {
  const place = (ms: number): number => (100 * (ms - range.fromMs)) / (range.toMs - range.fromMs);
  return (
    <div class="row axis" {...roles.row}>
      <span class="label" {...roles.head}>
        What
      </span>
      <span class="took" {...roles.head}>
        Took
      </span>
      <span class="track" {...roles.head}>
        <span class="sr-only">When</span>
        {ticks(range, zeroMs, phone.matches ? 3 : 6).map((ms) => (
          <span key={ms} class="tick tabular" aria-hidden="true" style={{ left: `${place(zeroMs + ms)}%` }}>
            {place(zeroMs + ms) <= lastTickPercent && (ms === 0 ? '0' : duration(ms))}
          </span>
        ))}
      </span>
    </div>
  );
}

function Tools(props: { time: Range; path: CriticalPath; root: TimelineNode; endMs: number }) {
  const { time, path, root } = props;
  const { range } = time;
  const wholeMs = props.endMs - (root.startMs ?? 0);
  const names = path.steps.map(({ name }) => name).join(' → ');
  return (
    <div class="toolbar" role="toolbar" aria-label="Timeline">
      <button type="button" class="icon" aria-label="Zoom in" title="Zoom in (+)" onClick={() => time.zoomBy(0.5)}>
        <Icon name="zoomIn" />
      </button>
      <button type="button" class="icon" aria-label="Zoom out" title="Zoom out (-)" onClick={() => time.zoomBy(2)}>
        <Icon name="zoomOut" />
      </button>
      <button type="button" disabled={time.isWhole} onClick={() => time.show(undefined)}>
        Whole run
      </button>
      <span class="muted shown">
        {time.isWhole ? '' : `${duration(range.toMs - range.fromMs)} shown, `}
        {formatCount(root.below + 1)} spans
      </span>
      <span class="grow" />
      {path.steps.length > 0 && (
        <span class="critical-path" title={names}>
          <span class="mark-critical" aria-hidden="true" />
          <span>
            Critical path: {duration(path.lengthMs)} of {duration(wholeMs)}
          </span>
          <span class="muted names">{names}</span>
        </span>
      )}
    </div>
  );
}
