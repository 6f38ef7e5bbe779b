// Collects what the outcome of a Claude Code step depends on besides its result line: denied calls, failed hooks, missing MCP
// servers, cut or refused answers, calls without a result, failed subagents. Pure. stream-json.ts passes every message, without
// its secrets; the engine reads the findings at the end of the attempt. Versions report the same fact by different messages,
// often by several: each fact is kept once.
import type { Finding, FindingKind, Findings } from '../../core/finding.ts';
import { cut, isObject, type JsonObject, numberAt, objectAt, objectsAt, textAt } from '../../core/json.ts';
import { isBlockingHook } from './notices.ts';
import { oneLineArgument, plain } from './readable.ts';

/** Of findings that are kept with their words; others are only counted. A loop of denied calls repeats itself. */
const MAX_ITEMS = 50;
/** Of the input of a denied call, in characters. The event of the denial itself holds more. */
const INPUT_CHARACTERS = 2_000;
const WHY_CHARACTERS = 300;

export type Denial = {
  readonly tool: string;
  readonly toolUseId: string;
  readonly input: unknown;
  readonly why: string;
};

export type FindingsCollector = {
  /** @returns the denials in it that are new, to be reported */
  readonly message: (message: JsonObject) => readonly Denial[];
  /** Whether a tool call was denied, whichever message said so. */
  readonly isDenied: (toolUseId: string) => boolean;
  /** The status of an MCP server that is not connected; undefined for one that is, or of which nothing is known. */
  readonly mcpStatus: (server: string) => string | undefined;
  /** Servers of `required` that are not connected by the newest init message, with their status. */
  readonly missingServers: (
    required: readonly string[],
  ) => readonly { readonly name: string; readonly status: string }[];
  readonly findings: () => Findings;
};

type Call = { readonly tool: string; readonly input: unknown };

/** What the messages so far have shown: what the functions below share. */
type Collection = ReturnType<typeof openCollection> & {
  /** By name, with their status; absent until an init message lists them. */
  servers?: ReadonlyMap<string, string> | undefined;
  /** Tools of the session, by the newest init message. */
  tools?: readonly string[];
};

function openCollection(isInterrupted: () => boolean) {
  const found: Finding[] = [];
  return {
    isInterrupted,
    found,
    counts: new Map<FindingKind, number>(),
    /** Calls that have no result yet. */
    open: new Map<string, Call>(),
    /** Every call, for denials that are reported after the result. */
    calls: new Map<string, Call>(),
    denied: new Set<string>(),
    /** Calls that an interrupt has ended: Claude Code reports them as refused by the user. */
    interrupted: new Set<string>(),
    cuts: new Set<string>(),
    refusals: new Set<string>(),
    agents: new Map<string, { readonly name: string; readonly isShell: boolean }>(),
    failedAgents: new Set<string>(),
    calledWithoutServer: new Map<string, string>(),
    currentMessageId: '',
    isEnded: false,
  };
}

/** @param isInterrupted whether the turn is being ended by a person or a pause: its calls are not denied then */
export function createFindingsCollector(isInterrupted: () => boolean = () => false): FindingsCollector {
  const all: Collection = openCollection(isInterrupted);
  return {
    message: (message) => readMessage(all, message),
    isDenied: (toolUseId) => all.denied.has(toolUseId),
    mcpStatus(server) {
      const status = [...(all.servers ?? [])].find(([name]) => serverInToolName(name) === server)?.[1];
      return status === 'connected' ? undefined : status;
    },
    missingServers(required) {
      return required.flatMap((name) => {
        if (all.tools?.some((tool) => tool.startsWith(`mcp__${serverInToolName(name)}__`))) return [];
        // An init message without a list of servers, as of old versions, says nothing of them.
        if (all.servers === undefined) return [];
        const status = all.servers.get(name) ?? 'not configured';
        return status === 'connected' ? [] : [{ name, status }];
      });
    },
    findings() {
      const final = [...mcpFindings(all), ...unansweredCalls(all)];
      const counts = new Map(all.counts);
      for (const { kind } of final) counts.set(kind, (counts.get(kind) ?? 0) + 1);
      return { counts: Object.fromEntries(counts), items: [...all.found, ...final].slice(0, MAX_ITEMS) };
    },
  };
}

