// A Claude step as a conversation: what it was asked, what it said, which tools it called and what came back, what it cost. Called by
// run.tsx. What is read is a tree of blocks; of it only what is near the screen is drawn.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import {
  type Block,
  type Conversation as ConversationTree,
  conversationToMarkdown,
  describeUse,
  flattenBlocks,
  type TaskItem,
  type Turn,
} from '../../src/conversation/index.ts';
import { app, canControl } from '../app-state.ts';
import { MessageBox, takesMessages } from '../ask/message-box.tsx';
import { BlockView } from '../conversation/block-view.tsx';
import { findInBlocks, markHits } from '../conversation/find.ts';
import { useEntries } from '../conversation/use-entries.ts';
import { useWindow } from '../conversation/use-window.ts';
import { cost, count } from '../model/format.ts';
import { isOpen, type Run, type Step, stepState } from '../model/run.ts';
import { formatRoute } from '../route.ts';
import type { RunSession } from '../run-session.ts';
import { useStore } from '../store.ts';
import { Empty, Failure, Icon, Skeleton } from './parts.tsx';
import { say } from './toasts.tsx';
import { useKeys } from './use-keys.ts';

type Props = {
  readonly session: RunSession;
  readonly run: Run;
  readonly steps: readonly string[];
  /** The block that a shared link points to. */
  readonly turn?: number | undefined;
  readonly onChoose: (step: string) => void;
};

export function Conversation({ session, run, steps, turn, onChoose }: Props) {
  const claude = run.steps.filter((one) => one.kind === 'claude' && one.attempts.length > 0);
  const chosen = claude.find((one) => steps.includes(one.id)) ?? claude.find(isActive) ?? claude.at(-1);
  const entries = useEntries(session, run, chosen);
  if (chosen === undefined)
    return (
      <Empty title="No conversation">
        <p>
          {run.steps.some((one) => one.kind === 'claude')
            ? 'No Claude step has started yet.'
            : 'This workflow has no Claude step.'}
        </p>
      </Empty>
    );
  const { conversation, failure } = entries;
  const heads = (
    <div class="segments" role="group" aria-label="Claude step">
      {claude.map((one) => (
        <button key={one.id} type="button" aria-pressed={one.id === chosen.id} onClick={() => onChoose(one.id)}>
          {one.name}
        </button>
      ))}
    </div>
  );
  return (
    <section class="conversation" aria-label="Conversation">
      {conversation === undefined ? (
        <>
          <div class="toolbar">{heads}</div>
          {failure === undefined ? <Skeleton rows={6} /> : <Failure failure={failure} />}
        </>
      ) : (
        <Blocks key={chosen.id} {...{ run, step: chosen, conversation, turn, heads }} leftOut={entries.leftOut} />
      )}
    </section>
  );
}

function isActive(step: Step): boolean {
  return ['running', 'retrying', 'waiting'].includes(stepState(step));
}

type BlocksProps = {
  readonly run: Run;
  readonly step: Step;
  readonly conversation: ConversationTree;
  readonly turn: number | undefined;
  readonly leftOut: number;
  readonly heads: preact.ComponentChildren;
};

function Blocks({ run, step, conversation, turn, leftOut, heads }: BlocksProps) {
  const active = isOpen(run.state) && isActive(step);
  const control = useStore(app, canControl);
  const [toggled, setToggled] = useState<ReadonlySet<number>>(new Set());
  const scroller = useRef<HTMLDivElement>(null);
  const flat = useMemo(
    () => flattenBlocks(conversation.blocks, ({ key }) => toggled.has(key)),
    [conversation, toggled],
  );
  const keys = useMemo(() => flat.map(({ block }) => block.key), [flat]);
  const turns = useMemo(() => new Map(conversation.turns.map((one) => [one.number, one])), [conversation]);
  const view = useWindow({
    scroller,
    keys,
    estimate: (index) => estimatedHeight(flat[index]?.block),
    startsAtEnd: active && turn === undefined,
  });
  const toggle = (key: number, open: boolean): void => {
    if (toggled.has(key) === open) return;
    const next = new Set(toggled);
    if (open) next.add(key);
    else next.delete(key);
    setToggled(next);
  };
  const show = (path: readonly number[]): void => {
    setToggled(new Set([...toggled, ...path]));
    const last = path.at(-1);
    // Once the blocks above it are open, it has a row.
    if (last !== undefined) requestAnimationFrame(() => view.showKey(last));
  };
  const find = useFind(conversation, show);
  useLinked(conversation, turn, show);
  useEffect(() => markHits(scroller.current, find.query), [find.query, view.start, view.end, toggled, conversation]);
  const unseen = useUnseen(conversation.blocks, view.isAtEnd);
  useKeys({ g: view.showStart, G: view.showEnd, n: () => find.jump(1), N: () => find.jump(-1) });
  return (
    <>
      <Toolbar {...{ heads, conversation, find, step }} />
      {conversation.tasks.length > 0 && <Tasks tasks={conversation.tasks} />}
      <div class="turns-area">
        <div class="turns-scroll" ref={scroller} tabIndex={0} role="region" aria-label="Turns">
          <ol class="turns" style={{ paddingTop: `${view.before}px`, paddingBottom: `${view.behind}px` }}>
            {leftOut > 0 && view.start === 0 && (
              <li class="muted">
                The first {count(leftOut)} records are left out here. `stepspan show {run.runId} --step {step.id}{' '}
                --conversation` prints all of them.
              </li>
            )}
            {flat.slice(view.start, view.end).map(({ block, depth }) => (
              <BlockView
                key={block.key}
                block={block}
                depth={depth}
                turn={block.turn === undefined ? undefined : turns.get(block.turn)}
                runId={run.runId}
                href={formatRoute({
                  ...{ view: 'run', runId: run.runId, tab: 'conversation', steps: [step.id], turn: block.key },
                })}
                mark={block.key === find.current ? 'hit' : block.key === turn ? 'linked' : ''}
                isOpen={toggled.has(block.key)}
                isActive={active && block.attempt === step.attempts.at(-1)?.number}
                onToggle={(open) => toggle(block.key, open)}
                measure={view.measure(block.key)}
              />
            ))}
          </ol>
        </div>
        {!view.isAtEnd && (
          <button type="button" class="follow" onClick={view.showEnd}>
            <Icon name="bottom" /> {unseen > 0 ? `${unseen} new` : active ? 'Follow' : 'To the end'}
          </button>
        )}
      </div>
      {active && control && takesMessages(step) && <MessageBox run={run} step={step} />}
    </>
  );
}

