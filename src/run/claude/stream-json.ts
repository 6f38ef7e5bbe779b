// Reads the stdout of `claude --output-format stream-json`: bytes in, events and readable lines out. Owns which message becomes
// which event. Called by the engine, which records the raw bytes itself. A message that is unknown, malformed or too long is
// reported and counted, never fatal: the format grows with each release.

import type { ClaudeEvent } from '../../core/claude-event.ts';
import { formatDuration } from '../../core/duration.ts';
import type { Findings } from '../../core/finding.ts';
import { cut, type JsonObject, numberAt, objectAt, objectsAt, parseObject, textAt } from '../../core/json.ts';
import type { Severity } from '../../core/record.ts';
import { isRedrawn, seenTextRows, styledText } from '../../text/seen.ts';
import { isErrorContent, textOfContent } from './content-text.ts';
import type { CostMeter } from './cost.ts';
import { createFindingsCollector, type Denial, type FindingsCollector } from './findings.ts';
import { createMessageLines, MAX_MESSAGE_BYTES, type MessageLines } from './message-lines.ts';
import { noticeOf } from './notices.ts';
import {
  indented,
  type Paint,
  paintFor,
  plain,
  summaryLine,
  thoughtLines,
  toolCallLine,
  toolResultLines,
} from './readable.ts';
import { type ClaudeResult, readResult } from './result.ts';

/**
 * Of any text in an event, in characters. Events are parsed whole by every reader and held by the live page, while the
 * full text is in the raw line; 16 Ki holds any command and the part of a file that a person reads.
 */
export const EVENT_TEXT_CHARACTERS = 16 * 1024;
/** Of a message type that is not known; known ones have about 30. */
const TYPE_CHARACTERS = 120;

/** Often enough for a person and for the rule that looks for silent steps, and six records a minute. */
const STREAMING_EVERY_MS = 10_000;

export type StreamJsonOptions = {
  readonly emit: (event: ClaudeEvent) => void;
  /** One or more full lines for people, joined by LF and without a last one. */
  readonly show: (text: string, severity: Severity) => void;
  readonly meter: CostMeter;
  /** Takes the secrets out of a message before it is read: what is shown is cut, and half a secret would not be recognised. */
  readonly hide?: (message: JsonObject) => JsonObject;
  /** Sees every message that could be parsed, as it came, before its events are given. */
  readonly observe?: (message: JsonObject) => void;
  /** Whether the turn is being ended by a person or a pause. */
  readonly isInterrupted?: () => boolean;
  /** As `observe`, with the secrets taken out. */
  readonly observeShown?: (message: JsonObject) => void;
  readonly colour?: boolean;
  /** As `claude --version` gave it, for sessions that do not name it. */
  readonly version?: string;
};

export type StreamJsonReader = MessageLines & {
  /** The newest result line. A process can write several; each one replaces the one before. */
  readonly result: () => ClaudeResult | undefined;
  /** Of the init message, else of the result; its folder is the current one of the session. */
  readonly session: () => { readonly sessionId: string; readonly cwd: string | undefined } | undefined;
  /** What the outcome depends on besides the result line. */
  readonly findings: () => Findings;
  /** Of `required`, the MCP servers that are not connected. */
  readonly missingServers: FindingsCollector['missingServers'];
};

export function createStreamJsonReader(options: StreamJsonOptions): StreamJsonReader {
  const reading: Reading = openReading(options);
  const { collector } = reading;
  const lines = createMessageLines(
    (bytes) => readLine(reading, bytes),
    (bytes) => {
      const text = `a message of ${bytes} bytes is over the bound of ${MAX_MESSAGE_BYTES} and was not read`;
      options.emit({ type: 'claude.notice', subtype: 'message_too_long', text });
      options.show(text, 'warning');
    },
  );
  return {
    push: lines.push,
    end: lines.end,
    result: () => reading.result,
    session: () => (reading.sessionId === undefined ? undefined : { sessionId: reading.sessionId, cwd: reading.cwd }),
    findings: collector.findings,
    missingServers: collector.missingServers,
  };
}

/** What the messages so far have left: what the functions below share. */
type Reading = ReturnType<typeof openReading> & {
  result?: ClaudeResult;
  sessionId?: string;
  cwd?: string | undefined;
};

function openReading(options: StreamJsonOptions) {
  return {
    options,
    emit: options.emit,
    meter: options.meter,
    paint: paintFor(options.colour ?? false),
    collector: createFindingsCollector(options.isInterrupted),
    /** The answer that is being written, and when people were last shown that it is. */
    stream: { shownMs: performance.now(), characters: 0 },
    /** Of calls that have not returned. */
    tools: new Map<string, string>(),
  };
}

