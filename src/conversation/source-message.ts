// What a raw message of Claude Code adds to its events: which message and tool calls it is about, changes of files, pictures, hooks.
// Texts stay with the events, which are bounded. Pure. Called by entry.ts; the API reads pictures and raw messages through it.
import { type JsonObject, numberAt, objectAt, objectsAt, parseObject, textAt } from '../core/json.ts';
import { formatBytes } from '../core/units.ts';
import { type Patch, patchOfResult } from './patch.ts';

export type Picture = {
  /** Its place among the pictures of the message, from 0. */
  readonly index: number;
  readonly mediaType: string;
  readonly bytes: number;
};

export type SubagentUse = { readonly tokens: number; readonly toolUses: number; readonly durationMs: number };

export type SourceMessage = {
  /** Such as `assistant` or `system/init`. */
  readonly type: string;
  readonly messageId?: string;
  /** The calls that it makes, answers or is about. */
  readonly toolUseIds: readonly string[];
  /** The blocks of an answer of the model, by type. */
  readonly blocks: readonly string[];
  readonly parentToolUseId?: string;
  readonly patch?: Patch;
  readonly pictures?: readonly Picture[];
  readonly hook?: {
    readonly name: string;
    readonly outcome: string;
    readonly exitCode?: number;
    readonly text: string;
  };
  /** What the subagent of a call has used, as its end reports it. */
  readonly subagent?: SubagentUse;
};

const HOOK_CHARACTERS = 4_000;

/** The types of pictures that browsers draw and that run no script. */
const pictureTypes: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);

/** @returns undefined for a line that is not a message, or that no conversation needs */
export function readSourceMessage(line: string): SourceMessage | undefined {
  const message = line.startsWith('{') ? parseObject(line) : undefined;
  const type = message === undefined ? undefined : textAt(message, 'type');
  if (message === undefined || type === undefined || type === 'stream_event') return undefined;
  const parent = textAt(message, 'parent_tool_use_id');
  const named = type === 'system' ? `system/${textAt(message, 'subtype') ?? ''}` : type;
  const base = { type: named, ...(parent === undefined ? {} : { parentToolUseId: parent }) };
  switch (named) {
    case 'assistant':
      return { ...base, ...readAnswer(message) };
    case 'user':
      return { ...base, ...readResults(message) };
    case 'system/hook_response':
      return { ...base, ...readHook(message) };
    default:
      return { ...base, ...readNews(message) };
  }
}

function readAnswer(message: JsonObject): Pick<SourceMessage, 'messageId' | 'toolUseIds' | 'blocks' | 'pictures'> {
  const body = objectAt(message, 'message');
  const content = objectsAt(body, 'content');
  const id = textAt(body, 'id');
  return {
    ...(id === undefined ? {} : { messageId: id }),
    toolUseIds: content.flatMap((block) => textAt(block, 'tool_use_id') ?? textAt(block, 'id') ?? []),
    blocks: content.map((block) => textAt(block, 'type') ?? ''),
    ...picturesOf(content),
  };
}

function readResults(message: JsonObject): Omit<SourceMessage, 'type'> {
  const content = objectsAt(objectAt(message, 'message'), 'content');
  const patch = patchOfResult(objectAt(message, 'tool_use_result'));
  return {
    toolUseIds: content.flatMap((block) => textAt(block, 'tool_use_id') ?? []),
    blocks: [],
    ...(patch === undefined ? {} : { patch }),
    ...picturesOf(content),
    ...subagentOf(objectAt(message, 'tool_use_result'), 'totalTokens', 'totalToolUseCount', 'totalDurationMs'),
  };
}

function readHook(message: JsonObject): Omit<SourceMessage, 'type'> {
  const exitCode = numberAt(message, 'exit_code');
  const text = ['stderr', 'stdout', 'output']
    .map((key) => textAt(message, key)?.trim() ?? '')
    .find((each) => each !== '');
  const hook = {
    name: textAt(message, 'hook_name') ?? textAt(message, 'hook_event') ?? '',
    outcome: textAt(message, 'outcome') ?? '',
    ...(exitCode === undefined ? {} : { exitCode }),
    text: (text ?? '').slice(0, HOOK_CHARACTERS).toWellFormed(),
  };
  return { toolUseIds: [], blocks: [], hook };
}

function readNews(message: JsonObject): Omit<SourceMessage, 'type'> {
  const toolUseId = textAt(message, 'tool_use_id');
  return {
    toolUseIds: toolUseId === undefined ? [] : [toolUseId],
    blocks: [],
    ...subagentOf(objectAt(message, 'usage'), 'total_tokens', 'tool_uses', 'duration_ms'),
  };
}

function subagentOf(use: JsonObject, ...keys: readonly [string, string, string]): Pick<SourceMessage, 'subagent'> {
  const [tokens, toolUses, durationMs] = keys.map((key) => numberAt(use, key));
  if (tokens === undefined || toolUses === undefined || durationMs === undefined) return {};
  return { subagent: { tokens, toolUses, durationMs } };
}

function picturesOf(content: readonly JsonObject[]): Pick<SourceMessage, 'pictures'> {
  const pictures = findPictures(content).map(({ mediaType, data }, index) => ({
    index,
    mediaType,
    bytes: bytesOfBase64(data),
  }));
  return pictures.length === 0 ? {} : { pictures };
}

type Encoded = { readonly mediaType: string; readonly data: string };

/** Pictures of blocks, and of the blocks in them, in their order. */
function findPictures(content: readonly JsonObject[]): readonly Encoded[] {
  return content.flatMap((block) => {
    if (block.type !== 'image') return findPictures(objectsAt(block, 'content'));
    const source = objectAt(block, 'source');
    const data = textAt(source, 'data') ?? textAt(block, 'data');
    const mediaType = textAt(source, 'media_type') ?? textAt(block, 'mimeType') ?? '';
    return data === undefined || !pictureTypes.has(mediaType) ? [] : [{ mediaType, data }];
  });
}

/** A picture of a raw message. */
export function imageOf(line: string, index: number): Encoded | undefined {
  const message = parseObject(line);
  return message === undefined ? undefined : findPictures(objectsAt(objectAt(message, 'message'), 'content'))[index];
}

const BASE64 = /^[A-Za-z0-9+/\s]{256,}={0,2}$/;
const MAX_TEXT_CHARACTERS = 32 * 1024;

/** A raw message as indented JSON for people: what is in base64 is named by its size, and long texts lack their end. */
export function shortenMessage(line: string): string {
  const message = parseObject(line);
  return message === undefined ? line.slice(0, MAX_TEXT_CHARACTERS) : JSON.stringify(message, shorten, 2);
}

function shorten(_key: string, value: unknown): unknown {
  if (typeof value !== 'string' || value.length < 256) return value;
  if (BASE64.test(value)) return `[${formatBytes(bytesOfBase64(value))} in base64]`;
  const rest = value.length - MAX_TEXT_CHARACTERS;
  return rest <= 0 ? value : `${value.slice(0, MAX_TEXT_CHARACTERS).toWellFormed()}… ${rest} more characters`;
}

function bytesOfBase64(data: string): number {
  return Math.floor((data.length * 3) / 4) - (data.endsWith('==') ? 2 : data.endsWith('=') ? 1 : 0);
}
