// Spans made from the stream-json if Claude Code sent none of its own: an interaction with its model calls and tool calls,
// named as Claude Code names them and marked as derived. Also replaces single spans that never came. Called by the
// engine, with every message and at the end of an attempt. Ids are derived, so the same messages make the same spans.

import { type RunId, spanIdOf } from '../../core/ids.ts';
import { countAt, type JsonObject, numberAt, objectAt, objectsAt, textAt } from '../../core/json.ts';
import type { Subject } from '../../core/record.ts';
import { anthropic } from '../../otlp/gen-ai.ts';
import { attr } from '../../otlp/names.ts';
import { type Attribute, countAttribute, flagAttribute, numberAttribute, textAttribute } from '../../otlp/values.ts';
import { stampOf } from './intake/clean-request.ts';
import type { MissingSpan, NestingFound } from './intake/nesting.ts';

/** Spans of one attempt that are kept; a day of work has some thousand. More are counted on the interaction span. */
const MAX_DERIVED = 5_000;

export type DerivedFor = {
  readonly runId: RunId;
  readonly subject: Subject;
  readonly traceId: string;
  /** The span that the interaction hangs below. */
  readonly spanId: string;
};

export type SpanDeriver = {
  /** Takes each message of the stream with its time in Unix ns. */
  readonly message: (message: JsonObject, timeNs: bigint) => void;
  /**
   * The spans that are needed beside those that came: all of them when none did, else one for each missing link.
   * @param nesting what the intake found
   * @param endNs when the attempt ended, in Unix ns
   * @returns an ExportTraceServiceRequest and its number of spans; 0 when none is needed
   */
  readonly derive: (nesting: NestingFound, endNs: bigint) => { readonly request: JsonObject; readonly spans: number };
};

type Draft = {
  readonly spanId: string;
  readonly parentId: string;
  readonly name: string;
  readonly startNs: bigint;
  endNs: bigint | undefined;
  readonly attributes: readonly Attribute[];
  failed: boolean;
};

/** What the messages so far have shown: what the functions below share. */
type Deriving = {
  readonly target: DerivedFor;
  readonly idOf: (...parts: readonly string[]) => string;
  readonly interactionId: string;
  readonly tools: Map<string, Draft>;
  readonly calls: Map<string, Draft>;
  /** By agent (the Task call of a subagent, '' for the main one): since when the model was being asked. */
  readonly askedSince: Map<string, bigint>;
  /** Of the newest result line. */
  facts: readonly Attribute[];
  startNs: bigint | undefined;
  lastNs: bigint;
  failed: boolean;
  leftOut: number;
};

export function createSpanDeriver(target: DerivedFor): SpanDeriver {
  const { runId, subject } = target;
  const idOf = (...parts: readonly string[]): string =>
    spanIdOf(runId, 'derived', subject.step, String(subject.attempt), ...parts);
  const deriving: Deriving = {
    target,
    idOf,
    interactionId: idOf('interaction'),
    tools: new Map(),
    calls: new Map(),
    askedSince: new Map(),
    facts: [],
    startNs: undefined,
    lastNs: 0n,
    failed: false,
    leftOut: 0,
  };
  return {
    message: (message, timeNs) => readMessage(deriving, message, timeNs),
    derive(nesting, endNs) {
      const hasNone = nesting.ownSpans === 0 && nesting.orphans === 0;
      const spans = hasNone
        ? allSpans(deriving, endNs)
        : nesting.missing.map((missing) => replacementOf(target, missing, nesting));
      const resource = { attributes: [textAttribute('service.name', 'claude-code')] };
      const scope = { name: 'stepspan.derived' };
      return { request: { resourceSpans: [{ resource, scopeSpans: [{ scope, spans }] }] }, spans: spans.length };
    },
  };
}

function readMessage(deriving: Deriving, message: JsonObject, timeNs: bigint): void {
  deriving.startNs ??= timeNs;
  deriving.lastNs = timeNs > deriving.lastNs ? timeNs : deriving.lastNs;
  const agent = textAt(message, 'parent_tool_use_id') ?? '';
  switch (message.type) {
    case 'assistant':
      readAssistantMessage(deriving, message, agent, timeNs);
      return;
    case 'user':
      readUserMessage(deriving, message, agent, timeNs);
      return;
    case 'result':
      deriving.facts = resultFacts(message);
      deriving.failed = message.is_error === true;
      return;
    default:
  }
}

function readAssistantMessage(deriving: Deriving, message: JsonObject, agent: string, timeNs: bigint): void {
  const { tools, calls, idOf } = deriving;
  const body = objectAt(message, 'message');
  const id = textAt(body, 'id') ?? '';
  const parentId = tools.get(agent)?.spanId ?? deriving.interactionId;
  const call = calls.get(id);
  if (call !== undefined) {
    call.endNs = timeNs;
  } else if (textAt(body, 'model') !== '<synthetic>') {
    const startNs = deriving.askedSince.get(agent) ?? deriving.startNs ?? timeNs;
    const name = 'claude_code.llm_request';
    const spanId = idOf('llm_request', id);
    addDraft(deriving, calls, id, {
      ...{ spanId, parentId, name, startNs, endNs: timeNs, failed: false },
      attributes: callAttributes(body),
    });
  }
  for (const block of objectsAt(body, 'content').filter((each) => each.type === 'tool_use')) {
    const toolUseId = textAt(block, 'id') ?? '';
    const spanId = idOf('tool', toolUseId);
    addDraft(deriving, tools, toolUseId, {
      ...{ spanId, parentId, name: 'claude_code.tool', startNs: timeNs, endNs: undefined, failed: false },
      attributes: toolAttributes(textAt(block, 'name') ?? '', toolUseId),
    });
    deriving.askedSince.set(toolUseId, timeNs);
  }
}

