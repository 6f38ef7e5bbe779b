// Claude Code's spans as observations of the metrics that the GenAI conventions have for them. Pure. What a span is about is decided by the
// same function as its name when it is sent, so metrics and spans agree. Called by fold-claude.ts.
import { type JsonObject, textAt } from '../../core/json.ts';
import { genAiSpan } from '../../otlp/gen-ai.ts';
import { attr } from '../../otlp/names.ts';
import { itemsIn } from '../../otlp/request.ts';
import { attributesOf, idAt, nanosAt, type PlainValue } from '../../otlp/values.ts';
import { metrics } from './catalogue.ts';
import { type Change, type Exemplar, type HistogramMetric, type LabelSet, observe } from './metric.ts';

/**
 * @param request an `ExportTraceServiceRequest` as JSON
 * @param agents names of subagents by the id of the call that started them
 */
export function measureSpans(request: unknown, agents: ReadonlyMap<string, string>): readonly Change[] {
  return [...itemsIn(request, 'traces')].flatMap((span) => measureSpan(span, agents));
}

function measureSpan(span: JsonObject, agents: ReadonlyMap<string, string>): readonly Change[] {
  const genAi = genAiSpan(textAt(span, 'name') ?? '', attributesOf(span), (id) => agents.get(id));
  const startNs = nanosAt(span, 'startTimeUnixNano');
  const endNs = nanosAt(span, 'endTimeUnixNano');
  if (genAi === undefined || endNs < startNs) return [];
  const label = (key: string): string => textOf(genAi.attributes[key]);
  const at = {
    traceId: idAt(span, 'traceId') ?? '',
    spanId: idAt(span, 'spanId') ?? '',
    timeMs: Number(endNs / 1_000_000n),
  };
  const observed = <L extends string>(metric: HistogramMetric<L>, labels: LabelSet<L>, value: number): Change => {
    const exemplar: Exemplar = { ...at, value };
    return observe(metric, labels, value, exemplar);
  };
  const seconds = Number(endNs - startNs) / 1e9;
  const provider = { gen_ai_provider_name: label(attr.genAiProvider) };
  switch (genAi.operation) {
    case 'invoke_agent':
      return [
        observed(metrics.invokeAgentDuration, { ...provider, gen_ai_agent_name: label(attr.genAiAgent) }, seconds),
      ];
    case 'execute_tool':
      return [observed(metrics.executeToolDuration, { gen_ai_tool_name: label(attr.genAiTool) }, seconds)];
    case 'chat': {
      const call = { ...provider, gen_ai_operation_name: 'chat', gen_ai_request_model: label(attr.genAiModel) };
      const tokens = { input: genAi.attributes[attr.inputTokens], output: genAi.attributes[attr.outputTokens] };
      return [
        observed(metrics.operationDuration, call, seconds),
        ...Object.entries(tokens).flatMap(([type, count]) =>
          typeof count === 'number' ? [observed(metrics.tokenUsage, { ...call, gen_ai_token_type: type }, count)] : [],
        ),
      ];
    }
  }
}

function textOf(value: PlainValue): string {
  return typeof value === 'string' ? value : '';
}