function readMessage(all: Collection, message: JsonObject): readonly Denial[] {
  const type = textAt(message, 'type');
  const isMain = textAt(message, 'parent_tool_use_id') === undefined;
  switch (type) {
    case 'assistant':
      if (isMain) all.currentMessageId = textAt(objectAt(message, 'message'), 'id') ?? all.currentMessageId;
      readAssistantMessage(all, message);
      return [];
    case 'stream_event': {
      const event = objectAt(message, 'event');
      const id = textAt(message, 'api_message_id') ?? textAt(objectAt(event, 'message'), 'id') ?? all.currentMessageId;
      if (event.type === 'message_start' && isMain) all.currentMessageId = id;
      if (event.type === 'message_delta') recordStop(all, textAt(objectAt(event, 'delta'), 'stop_reason'), id);
      return [];
    }
    case 'user':
      return readUserMessage(all, message);
    case 'result':
      return readResult(all, message);
    case 'system':
      return readSystemMessage(all, textAt(message, 'subtype') ?? '', message);
    default:
      return [];
  }
}

function addFinding(all: Collection, finding: Finding): void {
  all.counts.set(finding.kind, (all.counts.get(finding.kind) ?? 0) + 1);
  if (all.found.length < MAX_ITEMS) all.found.push(finding);
}

function recordDenial(all: Collection, denial: Denial): readonly Denial[] {
  const { tool, toolUseId: id, input, why } = denial;
  // Without an id, as in old versions, denials are distinguished by the call.
  const key = id === '' ? callKey(tool, input) : id;
  if (all.isInterrupted()) all.interrupted.add(key);
  if (all.denied.has(key) || all.interrupted.has(key)) return [];
  all.denied.add(key);
  // A denied call may have no result of its own.
  for (const [callId, call] of all.open) {
    if (callId === id || (id === '' && callKey(call.tool, call.input) === key)) all.open.delete(callId);
  }
  addFinding(all, { ...callFinding('denied', tool, input), ...(why === '' ? {} : { why: cut(why, WHY_CHARACTERS) }) });
  return [denial];
}

function readAssistantMessage(all: Collection, message: JsonObject): void {
  const body = objectAt(message, 'message');
  const id = textAt(body, 'id') ?? '';
  recordStop(all, textAt(body, 'stop_reason'), id);
  if (textAt(message, 'error') === 'max_output_tokens') recordStop(all, 'max_tokens', id);
  for (const block of objectsAt(body, 'content')) {
    const type = textAt(block, 'type') ?? '';
    if (!type.endsWith('tool_use')) {
      if (type.endsWith('_tool_result')) all.open.delete(textAt(block, 'tool_use_id') ?? '');
      continue;
    }
    const callId = textAt(block, 'id') ?? '';
    const call = { tool: textAt(block, 'name') ?? '', input: block.input };
    all.open.set(callId, call);
    all.calls.set(callId, call);
  }
}

/** One model call is one message id, however many messages say why it stopped. */
function recordStop(all: Collection, reason: string | undefined, messageId: string): void {
  const isCut = reason === 'max_tokens' || reason === 'model_context_window_exceeded';
  if (isCut && !all.cuts.has(messageId)) {
    all.cuts.add(messageId);
    const what = reason === 'max_tokens' ? 'the limit of output tokens was reached' : 'the context window is full';
    addFinding(all, { kind: 'cut', name: '', detail: what });
  }
  if (reason === 'refusal' && !all.refusals.has(messageId)) {
    all.refusals.add(messageId);
    addFinding(all, { kind: 'refused', name: '', detail: 'the model refused to answer' });
  }
}

