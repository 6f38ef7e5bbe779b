// What Claude Code's events do to the metrics: cost and tokens of an attempt once, tools by result, its own telemetry.
// Part of fold-metrics.ts, and pure as that is.
import type { ModelUsage } from '../../core/claude-event.ts';
import type { EventOf } from '../../core/event.ts';
import { findingKinds } from '../../core/finding.ts';
import type { EventRecord } from '../../core/record.ts';
import { agentName, subagentOfCall } from '../../otlp/gen-ai.ts';
import { type RunState, totalCost } from '../../runs/index.ts';
import { metrics } from './catalogue.ts';
import { foldTelemetry } from './claude-telemetry.ts';
import { findAttempt } from './find-part.ts';
import { measureSpans } from './measure-spans.ts';
import { add, type Change } from './metric.ts';
import { maxAgents, maxOpenCalls, type PartFold, type RunMemory } from './run-memory.ts';

const nothing: PartFold = { memory: {}, changes: [] };

/** @param after the state with this record folded in */
export function foldClaude(memory: RunMemory, after: RunState, record: EventRecord): PartFold {
  const { event } = record;
  const { workflow } = after;
  switch (event.type) {
    case 'claude.session':
      return { memory: {}, changes: [touchModel(workflow, event.model)] };
    case 'claude.usage':
      return { memory: {}, changes: [touchModel(workflow, event.usage.model)] };
    case 'claude.cost':
      return countCost(memory, after, record, {
        costUsd: event.costUsd,
        models: event.models,
        isUnknown: event.unknown !== undefined,
      });
    case 'claude.tool_called':
      return openCall(memory, record, event);
    case 'claude.tool_returned': {
      const call = memory.calls.get(event.toolUseId);
      const result = event.isError ? 'error' : 'success';
      return {
        memory: call === undefined ? {} : { calls: without(memory.calls, event.toolUseId) },
        changes: [add(metrics.toolCalls, { tool: call?.tool ?? '', result })],
      };
    }
    case 'claude.permission_denied':
      return { memory: {}, changes: [add(metrics.permissionDenials, { tool: event.tool })] };
    case 'claude.retrying':
      return { memory: {}, changes: [add(metrics.apiRetries, { workflow })] };
    case 'claude.telemetry':
      if (event.signal === 'metrics') return foldTelemetry(memory, workflow, record, event);
      return event.signal === 'traces' ? { memory: {}, changes: measureSpans(event.request, memory.agents) } : nothing;
    case 'attempt.finished':
      return endOfAttempt(memory, after, record);
    default:
      // Neither counted, nor about Claude Code.
      return nothing;
  }
}

function touchModel(workflow: string, model: string): Change {
  return { kind: 'touch', labels: { workflow, model, gen_ai_request_model: model, gen_ai_agent_name: agentName } };
}

function openCall(
  memory: RunMemory,
  record: EventRecord,
  { tool, toolUseId: id, input }: EventOf<'claude.tool_called'>,
): PartFold {
  const touch: Change = { kind: 'touch', labels: { tool, gen_ai_tool_name: tool } };
  // A call beyond the bound is counted when its answer comes, under the name that is shown for unknown ones.
  const agent = memory.agents.size < maxAgents ? subagentOfCall(tool, input) : undefined;
  const agents = agent === undefined ? memory.agents : new Map(memory.agents).set(id, agent);
  if (memory.calls.size >= maxOpenCalls) return { memory: { agents }, changes: [touch] };
  const calls = new Map(memory.calls).set(id, { tool, step: record.subject?.step ?? '' });
  return { memory: { calls, agents }, changes: [touch] };
}

type Counted = { readonly costUsd: number; readonly models: readonly ModelUsage[]; readonly isUnknown: boolean };

/**
 * Counts once for each attempt: the sum at its end, since a sum that is still estimated can go down and a counter cannot.
 * What an active run has cost so far is a gauge.
 */
function countCost(
  memory: RunMemory,
  { workflow }: RunState,
  { subject }: EventRecord,
  { costUsd, models, isUnknown }: Counted,
): PartFold {
  const attempt = subject === undefined ? '' : `${subject.step}#${subject.attempt}`;
  if (memory.costed.has(attempt)) return nothing;
  const changes = models.flatMap((use) => [
    add(metrics.cost, { workflow, model: use.model }, use.costUsd),
    add(metrics.tokens, { workflow, model: use.model, type: 'input' }, use.inputTokens),
    add(metrics.tokens, { workflow, model: use.model, type: 'output' }, use.outputTokens),
    add(metrics.tokens, { workflow, model: use.model, type: 'cache_read' }, use.cacheReadTokens),
    add(metrics.tokens, { workflow, model: use.model, type: 'cache_creation' }, use.cacheCreationTokens),
  ]);
  if (isUnknown) changes.push(add(metrics.unknownCosts, { workflow }));
  // Below a millionth of a dollar it is the rounding of the sum.
  const rest = costUsd - models.reduce((sum, use) => sum + use.costUsd, 0);
  if (rest > 1e-6) changes.push(add(metrics.cost, { workflow, model: '' }, rest));
  return { memory: { costed: new Set(memory.costed).add(attempt) }, changes };
}

/** An attempt that ended without its final sum, as one whose stepspan was killed, counts what was summed up live. */
function endOfAttempt(memory: RunMemory, after: RunState, record: EventRecord): PartFold {
  const step = record.subject?.step ?? '';
  const unanswered = [...memory.calls].filter(([, call]) => call.step === step);
  const calls = new Map([...memory.calls].filter(([, call]) => call.step !== step));
  const attempt = findAttempt(after, record);
  const live = attempt?.cost.kind === 'live' ? attempt.cost.models : undefined;
  const cost =
    live === undefined
      ? nothing
      : countCost(memory, after, record, {
          costUsd: totalCost(live),
          models: Object.values(live),
          isUnknown: false,
        });
  return {
    memory: { ...cost.memory, ...(unanswered.length === 0 ? {} : { calls }) },
    changes: [
      ...unanswered.map(([, { tool }]) => add(metrics.toolCalls, { tool, result: 'unanswered' })),
      ...cost.changes,
      ...findingChanges(after.workflow, record),
    ],
  };
}

function findingChanges(workflow: string, { event }: EventRecord): readonly Change[] {
  if (event.type !== 'attempt.finished' || event.findings === undefined) return [];
  const { counts } = event.findings;
  return findingKinds.flatMap((kind) => {
    const count = counts[kind] ?? 0;
    return count === 0 ? [] : [add(metrics.findings, { workflow, kind }, count)];
  });
}

function without<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}
