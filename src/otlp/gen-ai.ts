// Claude Code's own spans by the GenAI conventions (semantic-conventions-genai 0.1.0): the name, kind and attributes that the
// convention has for what a span is about. Pure. The shipper asks for each span that it sends, the metrics for each that they
// measure; the journal keeps what came. Claude Code 2.1 itself sets a part of them, and `gen_ai.system` of an older version.
import { attr } from './names.ts';
import type { PlainValue } from './values.ts';

/** `gen_ai.provider.name` of every model that Claude Code asks. */
export const anthropic = 'anthropic';
/** `gen_ai.agent.name` of the main agent. */
export const agentName = 'claude-code';

type Attributes = Readonly<Record<string, PlainValue>>;

/** Name, kind (CLIENT for what another machine does) and attributes to add, over those that came. */
export type GenAiSpan = {
  readonly operation: 'invoke_agent' | 'chat' | 'execute_tool';
  readonly name: string;
  readonly kind: 'client' | 'internal';
  readonly attributes: Attributes;
};

/** The tools with which Claude Code starts a subagent; Task is the former name. */
const subagentTools: ReadonlySet<string> = new Set(['Agent', 'Task']);

export function isSubagentTool(tool: string): boolean {
  return subagentTools.has(tool);
}

/** The subagent that a call of a tool starts, by its name; undefined if it starts none. @param input the arguments as JSON, perhaps cut */
export function subagentOfCall(tool: string, input: string): string | undefined {
  if (!isSubagentTool(tool)) return undefined;
  // By a pattern, as the JSON of a long input is cut.
  return /"subagent_type"\s*:\s*"([^"\\]{1,200})"/.exec(input)?.[1];
}

/**
 * @param name as Claude Code sent it
 * @param subagentOf the name of the subagent that a tool call started, by the call's id, if it is known
 * @returns undefined for a span that the conventions have no word for, such as a hook or the wait for a permission
 */
export function genAiSpan(
  name: string,
  attributes: Attributes,
  subagentOf: (toolUseId: string) => string | undefined = () => undefined,
): GenAiSpan | undefined {
  switch (name) {
    case 'claude_code.interaction':
      return invocation(agentName, conversationOf(attributes));
    case 'claude_code.llm_request':
      return modelCall(attributes);
    case 'claude_code.tool':
      return toolCall(attributes, subagentOf);
    default:
      return undefined;
  }
}

function invocation(agent: string | undefined, more: Attributes): GenAiSpan {
  return {
    operation: 'invoke_agent',
    name: agent === undefined ? 'invoke_agent' : `invoke_agent ${agent}`,
    kind: 'internal',
    attributes: defined({
      [attr.genAiOperation]: 'invoke_agent',
      [attr.genAiProvider]: anthropic,
      [attr.genAiAgent]: agent,
      ...more,
    }),
  };
}

function modelCall(attributes: Attributes): GenAiSpan {
  const model = textOf(attributes, attr.genAiModel, 'model');
  const stop = textOf(attributes, 'stop_reason');
  const firstMs = numberOf(attributes, 'ttft_ms');
  return {
    operation: 'chat',
    name: model === undefined ? 'chat' : `chat ${model}`,
    kind: 'client',
    attributes: defined({
      [attr.genAiOperation]: 'chat',
      [attr.genAiProvider]: textOf(attributes, attr.genAiProvider, 'gen_ai.system') ?? anthropic,
      [attr.genAiModel]: model,
      [attr.genAiResponseId]: textOf(attributes, attr.genAiResponseId, 'request_id'),
      [attr.genAiFinishReasons]: attributes[attr.genAiFinishReasons] ?? (stop === undefined ? undefined : [stop]),
      [attr.genAiFirstChunk]: firstMs === undefined ? undefined : firstMs / 1000,
      [attr.errorType]: attributes.success === false ? errorOf(attributes) : undefined,
      ...conversationOf(attributes),
      ...usageOf(attributes),
    }),
  };
}

/** The error of a model call: the HTTP status, else what little Claude Code says of it. */
function errorOf(attributes: Attributes): string {
  const status = numberOf(attributes, 'status_code');
  return textOf(attributes, attr.errorType) ?? (status === undefined ? '_OTHER' : String(status));
}

/**
 * Anthropic's `input_tokens` leave out what was cached, the convention's include it. A cache count of 0 is not
 * written, as the convention asks.
 */
function usageOf(attributes: Attributes): Attributes {
  const input = numberOf(attributes, 'input_tokens');
  const read = numberOf(attributes, 'cache_read_tokens') ?? 0;
  const written = numberOf(attributes, 'cache_creation_tokens') ?? 0;
  return {
    [attr.inputTokens]: input === undefined ? undefined : input + read + written,
    [attr.outputTokens]: numberOf(attributes, 'output_tokens'),
    [attr.cacheReadTokens]: read > 0 ? read : undefined,
    [attr.cacheWriteTokens]: written > 0 ? written : undefined,
  };
}

/** A call of a tool; one that starts a subagent is the invocation of that agent. */
function toolCall(attributes: Attributes, subagentOf: (toolUseId: string) => string | undefined): GenAiSpan {
  const tool = textOf(attributes, attr.genAiTool, 'tool_name');
  const callId = textOf(attributes, attr.genAiToolCallId, 'tool_use_id');
  const call = { [attr.genAiTool]: tool, [attr.genAiToolCallId]: callId };
  if (tool !== undefined && isSubagentTool(tool)) {
    const known = textOf(attributes, 'subagent_type', 'agent_type');
    const agent = known ?? (callId === undefined ? undefined : subagentOf(callId));
    return invocation(agent, { ...call, ...conversationOf(attributes) });
  }
  return {
    operation: 'execute_tool',
    name: tool === undefined ? 'execute_tool' : `execute_tool ${tool}`,
    kind: 'internal',
    attributes: defined({ [attr.genAiOperation]: 'execute_tool', ...call, ...conversationOf(attributes) }),
  };
}

function conversationOf(attributes: Attributes): Attributes {
  return { [attr.genAiConversation]: textOf(attributes, attr.genAiConversation, 'session.id') };
}

/** The first of these attributes that is a text and says something. */
function textOf(attributes: Attributes, ...keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = attributes[key];
    if (typeof value === 'string' && value !== '') return value;
  }
  return undefined;
}

function numberOf(attributes: Attributes, key: string): number | undefined {
  const value = attributes[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function defined(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