/** Shows the block that the address names. A long conversation is read in parts: it may come with a later one. */
function useLinked(
  { blocks }: ConversationTree,
  turn: number | undefined,
  show: (path: readonly number[]) => void,
): void {
  const path = useMemo(() => (turn === undefined ? undefined : pathTo(blocks, turn)), [blocks, turn]);
  useEffect(() => {
    if (path !== undefined) show(path);
  }, [turn, path !== undefined]);
}

/** How many blocks came since the end was left. */
function useUnseen({ length }: readonly Block[], isAtEnd: boolean): number {
  const seen = useRef(length);
  if (isAtEnd) seen.current = length;
  return Math.max(0, length - seen.current);
}

/** The keys of the blocks that lead to a block, itself last. */
function pathTo(blocks: readonly Block[], key: number): readonly number[] | undefined {
  for (const block of blocks) {
    if (block.key === key || block.events.includes(key)) return [block.key];
    const below = block.kind === 'tool' ? pathTo(block.children, key) : undefined;
    if (below !== undefined) return [block.key, ...below];
  }
  return undefined;
}

type Find = {
  readonly query: string;
  readonly hits: number;
  /** The key of the block that is shown as a hit. */
  readonly current: number | undefined;
  readonly at: number;
  readonly setQuery: (query: string) => void;
  readonly jump: (by: 1 | -1) => void;
};

function useFind(conversation: ConversationTree, show: (path: readonly number[]) => void): Find {
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(-1);
  const hits = useMemo(() => findInBlocks(conversation.blocks, query), [conversation, query]);
  const jump = (by: 1 | -1): void => {
    const next = (at + by + hits.length) % Math.max(1, hits.length);
    const path = hits[next];
    if (path === undefined) return;
    setAt(next);
    show(path);
  };
  const change = (text: string): void => {
    setQuery(text);
    setAt(-1);
  };
  return { query, hits: hits.length, current: hits[at]?.at(-1), at, setQuery: change, jump };
}

function Toolbar(props: { heads: preact.ComponentChildren; conversation: ConversationTree; find: Find; step: Step }) {
  const { conversation, find, step } = props;
  const { total } = conversation;
  const copyAll = (): void =>
    void navigator.clipboard
      ?.writeText(conversationToMarkdown(step.name, conversation))
      .then(() => say('The conversation is copied.'));
  return (
    <div class="toolbar" role="toolbar" aria-label="Conversation">
      {props.heads}
      <input
        type="search"
        aria-label="Search the conversation"
        placeholder="Search the conversation"
        value={find.query}
        onInput={(event) => find.setQuery(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') find.jump(event.shiftKey ? -1 : 1);
        }}
      />
      {find.query !== '' && (
        <span class="muted tabular hits" role="status">
          {find.at === -1 ? `${find.hits} blocks` : `${find.at + 1} of ${find.hits}`}
        </span>
      )}
      <span class="grow" />
      <span class="muted tabular total" title={total.models.length === 0 ? '' : describeUse(total)}>
        {turnsText(conversation.turns)}
        {cost(step)}
      </span>
      <button
        type="button"
        class="icon"
        aria-label="Copy all as Markdown"
        title="Copy all as Markdown"
        onClick={copyAll}
      >
        <Icon name="copy" />
      </button>
    </div>
  );
}

function turnsText(turns: readonly Turn[]): string {
  return turns.length === 0 ? '' : `${turns.length === 1 ? '1 turn' : `${count(turns.length)} turns`} · `;
}

function Tasks({ tasks }: { tasks: readonly TaskItem[] }) {
  const done = tasks.filter(({ state }) => state === 'completed').length;
  const now = tasks.find(({ state }) => state === 'in_progress');
  return (
    <details class="tasks">
      <summary>
        <strong>
          Tasks: {done} of {tasks.length}
        </strong>{' '}
        <span class="muted clip">{now?.text}</span>
      </summary>
      <ul>
        {tasks.map(({ id, text, state }) => (
          <li key={id} class={`task-${state}`}>
            <span aria-hidden="true">{taskSigns[state]}</span> {text}{' '}
            <span class="sr-only">{state.replace('_', ' ')}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

const taskSigns = { pending: '☐', in_progress: '▸', completed: '☑' } as const;

/** Until a block has been drawn: the height of its lines, as wide as they usually are. */
function estimatedHeight(block: Block | undefined): number {
  if (block === undefined) return 0;
  if (block.kind !== 'message' && block.kind !== 'prompt' && block.kind !== 'result') return 38;
  const lines = block.text.split('\n').reduce((sum, line) => sum + 1 + Math.floor(line.length / 110), 0);
  return 20 + 22 * lines;
}