function readUserMessage(all: Collection, message: JsonObject): readonly Denial[] {
  if (textAt(message, 'refused_message_id') !== undefined) recordStop(all, 'refusal', all.currentMessageId);
  const meta = objectsAt(message, 'tool_result_meta');
  return objectsAt(objectAt(message, 'message'), 'content').flatMap((block) => {
    if (block.type === 'text' && message.isSynthetic === true && /^output token limit hit/i.test(String(block.text))) {
      recordStop(all, 'max_tokens', all.currentMessageId);
    }
    if (block.type !== 'tool_result') return [];
    const id = textAt(block, 'tool_use_id') ?? '';
    const call = all.calls.get(id) ?? { tool: '', input: undefined };
    all.open.delete(id);
    if (block.is_error !== true) return [];
    const text = typeof block.content === 'string' ? block.content : '';
    if (
      isDenial(
        text,
        meta.find((each) => each.id === id),
      )
    )
      return recordDenial(all, { tool: call.tool, toolUseId: id, input: call.input, why: whyOf(text) });
    recordMissingTool(all, call.tool, text);
    if (isAgentTool(call.tool)) {
      const name = isObject(call.input) ? (textAt(call.input, 'subagent_type') ?? '') : '';
      recordFailedAgent(all, id, name, firstSentence(text));
    }
    return [];
  });
}

function recordMissingTool(all: Collection, tool: string, text: string): void {
  const server = /^mcp__(.+?)__/.exec(tool)?.[1];
  if (server !== undefined && /no such tool/i.test(text)) all.calledWithoutServer.set(server, tool);
}

function recordFailedAgent(all: Collection, id: string, name: string, why: string): void {
  if (all.failedAgents.has(id)) return;
  all.failedAgents.add(id);
  addFinding(all, { kind: 'subagent_failed', name, detail: cut(why, WHY_CHARACTERS) });
}

function readTask(all: Collection, subtype: string, message: JsonObject): void {
  const id = textAt(message, 'tool_use_id') ?? textAt(message, 'task_id') ?? '';
  if (subtype === 'task_started') {
    const isShell = textAt(message, 'task_type') === 'local_bash';
    all.agents.set(id, { name: textAt(message, 'subagent_type') ?? '', isShell });
    return;
  }
  const status = textAt(message, 'status') ?? '';
  const known = all.agents.get(id);
  // A background command that ends with an error is for the model to judge, like one in the foreground.
  if (known?.isShell === true || !['failed', 'killed'].includes(status)) return;
  recordFailedAgent(all, id, known?.name ?? '', firstSentence(textAt(message, 'summary') ?? status));
}

function readSystemMessage(all: Collection, subtype: string, message: JsonObject): readonly Denial[] {
  switch (subtype) {
    case 'init':
      all.servers = new Map(
        objectsAt(message, 'mcp_servers').map((each) => [textAt(each, 'name') ?? '', textAt(each, 'status') ?? '']),
      );
      if (!Array.isArray(message.mcp_servers)) all.servers = undefined;
      all.tools = Array.isArray(message.tools) ? message.tools.filter((each) => typeof each === 'string') : [];
      return [];
    case 'permission_denied': {
      const id = textAt(message, 'tool_use_id') ?? '';
      const call = all.calls.get(id);
      const input = call?.input ?? message.tool_input;
      const tool = textAt(message, 'tool_name') ?? call?.tool ?? '';
      return recordDenial(all, { tool, toolUseId: id, input, why: whyOf(textAt(message, 'message') ?? '') });
    }
    case 'hook_response': {
      const code = numberAt(message, 'exit_code');
      if (textAt(message, 'outcome') === 'error' && !isBlockingHook(message)) recordFailedHook(all, message, code);
      return [];
    }
    case 'notification':
      // Newer versions have reported a failed Stop hook in full before; older ones say only this.
      if (textAt(message, 'key') === 'stop-hook-error' && !all.found.some(({ name }) => name === 'Stop')) {
        addFinding(all, { kind: 'hook_failed', name: 'Stop', detail: 'it reported a problem' });
      }
      return [];
    case 'task_started':
    case 'task_notification':
      readTask(all, subtype, message);
      return [];
    default:
      return [];
  }
}

