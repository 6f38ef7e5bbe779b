// The blocks that a conversation consists of: a tree, as a subagent's blocks are below the call that started it. Types, and walks over
// the tree. Pure. Made by fold-conversation.ts, drawn by the page and the terminal.
import type { Patch } from './patch.ts';
import type { Picture, SubagentUse } from './source-message.ts';
import type { TaskItem } from './task-list.ts';

/** What calls of the model used. */
export type Use = {
  readonly costUsd: number;
  /** Some of it has no known price: `costUsd` is the rest. */
  readonly isUnpriced: boolean;
  /** All tokens that were read, those of caches included. */
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly outputTokens: number;
  readonly models: readonly string[];
};

/** One answer of the model: a message id of the API, and the blocks that came of it. */
export type Turn = {
  /** From 1, in the order in which they began; those of subagents count too. */
  readonly number: number;
  /** Of its first block. */
  readonly key: number;
  readonly use: Use | undefined;
  /** What all turns up to this one have cost. */
  readonly total: Use;
};

type Common = {
  /** The sequence number of its first event: it stays the same while the block grows, and makes its link. */
  readonly key: number;
  readonly timeMs: number;
  readonly attempt: number;
  /** The sequence numbers of all events in it. */
  readonly events: readonly number[];
  /** Of the raw message behind it; undefined if the journal does not have it. */
  readonly source: number | undefined;
  /** The number of the turn that it belongs to. */
  readonly turn: number | undefined;
};

export type PromptBlock = Common & {
  readonly kind: 'prompt';
  readonly text: string;
  readonly bytes: number;
  readonly isCut: boolean;
  readonly systemPrompt: string | undefined;
  readonly appendSystemPrompt: string | undefined;
};
export type SessionBlock = Common & {
  readonly kind: 'session';
  readonly model: string;
  readonly version: string;
  readonly permissionMode: string;
  readonly tools: number;
  readonly mcpServers: readonly { readonly name: string; readonly status: string }[];
};
export type MessageBlock = Common & { readonly kind: 'message'; readonly text: string };
export type ThinkingBlock = Common & {
  readonly kind: 'thinking';
  /** '' if the API shows none of it. */
  readonly text: string;
};
export type ToolBlock = Common & {
  readonly kind: 'tool';
  readonly toolUseId: string;
  readonly tool: string;
  /** JSON text, cut at its bound. */
  readonly input: string;
  /** What of the input says most about the call: a command, a file. */
  readonly target: string;
  readonly isServerSide: boolean;
  readonly state: 'running' | 'ok' | 'error' | 'denied';
  readonly result: string | undefined;
  /** Of the whole result, which may be longer than its text here. */
  readonly resultBytes: number;
  /** Of the raw message that brought the result. */
  readonly resultSource: number | undefined;
  readonly endMs: number | undefined;
  /** Of a command. */
  readonly exitCode: number | undefined;
  /** Why it was denied. */
  readonly reason: string | undefined;
  readonly patch: Patch | undefined;
  readonly pictures: readonly (Picture & { readonly source: number })[];
  /** What Claude Code reported of it meanwhile: a task that started, a report of its end. */
  readonly notes: readonly string[];
  readonly children: readonly Block[];
  /** What its subagent's turns used; undefined without any. */
  readonly use: Use | undefined;
  readonly subagent: SubagentUse | undefined;
};
/** Requests to the API that failed one after the other. */
export type RetryBlock = Common & {
  readonly kind: 'retry';
  readonly tries: readonly { readonly attempt: number; readonly error: string; readonly delayMs: number | undefined }[];
  readonly maxRetries: number | undefined;
};
export type LimitBlock = Common & {
  readonly kind: 'limit';
  readonly status: string;
  readonly resetsAt: string | undefined;
  readonly times: number;
};
/** A denial whose call is not in the journal. */
export type DenialBlock = Common & {
  readonly kind: 'denial';
  readonly tool: string;
  readonly input: string;
  readonly target: string;
  readonly reason: string;
};
export type HookBlock = Common & {
  readonly kind: 'hook';
  readonly name: string;
  readonly outcome: string;
  readonly exitCode: number | undefined;
  readonly text: string;
};
export type NoticeBlock = Common & { readonly kind: 'notice'; readonly subtype: string; readonly text: string };
export type UnknownBlock = Common & {
  readonly kind: 'unknown';
  readonly messageType: string;
  readonly blockType: string | undefined;
};
export type ResultBlock = Common & {
  readonly kind: 'result';
  readonly isError: boolean;
  readonly subtype: string;
  readonly text: string;
  /** The last message says the same: its text is not shown a second time. */
  readonly repeatsMessage: boolean;
  readonly turns: number;
  readonly durationMs: number;
  readonly costUsd: number;
  readonly costUnknown: string | undefined;
};

export type Block =
  | PromptBlock
  | SessionBlock
  | MessageBlock
  | ThinkingBlock
  | ToolBlock
  | RetryBlock
  | LimitBlock
  | DenialBlock
  | HookBlock
  | NoticeBlock
  | UnknownBlock
  | ResultBlock;
export type BlockKind = Block['kind'];

export type Conversation = {
  /** Of the main agent, in order. */
  readonly blocks: readonly Block[];
  readonly turns: readonly Turn[];
  /** As the last change left it; empty if Claude Code keeps none. */
  readonly tasks: readonly TaskItem[];
  readonly total: Use;
  /**
   * Numbers of events that are in no block, as they say nothing by themselves: usage, which is in turns, signs of life, and facts
   * that the head of a run shows.
   */
  readonly silent: readonly number[];
};

export function childrenOf(block: Block): readonly Block[] {
  return block.kind === 'tool' ? block.children : [];
}

export type FlatBlock = { readonly block: Block; readonly depth: number };

/** The blocks in the order in which they are drawn. @param isOpen whether the blocks below a block are wanted */
export function flattenBlocks(
  blocks: readonly Block[],
  isOpen: (block: Block) => boolean = () => true,
  depth = 0,
): readonly FlatBlock[] {
  return blocks.flatMap((block) => {
    const children = childrenOf(block);
    const below = children.length > 0 && isOpen(block) ? flattenBlocks(children, isOpen, depth + 1) : [];
    return [{ block, depth }, ...below];
  });
}
