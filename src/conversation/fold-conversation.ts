// From entries to the tree of blocks that people read. Every event is in exactly one block or is named as silent, so nothing of a
// session gets lost on the way. Pure: the same entries make the same tree.
import { describeAnswered } from '../core/answer.ts';
import type { ModelUsage } from '../core/claude-event.ts';
import { sumUsd } from '../core/cost.ts';
import { msOfNs } from '../core/time.ts';
import type {
  Block,
  Conversation,
  DenialBlock,
  HookBlock,
  LimitBlock,
  NoticeBlock,
  ResultBlock,
  RetryBlock,
  ToolBlock,
  Turn,
  Use,
} from './block.ts';
import type { ConversationEvent, Entry } from './entry.ts';
import { createSourceMatcher, type SourceMatcher } from './match-source.ts';
import { patchOfInput } from './patch.ts';
import type { SourceMessage } from './source-message.ts';
import { changeTasks, type TaskItem } from './task-list.ts';
import { exitCodeOf, inputOf, targetOf } from './tool-call.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type DraftOf<B extends Block> = B extends Block ? Omit<Writable<B>, 'events'> & { readonly events: number[] } : never;
type ToolDraft = Omit<DraftOf<ToolBlock>, 'children' | 'notes' | 'pictures'> & {
  readonly children: Draft[];
  readonly notes: string[];
  readonly pictures: ToolBlock['pictures'][number][];
};
type Draft = ToolDraft | DraftOf<Exclude<Block, ToolBlock>>;

type TurnDraft = {
  readonly number: number;
  readonly key: number;
  readonly parent: ToolDraft | undefined;
  use: Use | undefined;
};

type EventEntry = Extract<Entry, { readonly event: ConversationEvent }>;

/** What the functions below share: what the entries so far have made. */
type Folding = {
  readonly blocks: Draft[];
  readonly tools: Map<string, ToolDraft>;
  /** The call whose subagent made a block; of the main agent's there is none. */
  readonly parents: Map<Draft, ToolDraft>;
  readonly turns: Map<string, TurnDraft>;
  readonly silent: number[];
  readonly sources: SourceMatcher;
  tasks: readonly TaskItem[];
  cwd: string | undefined;
  /** Messages of people that Claude Code has not read yet, by their ids. */
  readonly unread: Map<string, { readonly block: DraftOf<NoticeBlock>; readonly read: string }>;
  /** Blocks of an answer whose message id comes with its usage. */
  untaken: Draft[];
};

export function foldConversation(entries: readonly Entry[]): Conversation {
  const folding: Folding = {
    blocks: [],
    tools: new Map(),
    parents: new Map(),
    turns: new Map(),
    silent: [],
    sources: createSourceMatcher(),
    tasks: [],
    cwd: undefined,
    unread: new Map(),
    untaken: [],
  };
  for (const entry of entries) {
    if (entry.event === undefined) addMessage(folding, entry, entry.message);
    else addEvent(folding, entry);
  }
  return { blocks: folding.blocks, ...totalled(folding), tasks: folding.tasks, silent: folding.silent };
}

/** A hook that went well has no event: its raw message makes its block. */
function addMessage(folding: Folding, { seq, timeNs, attempt }: Entry, message: SourceMessage): void {
  folding.sources.add(seq, message);
  const { hook, subagent, toolUseIds } = message;
  const call = folding.tools.get(toolUseIds[0] ?? '');
  if (call !== undefined && subagent !== undefined) call.subagent = subagent;
  if (hook === undefined) return;
  const block: DraftOf<HookBlock> = {
    ...{ kind: 'hook', key: seq, timeMs: msOfNs(timeNs), attempt, events: [], source: seq, turn: undefined },
    ...{ name: hook.name, outcome: hook.outcome, exitCode: hook.exitCode, text: hook.text },
  };
  folding.blocks.push(block);
}

