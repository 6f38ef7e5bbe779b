// Collects what a Claude Code step's outcome rests on besides its result line: denied calls, failed hooks, MCP servers
// that are not there, cut or refused answers, calls without a result, failed subagents. Pure. Fed by stream-json.ts with
// every message, secrets already taken out; read by the engine at the end of the attempt.
// The same fact comes by several messages, and which ones depends on the version: each is kept once.
import type { Finding, FindingKind, Findings } from '../../core/finding.ts';
import { cut, isObject, type JsonObject, numberAt, objectAt, objectsAt, textAt } from '../../core/json.ts';
import { isBlockingHook } from './notices.ts';
import { oneLineArgument, plain } from './readable.ts';

/** Of findings that are kept with their words; more are counted. A loop of denied calls repeats itself. */
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
  /** @returns the denials in it that are new, to be told */
  readonly message: (message: JsonObject) => readonly Denial[];
  /** Whether a tool call was denied, whichever message said so. */
  readonly isDenied: (toolUseId: string) => boolean;
  /** The status of an MCP server that is not connected; undefined for one that is, or of which nothing is known. */
  readonly mcpStatus: (server: string) => string | undefined;
  /** Servers of `required` that the newest init message shows not to be there, with their status. */
  readonly missingServers: (
    required: readonly string[],
  ) => readonly { readonly name: string; readonly status: string }[];
  readonly findings: () => Findings;
};

type Call = { readonly tool: string; readonly input: unknown };

