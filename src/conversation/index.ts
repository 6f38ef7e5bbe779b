// A Claude session as people read it: from the records of a journal to a tree of blocks, and from blocks to Markdown. Pure, without
// IO, since the live page, the API and the terminal share it. Data goes through the files in this order: entry.ts makes entries of
// records (source-message.ts reads the raw messages), fold-conversation.ts makes blocks of entries (block.ts has their types,
// tool-call.ts, patch.ts and task-list.ts the parts of tool calls), to-markdown.ts writes blocks as text; fold-work.ts sums up what was done.
export type {
  Block,
  BlockKind,
  Conversation,
  DenialBlock,
  HookBlock,
  LimitBlock,
  MessageBlock,
  NoticeBlock,
  PromptBlock,
  ResultBlock,
  RetryBlock,
  SessionBlock,
  ThinkingBlock,
  ToolBlock,
  Turn,
  UnknownBlock,
  Use,
} from './block.ts';
export { childrenOf, flattenBlocks } from './block.ts';
export { type ConversationEvent, createEntryCollector, type Entry, type EntryCollector } from './entry.ts';
export { foldConversation } from './fold-conversation.ts';
export {
  createWorkFold,
  type FileChange,
  type FileWork,
  type ToolWork,
  type Work,
  type WorkFold,
} from './fold-work.ts';
export type { Hunk, Patch } from './patch.ts';
export { type QuestionPart, questionParts } from './question-parts.ts';
export { imageOf, type SourceMessage, shortenMessage } from './source-message.ts';
export type { TaskItem } from './task-list.ts';
export {
  blockTitle,
  blockToMarkdown,
  conversationToMarkdown,
  describeUse,
  toolDetail,
  toolOutput,
} from './to-markdown.ts';
export { isCommand } from './tool-call.ts';