function readLine(reading: Reading, bytes: Buffer): void {
  const text = bytes.toString('utf8').trim();
  if (text === '') return;
  const message = text.startsWith('{') ? parseObject(text) : undefined;
  if (message === undefined) {
    // The CLI, or a program in its process group, printed a line of its own between the messages.
    reading.options.show(plain(text), 'info');
    return;
  }
  reading.options.observe?.(message);
  const use = reading.meter.message(message);
  const shown = reading.options.hide === undefined ? message : withoutSecrets(message, reading.options.hide);
  reading.options.observeShown?.(shown);
  readMessage(reading, shown);
  if (use !== undefined) reading.emit(use);
}

function readMessage(reading: Reading, message: JsonObject): void {
  const type = typeOf(message);
  const denials = reading.collector.message(message);
  for (const denial of denials) reportDenial(reading, denial, type);
  switch (type) {
    case 'system/init':
      readInit(reading, message);
      break;
    case 'assistant':
      readAssistantMessage(reading, message);
      break;
    case 'user':
      readUserMessage(reading, message);
      break;
    case 'result':
      readResultLine(reading, message);
      break;
    case 'system/api_retry':
      reportRetry(reading, message);
      break;
    case 'rate_limit_event':
      reportRateLimit(reading, objectAt(message, 'rate_limit_info'));
      break;
    case 'system/permission_denied':
      break;
    case 'stream_event':
      recordStreaming(reading, message);
      break;
    default:
      reportNotice(reading, type, message);
  }
}

function readInit(reading: Reading, message: JsonObject): void {
  const first = reading.sessionId === undefined;
  reading.sessionId = textAt(message, 'session_id') ?? '';
  reading.cwd = textAt(message, 'cwd');
  // Each turn of a process begins with an init message of its own; only the first is news.
  if (!first) return;
  const event = {
    type: 'claude.session',
    sessionId: reading.sessionId,
    model: textAt(message, 'model') ?? '',
    // Versions before 2.0 do not name themselves.
    version: textAt(message, 'claude_code_version') ?? reading.options.version ?? '',
    permissionMode: textAt(message, 'permissionMode') ?? '',
    tools: texts(message.tools),
    mcpServers: objectsAt(message, 'mcp_servers').map((server) => ({
      name: textAt(server, 'name') ?? '',
      status: textAt(server, 'status') ?? '',
    })),
    cwd: reading.cwd,
  } as const;
  reading.emit(event);
  show(
    reading,
    reading.paint.dim(`Claude Code ${event.version}, ${event.model}, session ${reading.sessionId}`),
    'info',
  );
  for (const { name, status } of event.mcpServers) {
    if (status === 'connected' || status === 'disabled') continue;
    show(reading, reading.paint.yellow(`MCP server ${plain(name)} is not connected: ${plain(status)}`), 'warning');
  }
}

function readAssistantMessage(reading: Reading, message: JsonObject): void {
  const parent = textAt(message, 'parent_tool_use_id');
  const failed = textAt(message, 'error') !== undefined;
  for (const block of objectsAt(objectAt(message, 'message'), 'content')) {
    const type = textAt(block, 'type') ?? '';
    const text = textAt(block, 'text');
    if (type === 'text') {
      if (text === undefined || text.trim() === '') continue;
      reading.emit({ type: 'claude.message', text: cut(text, EVENT_TEXT_CHARACTERS), parentToolUseId: parent });
      show(
        reading,
        failed ? reading.paint.red(plain(text).trim()) : plain(text).trim(),
        failed ? 'error' : 'info',
        parent,
      );
    } else if (type === 'thinking' || type === 'redacted_thinking') {
      showThought(reading, textAt(block, 'thinking') ?? '', parent);
    } else if (type.endsWith('tool_use')) {
      recordToolCall(reading, block, parent, type !== 'tool_use');
    } else if (type.endsWith('_tool_result')) {
      const isError = block.is_error === true || isErrorContent(block.content);
      recordToolResult(reading, block, { isError, parent, isServerSide: true });
    } else {
      reportUnknownBlock(reading, 'assistant', type, parent);
    }
  }
}

/** The pieces come again as a whole, so only the fact that they come is reported, at most every few seconds. */
function recordStreaming(reading: Reading, message: JsonObject): void {
  const event = objectAt(message, 'event');
  const now = performance.now();
  if (event.type === 'message_start') reading.stream = { shownMs: now, characters: 0 };
  const delta = objectAt(event, 'delta');
  const text = textAt(delta, 'text') ?? textAt(delta, 'thinking') ?? textAt(delta, 'partial_json') ?? '';
  reading.stream = { ...reading.stream, characters: reading.stream.characters + text.length };
  if (now - reading.stream.shownMs < STREAMING_EVERY_MS) return;
  reading.stream = { ...reading.stream, shownMs: now };
  const parent = textAt(message, 'parent_tool_use_id');
  reading.emit({ type: 'claude.streaming', characters: reading.stream.characters, parentToolUseId: parent });
}

