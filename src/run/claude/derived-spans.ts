// Spans made from the stream-json, for when Claude Code's own did not come: an interaction with its model calls and tool
// calls, named as Claude Code names them and marked `stepspan.derived`. Also stands in for single spans that were never
// sent. Pure but for what it remembers; ids are derived, so making them again gives the same spans.

import { type RunId, spanIdOf } from '../../core/ids.ts';
import { countAt, type JsonObject, numberAt, objectAt, objectsAt, textAt } from '../../core/json.ts';
import type { Subject } from '../../core/record.ts';
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
  readonly attributes: Attribute[];
  failed: boolean;
};

export function createSpanDeriver(target: DerivedFor): SpanDeriver {
  const { runId, subject } = target;
  const idOf = (...parts: readonly string[]): string =>
    spanIdOf(runId, 'derived', subject.step, String(subject.attempt), ...parts);
  const interactionId = idOf('interaction');
  const tools = new Map<string, Draft>();
  const calls = new Map<string, Draft>();
  /** Per agent (the Task call of a subagent, '' for the main one): since when the model was being asked. */
  const askedSince = new Map<string, bigint>();
  const facts: Attribute[] = [];
  let startNs: bigint | undefined;
  let lastNs = 0n;
  let failed = false;
  let left = 0;

  function add(into: Map<string, Draft>, key: string, draft: Draft): void {
    if (tools.size + calls.size >= MAX_DERIVED) left += 1;
    else into.set(key, draft);
  }

  function assistant(message: JsonObject, agent: string, timeNs: bigint): void {
    const said = objectAt(message, 'message');
    const id = textAt(said, 'id') ?? '';
    const parentId = tools.get(agent)?.spanId ?? interactionId;
    const call = calls.get(id);
    if (call === undefined && textAt(said, 'model') !== '<synthetic>') {
      const model = textAt(said, 'model') ?? '';
      const usage = objectAt(said, 'usage');
      add(calls, id, {
        spanId: idOf('llm_request', id),
        parentId,
        name: 'claude_code.llm_request',
        startNs: askedSince.get(agent) ?? startNs ?? timeNs,
        endNs: timeNs,
        failed: false,
        attributes: [
          textAttribute('span.type', 'llm_request'),
          textAttribute('model', model),
          textAttribute('gen_ai.request.model', model),
          textAttribute('gen_ai.provider.name', 'anthropic'),
          countAttribute('input_tokens', countAt(usage, 'input_tokens')),
          countAttribute('cache_read_tokens', countAt(usage, 'cache_read_input_tokens')),
          countAttribute('cache_creation_tokens', countAt(usage, 'cache_creation_input_tokens')),
        ],
      });
    } else if (call !== undefined) {
      call.endNs = timeNs;
    }
    for (const block of objectsAt(said, 'content').filter((each) => each.type === 'tool_use')) {
      const toolUseId = textAt(block, 'id') ?? '';
      const tool = textAt(block, 'name') ?? '';
      add(tools, toolUseId, {
        spanId: idOf('tool', toolUseId),
        parentId,
        name: 'claude_code.tool',
        startNs: timeNs,
        endNs: undefined,
        failed: false,
        attributes: [
          textAttribute('span.type', 'tool'),
          textAttribute('tool_name', tool),
          textAttribute('gen_ai.tool.name', tool),
          textAttribute('gen_ai.tool.call.id', toolUseId),
          textAttribute('gen_ai.operation.name', 'execute_tool'),
        ],
      });
      askedSince.set(toolUseId, timeNs);
    }
  }

  function user(message: JsonObject, agent: string, timeNs: bigint): void {
    for (const block of objectsAt(objectAt(message, 'message'), 'content')) {
      if (block.type !== 'tool_result') continue;
      const tool = tools.get(textAt(block, 'tool_use_id') ?? '');
      if (tool === undefined) continue;
      tool.endNs = timeNs;
      tool.failed = block.is_error === true;
    }
    askedSince.set(agent, timeNs);
  }

  function all(endNs: bigint): readonly JsonObject[] {
    if (startNs === undefined) return [];
    const end = lastNs > startNs ? lastNs : endNs;
    const interaction: Draft = {
      spanId: interactionId,
      parentId: target.spanId,
      name: 'claude_code.interaction',
      startNs,
      endNs: end,
      failed,
      attributes: [
        textAttribute('span.type', 'interaction'),
        textAttribute('gen_ai.operation.name', 'invoke_agent'),
        textAttribute('gen_ai.provider.name', 'anthropic'),
        ...facts,
        ...(left > 0 ? [countAttribute('stepspan.derived.left_out', left)] : []),
      ],
    };
    return [interaction, ...calls.values(), ...tools.values()].map((draft) => spanOf(draft, end));
  }

  /** Stands in for a span that its children name: its kind is told by their names. */
  function standIn(missing: MissingSpan, nesting: NestingFound): JsonObject {
    const ofTool = missing.childNames.every((name) => name.startsWith('claude_code.tool.'));
    const parentId = ofTool ? (nesting.interactionId ?? target.spanId) : target.spanId;
    const name = ofTool ? 'claude_code.tool' : 'claude_code.interaction';
    const attributes = [textAttribute('span.type', ofTool ? 'tool' : 'interaction')];
    const { spanId, startNs, endNs } = missing;
    return spanOf({ spanId, parentId, name, startNs, endNs, failed: false, attributes }, endNs);
  }

  function spanOf(draft: Draft, openEndNs: bigint): JsonObject {
    const open = draft.endNs === undefined;
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
        flagAttribute('stepspan.derived', true),
        ...(open ? [flagAttribute('stepspan.unfinished', true)] : []),
      ],
      status: { code: draft.failed ? 2 : 0 },
      flags: 1,
    };
  }

  return {
    message(message, timeNs) {
      startNs ??= timeNs;
      lastNs = timeNs > lastNs ? timeNs : lastNs;
      const agent = textAt(message, 'parent_tool_use_id') ?? '';
      if (message.type === 'assistant') assistant(message, agent, timeNs);
      if (message.type === 'user') user(message, agent, timeNs);
      if (message.type === 'result') {
        facts.splice(0, facts.length, ...resultFacts(message));
        failed = message.is_error === true;
      }
    },
    derive(nesting, endNs) {
      const none = nesting.ownSpans === 0 && nesting.orphans === 0;
      const spans = none ? all(endNs) : nesting.missing.map((each) => standIn(each, nesting));
      const resource = { attributes: [textAttribute('service.name', 'claude-code')] };
      const scope = { name: 'stepspan.derived' };
      return { request: { resourceSpans: [{ resource, scopeSpans: [{ scope, spans }] }] }, spans: spans.length };
    },
  };
}

function resultFacts(message: JsonObject): readonly Attribute[] {
  const session = textAt(message, 'session_id') ?? '';
  return [
    textAttribute('session.id', session),
    textAttribute('gen_ai.conversation.id', session),
    countAttribute('stepspan.claude.turns', countAt(message, 'num_turns')),
    numberAttribute('stepspan.claude.reported_cost_usd', numberAt(message, 'total_cost_usd') ?? 0),
  ];
}