function addEvent(folding: Folding, entry: EventEntry): void {
  const { event } = entry;
  switch (event.type) {
    case 'claude.tool_called':
      addCall(folding, entry, event);
      break;
    case 'claude.tool_returned':
      addReturn(folding, entry, event);
      break;
    case 'claude.permission_denied':
      addDenial(folding, entry, event);
      break;
    case 'claude.answered':
      addAnswerNote(folding, entry, event);
      break;
    case 'claude.told':
      addSentMessage(folding, entry, event);
      break;
    case 'claude.read':
      markRead(folding, entry, event.messageId);
      break;
    case 'claude.interrupted': {
      const text = `interrupted ${event.cause === 'pause' ? 'as the run is paused' : `by ${event.by}`}`;
      put(folding, { kind: 'notice', ...common(folding, entry), subtype: 'interrupted', text }, undefined);
      break;
    }
    case 'claude.usage':
      folding.silent.push(entry.seq);
      addUsage(folding, event.messageId, event.usage);
      break;
    case 'claude.retrying':
      addRetry(folding, entry, event);
      break;
    case 'claude.rate_limited':
      addLimit(folding, entry, event);
      break;
    case 'claude.notice':
      addNotice(folding, entry, event);
      break;
    case 'claude.message':
    case 'claude.thinking':
      addAnswer(folding, entry, event);
      break;
    case 'claude.result':
      addResult(folding, entry, event);
      break;
    case 'claude.session':
    case 'claude.folder_changed':
      folding.cwd = event.cwd ?? folding.cwd;
      addFact(folding, entry);
      break;
    default:
      addFact(folding, entry);
  }
}

function common(folding: Folding, { seq, timeNs, attempt, event }: EventEntry) {
  const source = folding.sources.find(event);
  return { key: seq, timeMs: msOfNs(timeNs), attempt, events: [seq], source: source?.seq, turn: undefined };
}

/** Puts a block below the call that its subagent was started by, or at the end of the main agent's. */
function put(folding: Folding, block: Draft, parentToolUseId: string | undefined): void {
  const parent = parentToolUseId === undefined ? undefined : folding.tools.get(parentToolUseId);
  (parent?.children ?? folding.blocks).push(block);
  if (parent !== undefined) folding.parents.set(block, parent);
}

/** The prompt, the session, and what is in no block. */
function addFact(folding: Folding, entry: EventEntry): void {
  const { event } = entry;
  if (event.type === 'claude.prompted') {
    const { text, bytes, isCut, systemPrompt, appendSystemPrompt } = event;
    const texts = { text, bytes, isCut, systemPrompt, appendSystemPrompt };
    put(folding, { kind: 'prompt', ...common(folding, entry), ...texts }, undefined);
  } else if (event.type === 'claude.session') {
    const { model, version, permissionMode, mcpServers, tools } = event;
    const facts = { model, version, permissionMode, mcpServers, tools: tools.length };
    put(folding, { kind: 'session', ...common(folding, entry), ...facts }, undefined);
  } else if (event.type === 'claude.unknown') {
    const { messageType, blockType } = event;
    put(folding, { kind: 'unknown', ...common(folding, entry), messageType, blockType }, undefined);
  } else folding.silent.push(entry.seq);
}

type EventOf<T extends ConversationEvent['type']> = Extract<ConversationEvent, { readonly type: T }>;

function addAnswer(folding: Folding, entry: EventEntry, event: EventOf<'claude.message' | 'claude.thinking'>): void {
  const kind = event.type === 'claude.message' ? 'message' : 'thinking';
  const block: Draft = { kind, ...common(folding, entry), text: event.text };
  put(folding, block, event.parentToolUseId);
  folding.untaken.push(block);
}

function addCall(folding: Folding, entry: EventEntry, event: EventOf<'claude.tool_called'>): ToolDraft {
  const { toolUseId, tool, input } = event;
  const block: ToolDraft = {
    ...{ kind: 'tool', ...common(folding, entry), toolUseId, tool, input, target: targetOf(input, folding.cwd) },
    ...{ isServerSide: event.serverSide === true, state: 'running', result: undefined, resultBytes: 0 },
    ...{ resultSource: undefined, endMs: undefined, exitCode: undefined, reason: undefined },
    ...{ patch: patchOfInput(tool, inputOf(input)), pictures: [], notes: [], children: [] },
    ...{ use: undefined, subagent: undefined },
  };
  put(folding, block, event.parentToolUseId);
  folding.tools.set(toolUseId, block);
  folding.untaken.push(block);
  return block;
}