function showThought(reading: Reading, text: string, parent: string | undefined): void {
  reading.emit({ type: 'claude.thinking', text: cut(text, EVENT_TEXT_CHARACTERS), parentToolUseId: parent });
  show(
    reading,
    thoughtLines(text.trim() === '' ? 'thinking (not shown by the API)' : text, reading.paint),
    'info',
    parent,
  );
}

/** A block of a kind that a later version adds: its type is shown, and the raw line has all of it. */
function reportUnknownBlock(
  reading: Reading,
  messageType: string,
  blockType: string,
  parent: string | undefined,
): void {
  const name = cut(blockType, TYPE_CHARACTERS);
  reading.emit({ type: 'claude.unknown', messageType, blockType: name });
  show(reading, reading.paint.dim(`◦ a block of type ${plain(name) || 'unknown'}`), 'info', parent);
}

function recordToolCall(reading: Reading, block: JsonObject, parent: string | undefined, isServerSide: boolean): void {
  const tool = textAt(block, 'name') ?? '';
  reading.tools.set(textAt(block, 'id') ?? '', tool);
  reading.emit({
    type: 'claude.tool_called',
    toolUseId: textAt(block, 'id') ?? '',
    tool,
    input: cut(JSON.stringify(block.input ?? {}), EVENT_TEXT_CHARACTERS),
    parentToolUseId: parent,
    ...(isServerSide ? { serverSide: true as const } : {}),
  });
  show(reading, toolCallLine(tool, block.input, reading.cwd, reading.paint), 'info', parent);
}

type Returned = { readonly isError: boolean; readonly parent: string | undefined; readonly isServerSide: boolean };

function recordToolResult(reading: Reading, block: JsonObject, { isError, parent, isServerSide }: Returned): void {
  const id = textAt(block, 'tool_use_id') ?? '';
  const text = textOfContent(block.content);
  reading.emit({
    type: 'claude.tool_returned',
    toolUseId: id,
    isError,
    text: boundedOutput(text),
    bytes: Buffer.byteLength(text),
    parentToolUseId: parent,
    ...(isServerSide ? { serverSide: true as const } : {}),
  });
  // A denial was shown a moment ago, with the words that now come as the result.
  if (reading.collector.isDenied(id)) return;
  show(reading, toolResultLines(text, isError, reading.paint), isError ? 'warning' : 'info', parent);
  if (isError) explainMissingTool(reading, text, parent);
}

/** Of a progress bar the last state is kept, with its colours: its first thousand states could be all that the bound leaves. */
function boundedOutput(text: string): string {
  const isShort = text.length <= EVENT_TEXT_CHARACTERS;
  const shown = isShort || !isRedrawn(text) ? text : seenTextRows(text).map(styledText).join('\n');
  return cut(shown, EVENT_TEXT_CHARACTERS);
}

/** The model only reads that there is no such tool; a person wants to know that its server is not connected. */
function explainMissingTool(reading: Reading, text: string, parent: string | undefined): void {
  const server = /no such tool available: mcp__(.+?)__/i.exec(text)?.[1];
  const status = server === undefined ? undefined : reading.collector.mcpStatus(server);
  if (status === undefined) return;
  show(
    reading,
    reading.paint.yellow(`    the MCP server ${plain(server ?? '')} is not connected (${plain(status)})`),
    'warning',
    parent,
  );
}

function readUserMessage(reading: Reading, message: JsonObject): void {
  const parent = textAt(message, 'parent_tool_use_id');
  for (const block of objectsAt(objectAt(message, 'message'), 'content')) {
    // Other blocks are the prompt and what Claude Code adds to it; the model's view, not news.
    if (block.type !== 'tool_result') continue;
    const id = textAt(block, 'tool_use_id') ?? '';
    const isError = block.is_error === true;
    if (parent === undefined && !isError)
      followWorktree(reading, reading.tools.get(id), objectAt(message, 'tool_use_result'));
    reading.tools.delete(id);
    recordToolResult(reading, block, { isError, parent, isServerSide: false });
  }
}

/** The two tools that move a session say where to in the structured form of their result. */
function followWorktree(reading: Reading, tool: string | undefined, structured: JsonObject): void {
  const key = tool === 'EnterWorktree' ? 'worktreePath' : tool === 'ExitWorktree' ? 'restoredCwd' : undefined;
  const folder = key === undefined ? undefined : textAt(structured, key);
  if (folder === undefined || folder === reading.cwd) return;
  reading.cwd = folder;
  reading.emit({ type: 'claude.folder_changed', cwd: folder });
}