function addDraft(deriving: Deriving, into: Map<string, Draft>, key: string, draft: Draft): void {
  if (deriving.tools.size + deriving.calls.size >= MAX_DERIVED) deriving.leftOut += 1;
  else into.set(key, draft);
}

function callAttributes(body: JsonObject): readonly Attribute[] {
  const model = textAt(body, 'model') ?? '';
  const usage = objectAt(body, 'usage');
  return [
    textAttribute('span.type', 'llm_request'),
    textAttribute('model', model),
    textAttribute(attr.genAiModel, model),
    textAttribute(attr.genAiProvider, anthropic),
    countAttribute('input_tokens', countAt(usage, 'input_tokens')),
    countAttribute('cache_read_tokens', countAt(usage, 'cache_read_input_tokens')),
    countAttribute('cache_creation_tokens', countAt(usage, 'cache_creation_input_tokens')),
  ];
}

function toolAttributes(tool: string, toolUseId: string): readonly Attribute[] {
  return [
    textAttribute('span.type', 'tool'),
    textAttribute('tool_name', tool),
    textAttribute(attr.genAiTool, tool),
    textAttribute(attr.genAiToolCallId, toolUseId),
    textAttribute(attr.genAiOperation, 'execute_tool'),
  ];
}

function readUserMessage({ tools, askedSince }: Deriving, message: JsonObject, agent: string, timeNs: bigint): void {
  for (const block of objectsAt(objectAt(message, 'message'), 'content')) {
    if (block.type !== 'tool_result') continue;
    const tool = tools.get(textAt(block, 'tool_use_id') ?? '');
    if (tool === undefined) continue;
    tool.endNs = timeNs;
    tool.failed = block.is_error === true;
  }
  askedSince.set(agent, timeNs);
}

function allSpans(deriving: Deriving, endNs: bigint): readonly JsonObject[] {
  const { target, startNs, lastNs, failed, facts, leftOut } = deriving;
  if (startNs === undefined) return [];
  const end = lastNs > startNs ? lastNs : endNs;
  const interaction: Draft = {
    spanId: deriving.interactionId,
    parentId: target.spanId,
    name: 'claude_code.interaction',
    startNs,
    endNs: end,
    failed,
    attributes: [
      textAttribute('span.type', 'interaction'),
      textAttribute(attr.genAiOperation, 'invoke_agent'),
      textAttribute(attr.genAiProvider, anthropic),
      ...facts,
      ...(leftOut > 0 ? [countAttribute(attr.leftOut, leftOut)] : []),
    ],
  };
  return [interaction, ...deriving.calls.values(), ...deriving.tools.values()].map((draft) =>
    spanOf(target, draft, end),
  );
}

/** A span that others name as their parent and that never came. The names of its children say which kind it was. */
function replacementOf(target: DerivedFor, missing: MissingSpan, nesting: NestingFound): JsonObject {
  const isTool = missing.childNames.every((name) => name.startsWith('claude_code.tool.'));
  const parentId = isTool ? (nesting.interactionId ?? target.spanId) : target.spanId;
  const name = isTool ? 'claude_code.tool' : 'claude_code.interaction';
  const attributes = [textAttribute('span.type', isTool ? 'tool' : 'interaction')];
  const { spanId, startNs, endNs } = missing;
  return spanOf(target, { spanId, parentId, name, startNs, endNs, failed: false, attributes }, endNs);
}

function spanOf(target: DerivedFor, draft: Draft, openEndNs: bigint): JsonObject {
  const isOpen = draft.endNs === undefined;
  return {
    traceId: target.traceId,
    spanId: draft.spanId,
    parentSpanId: draft.parentId,
    name: draft.name,
    kind: 1,
    startTimeUnixNano: String(draft.startNs),
    endTimeUnixNano: String(draft.endNs ?? openEndNs),
    attributes: [
      ...draft.attributes,
      ...stampOf(target),
      flagAttribute(attr.derived, true),
      ...(isOpen ? [flagAttribute(attr.unfinished, true)] : []),
    ],
    status: { code: draft.failed ? 2 : 0 },
    flags: 1,
  };
}

function resultFacts(message: JsonObject): readonly Attribute[] {
  const session = textAt(message, 'session_id') ?? '';
  return [
    textAttribute('session.id', session),
    textAttribute(attr.genAiConversation, session),
    countAttribute(attr.turns, countAt(message, 'num_turns')),
    numberAttribute(attr.reportedCostUsd, numberAt(message, 'total_cost_usd') ?? 0),
  ];
}