function addReturn(folding: Folding, entry: EventEntry, event: EventOf<'claude.tool_returned'>): void {
  folding.untaken = event.serverSide === true ? folding.untaken : [];
  const source = folding.sources.find(event);
  const call = folding.tools.get(event.toolUseId) ?? callOf(folding, entry, event);
  call.events.push(entry.seq);
  call.result = event.text;
  call.resultBytes = event.bytes;
  call.resultSource = source?.seq;
  call.endMs = msOfNs(entry.timeNs);
  if (call.state !== 'denied') call.state = event.isError ? 'error' : 'ok';
  if (call.state !== 'denied') call.exitCode = exitCodeOf(call.tool, event.text, event.isError);
  call.patch = source?.message.patch ?? (call.state === 'ok' ? call.patch : undefined);
  for (const picture of source?.message.pictures ?? []) call.pictures.push({ ...picture, source: source?.seq ?? 0 });
  if (call.state === 'ok' && call.attempt === entry.attempt)
    folding.tasks = changeTasks(folding.tasks, call.tool, inputOf(call.input), event.text);
}

/** A result whose call is not there, as at the beginning of a journal whose old records were removed. */
function callOf(folding: Folding, entry: EventEntry, event: EventOf<'claude.tool_returned'>): ToolDraft {
  const { toolUseId, parentToolUseId } = event;
  const call = { toolUseId, parentToolUseId, tool: 'unknown tool', input: '{}' };
  const made = addCall(folding, entry, { type: 'claude.tool_called', ...call });
  made.events.length = 0;
  folding.untaken = [];
  return made;
}

/** A denial is a state of its call, however often it is reported. */
function addDenial(folding: Folding, entry: EventEntry, event: EventOf<'claude.permission_denied'>): void {
  const call = folding.tools.get(event.toolUseId);
  if (call !== undefined) {
    call.events.push(entry.seq);
    call.state = 'denied';
    call.exitCode = undefined;
    call.patch = undefined;
    call.reason = event.reason ?? call.reason;
    return;
  }
  const { tool, input, reason = '' } = event;
  const block: DraftOf<DenialBlock> = {
    ...{ kind: 'denial', ...common(folding, entry), tool, input, reason, target: targetOf(input, folding.cwd) },
  };
  put(folding, block, undefined);
}

function addSentMessage(folding: Folding, entry: EventEntry, event: EventOf<'claude.told'>): void {
  const { messageId, by, text } = event;
  // Older journals do not say when it was read.
  const isOld = messageId === undefined;
  const said = `message from ${by}${isOld ? '' : ' (sent)'}: ${text}`;
  const block: DraftOf<NoticeBlock> = { kind: 'notice', ...common(folding, entry), subtype: 'message', text: said };
  put(folding, block, undefined);
  if (!isOld) folding.unread.set(messageId, { block, read: `message from ${by} (read): ${text}` });
}

function markRead({ unread, silent }: Folding, { seq }: EventEntry, messageId: string): void {
  const found = unread.get(messageId);
  if (found === undefined) {
    silent.push(seq);
    return;
  }
  found.block.events.push(seq);
  found.block.text = found.read;
  unread.delete(messageId);
}

/** Who answered, as a note of the call that waited for it. */
function addAnswerNote(folding: Folding, entry: EventEntry, event: EventOf<'claude.answered'>): void {
  const call = folding.tools.get(event.toolUseId);
  if (call === undefined && event.toolUseId === '') {
    const text = describeAnswered(event);
    put(folding, { kind: 'notice', ...common(folding, entry), subtype: 'interrupted', text }, undefined);
    return;
  }
  if (call === undefined) {
    folding.silent.push(entry.seq);
    return;
  }
  call.events.push(entry.seq);
  call.notes.push(describeAnswered(event));
}

/** Retries and limits are reported in turn while the API refuses requests: one block each, until something else happens. */
function recentTrouble({ blocks }: Folding, kind: 'retry' | 'limit'): Draft | undefined {
  const last = blocks.at(-1);
  if (last?.kind === kind) return last;
  const before = blocks.at(-2);
  return (last?.kind === 'retry' || last?.kind === 'limit') && before?.kind === kind ? before : undefined;
}

function addRetry(folding: Folding, entry: EventEntry, event: EventOf<'claude.retrying'>): void {
  const { attempt, error, delayMs, maxRetries } = event;
  const last = recentTrouble(folding, 'retry');
  if (last?.kind === 'retry' && last.attempt === entry.attempt) {
    last.events.push(entry.seq);
    last.tries = [...last.tries, { attempt, error, delayMs }];
    return;
  }
  const block: DraftOf<RetryBlock> = {
    ...{ kind: 'retry', ...common(folding, entry), tries: [{ attempt, error, delayMs }], maxRetries },
  };
  put(folding, block, undefined);
}