function reportRetry(reading: Reading, message: JsonObject): void {
  const status = numberAt(message, 'error_status');
  const error = `${textAt(message, 'error') ?? 'unknown'}${status === undefined ? '' : ` (${status})`}`;
  const attempt = numberAt(message, 'attempt') ?? 0;
  const maxRetries = numberAt(message, 'max_retries');
  const delayMs = numberAt(message, 'retry_delay_ms');
  reading.emit({ type: 'claude.retrying', attempt, maxRetries, delayMs, error });
  const count = `${attempt}${maxRetries === undefined ? '' : ` of ${maxRetries}`}`;
  const wait = delayMs === undefined ? '' : ` in ${formatDuration(delayMs)}`;
  show(reading, reading.paint.yellow(`API error ${error}: retry ${count}${wait}`), 'warning');
}

function reportRateLimit(reading: Reading, info: JsonObject): void {
  const status = textAt(info, 'status') ?? '';
  // `allowed` comes with each first answer of a subscription and says that nothing is wrong.
  if (status === 'allowed' || status === '') return;
  const seconds = numberAt(info, 'resetsAt');
  const resetsAt = seconds === undefined ? undefined : dateText(seconds);
  reading.emit({ type: 'claude.rate_limited', status, resetsAt });
  const which = textAt(info, 'rateLimitType');
  const until = resetsAt === undefined ? '' : `, resets at ${resetsAt}`;
  show(
    reading,
    reading.paint.yellow(`rate limit ${status}${which === undefined ? '' : ` (${which})`}${until}`),
    'warning',
  );
}

function reportDenial(reading: Reading, { tool, toolUseId, input, why }: Denial, origin: string): void {
  const text = cut(JSON.stringify(input ?? {}), EVENT_TEXT_CHARACTERS);
  reading.emit({
    type: 'claude.permission_denied',
    tool,
    toolUseId,
    input: text,
    ...(why === '' ? {} : { reason: why }),
  });
  // What only the result line names was shown as a failed call when it came back; there it is far from its call.
  const what = origin === 'result' ? toolCallLine(tool, input, reading.cwd, paintFor(false)).slice(2) : why;
  show(reading, reading.paint.yellow(`  ⎿ permission denied: ${what === '' ? plain(tool) : what}`), 'warning');
}

function readResultLine(reading: Reading, message: JsonObject): void {
  const result = readResult(message);
  reading.result = result;
  reading.meter.result(result);
  reading.sessionId ??= result.sessionId;
  const cost = reading.meter.soFar();
  const errors = result.errors.join('\n');
  reading.emit({
    type: 'claude.result',
    subtype: result.subtype,
    isError: result.isError,
    sessionId: result.sessionId,
    turns: result.turns,
    durationMs: result.durationMs,
    durationApiMs: result.durationApiMs,
    costUsd: cost.costUsd,
    ...(cost.unknown === undefined ? {} : { costUnknown: cost.unknown }),
    models: cost.models,
    text: cut(result.text === '' ? errors : result.text, EVENT_TEXT_CHARACTERS),
    structuredOutput: result.structuredOutput,
  });
  if (errors !== '') show(reading, reading.paint.red(plain(errors)), 'error');
  show(reading, summaryLine(result, cost, reading.paint), result.isError ? 'error' : 'info');
}

function reportNotice(reading: Reading, type: string, message: JsonObject): void {
  const found = noticeOf(type, message);
  if (found.kind === 'known') return;
  if (found.kind === 'unknown') {
    reading.emit({ type: 'claude.unknown', messageType: cut(type, TYPE_CHARACTERS) });
    return;
  }
  const { severity } = found.notice;
  const text = cut(plain(found.notice.text).replace(/\s+/g, ' ').trim(), EVENT_TEXT_CHARACTERS);
  reading.emit({ type: 'claude.notice', subtype: type.replace('system/', ''), text });
  show(reading, paintBy(severity, reading.paint)(`◦ ${text}`), severity);
}

function show(reading: Reading, text: string, severity: Severity, parent?: string): void {
  if (text !== '') reading.options.show(parent === undefined ? text : indented(text), severity);
}

/** Ids and counts stay as they came; if they are shown as text, they go through the redactor once more. */
function withoutSecrets(message: JsonObject, hide: (message: JsonObject) => JsonObject): JsonObject {
  const { session_id, modelUsage } = message;
  return {
    ...hide(message),
    ...(session_id === undefined ? {} : { session_id }),
    ...(modelUsage === undefined ? {} : { modelUsage }),
  };
}

function typeOf(message: JsonObject): string {
  const type = textAt(message, 'type') ?? '';
  return type === 'system' ? `system/${textAt(message, 'subtype') ?? ''}` : type;
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

/** Seconds since 1970 as a date and time; undefined if the number is not a date. */
function dateText(seconds: number): string | undefined {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

function paintBy(severity: Severity, paint: Paint): (text: string) => string {
  if (severity === 'error') return paint.red;
  return severity === 'warning' ? paint.yellow : paint.dim;
}