export function createFindingsCollector(): FindingsCollector {
  const found: Finding[] = [];
  const counts: Partial<Record<FindingKind, number>> = {};
  /** Calls that have no result yet. */
  const open = new Map<string, Call>();
  /** Every call, for denials that are told after the result. */
  const calls = new Map<string, Call>();
  const denied = new Set<string>();
  const cuts = new Set<string>();
  const refusals = new Set<string>();
  const agents = new Map<string, { readonly name: string; readonly isShell: boolean }>();
  const failedAgents = new Set<string>();
  let servers: ReadonlyMap<string, string> | undefined;
  let tools: readonly string[] = [];
  const calledWithoutServer = new Map<string, string>();
  let currentMessageId = '';
  let isEnded = false;

  function add(finding: Finding): void {
    counts[finding.kind] = (counts[finding.kind] ?? 0) + 1;
    if (found.length < MAX_ITEMS) found.push(finding);
  }

  function deny(tool: string, id: string, input: unknown, why: string): readonly Denial[] {
    // Versions without an id are told apart by what was called.
    const key = id === '' ? callKey(tool, input) : id;
    if (denied.has(key)) return [];
    denied.add(key);
    // A denied call may have no result of its own.
    for (const [callId, call] of open) {
      if (callId === id || (id === '' && callKey(call.tool, call.input) === key)) open.delete(callId);
    }
    add({ ...callFinding('denied', tool, input), ...(why === '' ? {} : { why: cut(why, WHY_CHARACTERS) }) });
    return [{ tool, toolUseId: id, input, why }];
  }

  function assistant(message: JsonObject): void {
    const body = objectAt(message, 'message');
    const id = textAt(body, 'id') ?? '';
    stopped(textAt(body, 'stop_reason'), id);
    if (textAt(message, 'error') === 'max_output_tokens') stopped('max_tokens', id);
    for (const block of objectsAt(body, 'content')) {
      const type = textAt(block, 'type') ?? '';
      if (!type.endsWith('tool_use')) {
        if (type.endsWith('_tool_result')) open.delete(textAt(block, 'tool_use_id') ?? '');
        continue;
      }
      const callId = textAt(block, 'id') ?? '';
      const call = { tool: textAt(block, 'name') ?? '', input: block.input };
      open.set(callId, call);
      calls.set(callId, call);
    }
  }

  /** One model call is one message id, however many messages say why it stopped. */
  function stopped(reason: string | undefined, messageId: string): void {
    const isCut = reason === 'max_tokens' || reason === 'model_context_window_exceeded';
    if (isCut && !cuts.has(messageId)) {
      cuts.add(messageId);
      const what = reason === 'max_tokens' ? 'the limit of output tokens was reached' : 'the context window is full';
      add({ kind: 'cut', name: '', detail: what });
    }
    if (reason === 'refusal' && !refusals.has(messageId)) {
      refusals.add(messageId);
      add({ kind: 'refused', name: '', detail: 'the model refused to answer' });
    }
  }

  function user(message: JsonObject): readonly Denial[] {
    if (textAt(message, 'refused_message_id') !== undefined) stopped('refusal', currentMessageId);
    const meta = objectsAt(message, 'tool_result_meta');
    return objectsAt(objectAt(message, 'message'), 'content').flatMap((block) => {
      if (
        block.type === 'text' &&
        message.isSynthetic === true &&
        /^output token limit hit/i.test(String(block.text))
      ) {
        stopped('max_tokens', currentMessageId);
      }
      if (block.type !== 'tool_result') return [];
      const id = textAt(block, 'tool_use_id') ?? '';
      const call = calls.get(id) ?? { tool: '', input: undefined };
      open.delete(id);
      if (block.is_error !== true) return [];
      const text = typeof block.content === 'string' ? block.content : '';
      if (
        isDenial(
          text,
          meta.find((each) => each.id === id),
        )
      )
        return deny(call.tool, id, call.input, whyOf(text));
      noSuchTool(call.tool, text);
      if (isAgentTool(call.tool)) {
        const name = isObject(call.input) ? (textAt(call.input, 'subagent_type') ?? '') : '';
        failAgent(id, name, firstSentence(text));
      }
      return [];
    });
  }

  function noSuchTool(tool: string, text: string): void {
    const server = /^mcp__(.+?)__/.exec(tool)?.[1];
    if (server !== undefined && /no such tool/i.test(text)) calledWithoutServer.set(server, tool);
  }

  function failAgent(id: string, name: string, why: string): void {
    if (failedAgents.has(id)) return;
    failedAgents.add(id);
    add({ kind: 'subagent_failed', name, detail: cut(why, WHY_CHARACTERS) });
  }

  function task(subtype: string, message: JsonObject): void {
    const id = textAt(message, 'tool_use_id') ?? textAt(message, 'task_id') ?? '';
    if (subtype === 'task_started') {
      const isShell = textAt(message, 'task_type') === 'local_bash';
      agents.set(id, { name: textAt(message, 'subagent_type') ?? '', isShell });
      return;
    }
    const status = textAt(message, 'status') ?? '';
    const known = agents.get(id);
    // A background command that ends with an error is as much the model's affair as one in the foreground.
    if (known?.isShell === true || !['failed', 'killed'].includes(status)) return;
    failAgent(id, known?.name ?? '', firstSentence(textAt(message, 'summary') ?? status));
  }

  function system(subtype: string, message: JsonObject): readonly Denial[] {
    switch (subtype) {
      case 'init':
        servers = new Map(
          objectsAt(message, 'mcp_servers').map((each) => [textAt(each, 'name') ?? '', textAt(each, 'status') ?? '']),
        );
        if (!Array.isArray(message.mcp_servers)) servers = undefined;
        tools = Array.isArray(message.tools) ? message.tools.filter((each) => typeof each === 'string') : [];
        return [];
      case 'permission_denied': {
        const id = textAt(message, 'tool_use_id') ?? '';
        const call = calls.get(id);
        const input = call?.input ?? message.tool_input;
        return deny(
          textAt(message, 'tool_name') ?? call?.tool ?? '',
          id,
          input,
          whyOf(textAt(message, 'message') ?? ''),
        );
      }
      case 'hook_response': {
        const code = numberAt(message, 'exit_code');
        if (textAt(message, 'outcome') === 'error' && !isBlockingHook(message)) hookFailed(message, code);
        return [];
      }
      case 'notification':
        // Newer versions tell a failed Stop hook in full before; this is all that older ones say.
        if (textAt(message, 'key') === 'stop-hook-error' && !found.some(({ name }) => name === 'Stop')) {
          add({ kind: 'hook_failed', name: 'Stop', detail: 'it reported a problem' });
        }
        return [];
      case 'task_started':
      case 'task_notification':
        task(subtype, message);
        return [];
      default:
        return [];
    }
  }

  function hookFailed(message: JsonObject, code: number | undefined): void {
    const words = ['stderr', 'output', 'stdout'].map((key) => textAt(message, key)?.trim() ?? '');
    const said = firstSentence(words.find((each) => each !== '') ?? '');
    const exit = code === undefined ? '' : `exit code ${code}`;
    const detail = [exit, said].filter((each) => each !== '').join(': ');
    add({ kind: 'hook_failed', name: textAt(message, 'hook_name') ?? '', detail: cut(detail, WHY_CHARACTERS) });
  }

  function ended(message: JsonObject): readonly Denial[] {
    isEnded = true;
    // Of the last model call, which may have been told already by a message of its own.
    stopped(textAt(message, 'stop_reason'), currentMessageId);
    return objectsAt(message, 'permission_denials').flatMap((each) =>
      deny(textAt(each, 'tool_name') ?? '', textAt(each, 'tool_use_id') ?? '', each.tool_input, ''),
    );
  }

  function mcpFindings(): readonly Finding[] {
    return [...(servers ?? [])]
      .filter(([, status]) => status !== 'connected' && status !== 'disabled')
      .map(([name, status]) => {
        const tool = calledWithoutServer.get(serverInToolName(name));
        const why = tool === undefined ? {} : { why: `Claude called ${tool}, which did not exist` };
        return { kind: 'mcp_unavailable', name, detail: status, ...why } as const;
      });
  }

  function unanswered(): readonly Finding[] {
    return isEnded ? [...open.values()].map(({ tool, input }) => callFinding('unanswered', tool, input)) : [];
  }

  return {
    message(message) {
      const type = textAt(message, 'type');
      const isMain = textAt(message, 'parent_tool_use_id') === undefined;
      switch (type) {
        case 'assistant':
          if (isMain) currentMessageId = textAt(objectAt(message, 'message'), 'id') ?? currentMessageId;
          assistant(message);
          return [];
        case 'stream_event': {
          const event = objectAt(message, 'event');
          const id = textAt(message, 'api_message_id') ?? textAt(objectAt(event, 'message'), 'id') ?? currentMessageId;
          if (event.type === 'message_start' && isMain) currentMessageId = id;
          if (event.type === 'message_delta') stopped(textAt(objectAt(event, 'delta'), 'stop_reason'), id);
          return [];
        }
        case 'user':
          return user(message);
        case 'result':
          return ended(message);
        case 'system':
          return system(textAt(message, 'subtype') ?? '', message);
        default:
          return [];
      }
    },
    isDenied: (toolUseId) => denied.has(toolUseId),
    mcpStatus(server) {
      const status = [...(servers ?? [])].find(([name]) => serverInToolName(name) === server)?.[1];
      return status === 'connected' ? undefined : status;
    },
    missingServers(required) {
      return required.flatMap((name) => {
        if (tools.some((tool) => tool.startsWith(`mcp__${serverInToolName(name)}__`))) return [];
        // An init message without a list of servers, as of old versions, says nothing of them.
        if (servers === undefined) return [];
        const status = servers.get(name) ?? 'not configured';
        return status === 'connected' ? [] : [{ name, status }];
      });
    },
    findings() {
      const late = [...mcpFindings(), ...unanswered()];
      const all: Partial<Record<FindingKind, number>> = { ...counts };
      for (const { kind } of late) all[kind] = (all[kind] ?? 0) + 1;
      return { counts: all, items: [...found, ...late].slice(0, MAX_ITEMS) };
    },
  };
}

function callKey(tool: string, input: unknown): string {
  return `${tool} ${JSON.stringify(input ?? null)}`;
}

function callFinding(kind: 'denied' | 'unanswered', tool: string, input: unknown): Finding {
  const text = cut(JSON.stringify(input ?? {}), INPUT_CHARACTERS);
  return { kind, name: tool, detail: oneLineArgument(input), input: text };
}

/** Names of servers stand in names of tools with everything but letters, digits, `_` and `-` replaced. */
function serverInToolName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_-]/g, '_');
}

function isAgentTool(tool: string): boolean {
  return tool === 'Task' || tool === 'Agent';
}

/**
 * Newer versions stamp a result that no tool gave. Older ones give their sentence alone; these are the ones of 1.0.60 to
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
