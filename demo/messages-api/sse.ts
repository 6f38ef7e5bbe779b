// Writes one scripted turn as the Messages API would: as server-sent events, or as one JSON message. No server here.
import type { ContentBlock, MessagesRequest, Turn } from './script.ts';

type Reply = Extract<Turn, { kind: 'reply' }>;
export type SseEvent = { readonly event: string; readonly data: unknown };

/** Characters in one text delta: about a word or two, as the real stream has them. */
const PIECE_CHARACTERS = 12;

/** What a turn without usage numbers is taken to have used, so that every scripted run has a cost to show. */
const DEFAULT_USAGE = { input: 1_200, output: 80, cacheRead: 0, cacheCreation: 0 };

type Block =
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'other'; readonly block: ContentBlock }
  | { readonly type: 'tool_use'; readonly id: string; readonly name: string; readonly input: unknown };

function blocksOf(reply: Reply, messageId: string): readonly Block[] {
  const blocks: Block[] = [];
  // No client can check a signature, so any text is one.
  if (reply.thinking !== undefined) blocks.push({ type: 'thinking', thinking: reply.thinking, signature: 'c2lnbmVk' });
  if (reply.text !== undefined) blocks.push({ type: 'text', text: reply.text });
  for (const block of reply.blocks ?? []) blocks.push({ type: 'other', block });
  for (const [index, tool] of (reply.tools ?? []).entries()) {
    const id = tool.id ?? `toolu_${messageId.slice(4)}_${index}`;
    blocks.push({ type: 'tool_use', id, name: tool.name, input: tool.input });
  }
  return blocks;
}

function usageOf(reply: Reply): Record<string, number> {
  const usage = { ...DEFAULT_USAGE, ...reply.usage };
  return {
    input_tokens: usage.input,
    output_tokens: usage.output,
    cache_read_input_tokens: usage.cacheRead,
    cache_creation_input_tokens: usage.cacheCreation,
  };
}

function stopReasonOf(reply: Reply): string {
  return reply.stopReason ?? ((reply.tools ?? []).length > 0 ? 'tool_use' : 'end_turn');
}

/** The whole reply as the JSON body of a request without `stream`. */
export function replyBody(reply: Reply, request: MessagesRequest, messageId: string): unknown {
  return {
    ...emptyMessage(request, messageId),
    content: blocksOf(reply, messageId).map((block) => (block.type === 'other' ? block.block : block)),
    stop_reason: stopReasonOf(reply),
    usage: usageOf(reply),
  };
}

function emptyMessage(request: MessagesRequest, messageId: string): Record<string, unknown> {
  return {
    id: messageId,
    type: 'message',
    role: 'assistant',
    model: request.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
  };
}

/** The first event of a stream. Like the real API it knows the input tokens and only the first output token. */
export function messageStart(reply: Reply, request: MessagesRequest, messageId: string): SseEvent {
  const usage = { ...usageOf(reply), output_tokens: 1 };
  return sse({ type: 'message_start', message: { ...emptyMessage(request, messageId), usage } });
}

/** The events of the content, in order; each text piece is an event of its own. */
export function* contentEvents(reply: Reply, messageId: string): Generator<SseEvent> {
  for (const [index, block] of blocksOf(reply, messageId).entries()) {
    if (block.type === 'text') {
      yield sse({ type: 'content_block_start', index, content_block: { type: 'text', text: '' } });
      for (let at = 0; at < block.text.length; at += PIECE_CHARACTERS) {
        const text = block.text.slice(at, at + PIECE_CHARACTERS);
        yield sse({ type: 'content_block_delta', index, delta: { type: 'text_delta', text } });
      }
    } else if (block.type === 'thinking') {
      yield sse({ type: 'content_block_start', index, content_block: { ...block, thinking: '', signature: '' } });
      yield sse({ type: 'content_block_delta', index, delta: { type: 'thinking_delta', thinking: block.thinking } });
      yield sse({ type: 'content_block_delta', index, delta: { type: 'signature_delta', signature: block.signature } });
    } else if (block.type === 'other') {
      yield sse({ type: 'content_block_start', index, content_block: block.block });
    } else {
      yield sse({ type: 'content_block_start', index, content_block: { ...block, input: {} } });
      const delta = { type: 'input_json_delta', partial_json: JSON.stringify(block.input) };
      yield sse({ type: 'content_block_delta', index, delta });
    }
    yield sse({ type: 'content_block_stop', index });
  }
}

/** The two events that end a message; only here the output tokens are known. */
export function endEvents(reply: Reply): readonly SseEvent[] {
  const usage = usageOf(reply);
  return [
    sse({
      type: 'message_delta',
      delta: { stop_reason: stopReasonOf(reply), stop_sequence: null },
      usage: { output_tokens: usage['output_tokens'] },
    }),
    sse({ type: 'message_stop' }),
  ];
}

function sse(data: { readonly type: string; readonly [key: string]: unknown }): SseEvent {
  return { event: data.type, data };
}