function addLimit(folding: Folding, entry: EventEntry, event: EventOf<'claude.rate_limited'>): void {
  const { status, resetsAt } = event;
  const last = recentTrouble(folding, 'limit');
  if (last?.kind === 'limit' && last.attempt === entry.attempt && last.status === status) {
    last.events.push(entry.seq);
    last.resetsAt = resetsAt ?? last.resetsAt;
    last.times += 1;
    return;
  }
  const block: DraftOf<LimitBlock> = { kind: 'limit', ...common(folding, entry), status, resetsAt, times: 1 };
  put(folding, block, undefined);
}

/** What is about a call is noted at it; a hook that failed has its block already. */
function addNotice(folding: Folding, entry: EventEntry, event: EventOf<'claude.notice'>): void {
  const { subtype, text } = event;
  const source = folding.sources.find(event);
  const call = folding.tools.get(source?.message.toolUseIds[0] ?? '');
  if (call !== undefined) {
    call.events.push(entry.seq);
    call.notes.push(text);
    return;
  }
  const hook = folding.blocks.findLast(({ kind, key }) => kind === 'hook' && key === source?.seq);
  if (hook !== undefined) {
    hook.events.push(entry.seq);
    return;
  }
  const block: DraftOf<NoticeBlock> = { kind: 'notice', ...common(folding, entry), subtype, text };
  put(folding, block, undefined);
}

function addResult(folding: Folding, entry: EventEntry, event: EventOf<'claude.result'>): void {
  folding.untaken = [];
  const { isError, subtype, text, turns, durationMs, costUsd, costUnknown } = event;
  const last = folding.blocks.findLast(({ kind }) => kind === 'message');
  const repeatsMessage = last?.kind === 'message' && last.text.trim() === text.trim();
  const block: DraftOf<ResultBlock> = {
    ...{ kind: 'result', ...common(folding, entry), isError, subtype, text, repeatsMessage, turns, durationMs },
    ...{ costUsd, costUnknown },
  };
  put(folding, block, undefined);
}

/** Usage comes behind the blocks of its answer, and again with each further part of it: the last one counts. */
function addUsage(folding: Folding, messageId: string, usage: ModelUsage): void {
  const [first] = folding.untaken;
  const known = folding.turns.get(messageId);
  const turn = known ?? (first === undefined ? undefined : beginTurn(folding, messageId, first));
  if (turn === undefined) return;
  for (const block of folding.untaken) block.turn = turn.number;
  folding.untaken = [];
  turn.use = {
    costUsd: usage.costUsd,
    // A call of the model is never free: 0 is that of a model without a known price.
    isUnpriced: usage.costUsd === 0,
    inputTokens: usage.inputTokens + usage.cacheReadTokens + usage.cacheCreationTokens,
    cacheReadTokens: usage.cacheReadTokens,
    outputTokens: usage.outputTokens,
    models: [usage.model],
  };
}

function beginTurn(folding: Folding, messageId: string, first: Draft): TurnDraft {
  const { key } = first;
  const turn: TurnDraft = { number: folding.turns.size + 1, key, parent: folding.parents.get(first), use: undefined };
  folding.turns.set(messageId, turn);
  return turn;
}

const noUse: Use = {
  ...{ costUsd: 0, isUnpriced: false, inputTokens: 0, cacheReadTokens: 0, outputTokens: 0 },
  models: [],
};

/** Sums: of the turns one after the other, and of each subagent at its call. */
function totalled({ turns }: Folding): { readonly turns: readonly Turn[]; readonly total: Use } {
  let total = noUse;
  const all = [...turns.values()].map(({ number, key, parent, use }) => {
    if (use !== undefined) {
      total = addUse(total, use);
      if (parent !== undefined) parent.use = addUse(parent.use ?? noUse, use);
    }
    return { number, key, use, total };
  });
  return { turns: all, total };
}

function addUse(a: Use, b: Use): Use {
  return {
    costUsd: sumUsd([a.costUsd, b.costUsd]),
    isUnpriced: a.isUnpriced || b.isUnpriced,
    inputTokens: a.inputTokens + b.inputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    models: [...new Set([...a.models, ...b.models])],
  };
}