function recordFailedHook(all: Collection, message: JsonObject, code: number | undefined): void {
  const words = ['stderr', 'output', 'stdout'].map((key) => textAt(message, key)?.trim() ?? '');
  const said = firstSentence(words.find((each) => each !== '') ?? '');
  const exit = code === undefined ? '' : `exit code ${code}`;
  const detail = [exit, said].filter((each) => each !== '').join(': ');
  addFinding(all, {
    kind: 'hook_failed',
    name: textAt(message, 'hook_name') ?? '',
    detail: cut(detail, WHY_CHARACTERS),
  });
}

function readResult(all: Collection, message: JsonObject): readonly Denial[] {
  all.isEnded = true;
  // Of the last model call, which may have been reported already by a message of its own.
  recordStop(all, textAt(message, 'stop_reason'), all.currentMessageId);
  return objectsAt(message, 'permission_denials').flatMap((each) =>
    recordDenial(all, {
      tool: textAt(each, 'tool_name') ?? '',
      toolUseId: textAt(each, 'tool_use_id') ?? '',
      input: each.tool_input,
      why: '',
    }),
  );
}

function mcpFindings(all: Collection): readonly Finding[] {
  return [...(all.servers ?? [])]
    .filter(([, status]) => status !== 'connected' && status !== 'disabled')
    .map(([name, status]) => {
      const tool = all.calledWithoutServer.get(serverInToolName(name));
      const why = tool === undefined ? {} : { why: `Claude called ${tool}, which did not exist` };
      return { kind: 'mcp_unavailable', name, detail: status, ...why } as const;
    });
}

function unansweredCalls(all: Collection): readonly Finding[] {
  return all.isEnded ? [...all.open.values()].map(({ tool, input }) => callFinding('unanswered', tool, input)) : [];
}

function callKey(tool: string, input: unknown): string {
  return `${tool} ${JSON.stringify(input ?? null)}`;
}

function callFinding(kind: 'denied' | 'unanswered', tool: string, input: unknown): Finding {
  const text = cut(JSON.stringify(input ?? {}), INPUT_CHARACTERS);
  return { kind, name: tool, detail: oneLineArgument(input), input: text };
}

/** Names of tools have the name of their server, with everything but letters, digits, `_` and `-` replaced. */
function serverInToolName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_-]/g, '_');
}

function isAgentTool(tool: string): boolean {
  return tool === 'Task' || tool === 'Agent';
}

/**
 * Newer versions mark a result that no tool returned. Older ones have only their sentence; these are the ones of 1.0.60 to
 * 2.1.200.
 */
function isDenial(text: string, meta: JsonObject | undefined): boolean {
  if (meta !== undefined) {
    const kind = textAt(meta, 'non_execution_kind') ?? '';
    const decision = textAt(objectAt(meta, 'permission_decision'), 'decision');
    return (
      decision === 'reject' || kind === 'user-rejected' || kind === 'permission-rule' || kind.startsWith('automode')
    );
  }
  return (
    /^(?:Error: )?Claude requested permissions? to .*haven't granted it/s.test(text) ||
    /^(?:Error: )?Permission to (?:use|read|write|edit) .*(?:denied|requires)/is.test(text) ||
    /^(?:Error: )?This command requires approval/i.test(text) ||
    /^(?:Error: )?PreToolUse:\S+ hook (?:error|blocking error|blocked)/i.test(text) ||
    /^The user doesn't want to (?:proceed with this tool use|take this action)/i.test(text)
  );
}

/** The first sentence alone: what follows is advice to the model. */
function whyOf(text: string): string {
  return firstSentence(text.replace(/^Error: /, ''));
}

function firstSentence(text: string): string {
  return (
    plain(text)
      .trim()
      .split(/(?<=\.)\s|\n/)[0] ?? ''
  );
}
