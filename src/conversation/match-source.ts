// Finds the raw message that an event was made of: a message is recorded just before its events, in the same order. Pure. Called by
// fold-conversation.ts.
import type { ConversationEvent } from './entry.ts';
import type { SourceMessage } from './source-message.ts';

type Source = { readonly seq: number; readonly message: SourceMessage };
/** What of a message has no event yet. */
type Waiting = Source & { readonly blocks: string[]; readonly toolUseIds: string[] };

export type SourceMatcher = {
  readonly add: (seq: number, message: SourceMessage) => void;
  /** @returns undefined if the journal does not have it */
  readonly find: (event: ConversationEvent) => Source | undefined;
};

/** One read of a pipe brings so many messages at most that have no events yet. */
const MAX_WAITING = 2_000;

export function createSourceMatcher(): SourceMatcher {
  let waiting: Waiting[] = [];
  return {
    add(seq, message) {
      waiting.push({ seq, message, blocks: [...message.blocks], toolUseIds: [...message.toolUseIds] });
      if (waiting.length > MAX_WAITING) waiting = waiting.slice(-MAX_WAITING / 2);
    },
    find(event) {
      const at = waiting.findIndex((source) => isSourceOf(source, event));
      const found = waiting[at];
      if (found === undefined) return undefined;
      // The messages before it have had their events. It stays, as it may have more.
      waiting = waiting.slice(at);
      take(found, event);
      return found;
    },
  };
}

/** Each block and each call of a message has one event, but for a denial, which is reported beside its result. */
function take({ blocks, toolUseIds }: Waiting, event: ConversationEvent): void {
  if (event.type === 'claude.message' || event.type === 'claude.thinking') {
    const at = blocks.findIndex((block) => (event.type === 'claude.message' ? block === 'text' : isThought(block)));
    if (at !== -1) blocks.splice(at, 1);
  } else if (event.type === 'claude.tool_called' || event.type === 'claude.tool_returned') {
    const at = toolUseIds.indexOf(event.toolUseId);
    if (at !== -1) toolUseIds.splice(at, 1);
  }
}

function isThought(block: string): boolean {
  return block.endsWith('thinking');
}

function isSourceOf({ message: { type }, blocks, toolUseIds }: Waiting, event: ConversationEvent): boolean {
  switch (event.type) {
    case 'claude.session':
      return type === 'system/init';
    case 'claude.message':
      return type === 'assistant' && blocks.includes('text');
    case 'claude.thinking':
      return type === 'assistant' && blocks.some(isThought);
    case 'claude.tool_called':
      return type === 'assistant' && toolUseIds.includes(event.toolUseId);
    case 'claude.tool_returned':
      return (type === 'user' || event.serverSide === true) && toolUseIds.includes(event.toolUseId);
    case 'claude.permission_denied':
      return toolUseIds.includes(event.toolUseId) || type === 'result';
    case 'claude.retrying':
      return type === 'system/api_retry';
    case 'claude.rate_limited':
      return type === 'rate_limit_event';
    case 'claude.result':
      return type === 'result';
    case 'claude.notice':
      return type === `system/${event.subtype}` || type === event.subtype;
    case 'claude.unknown':
      return event.blockType === undefined ? type === event.messageType : blocks.includes(event.blockType);
    default:
      return false;
  }
}
