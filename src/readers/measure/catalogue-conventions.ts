// Metrics that the OpenTelemetry conventions name, beside ours: for dashboards and backends that know those names. Over OTLP they
// have the names of the convention, in a scrape those that the rules for Prometheus make of them. docs/conventions.md has them
// side by side with ours. Part of catalogue.ts.
import { agentName, anthropic } from '../../otlp/gen-ai.ts';
import { attr } from '../../otlp/names.ts';
import { durationBuckets, failureReasons, runMetrics } from './catalogue-runs.ts';
import { bounded, type CounterMetric, fixed, type HistogramMetric } from './metric.ts';

const pipeline = bounded('workflow');
const provider = fixed(anthropic);
const model = bounded('model');

/** The attribute of the convention for a label. */
export const attributeOfLabel = {
  cicd_pipeline_name: attr.pipelineName,
  cicd_pipeline_run_state: attr.pipelineRunState,
  cicd_pipeline_result: attr.pipelineResult,
  error_type: attr.errorType,
  gen_ai_operation_name: attr.genAiOperation,
  gen_ai_provider_name: attr.genAiProvider,
  gen_ai_request_model: attr.genAiModel,
  gen_ai_token_type: 'gen_ai.token.type',
  gen_ai_agent_name: attr.genAiAgent,
  gen_ai_tool_name: attr.genAiTool,
} as const;

const callBuckets = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const callBucketsReason = 'Those that the convention advises.';

export const conventionMetrics = {
  pipelineDuration: {
    name: 'cicd_pipeline_run_duration_seconds',
    convention: { name: 'cicd.pipeline.run.duration', unit: 's' },
    type: 'histogram',
    help: 'Wall time of runs that have ended, as stepspan_run_duration_seconds has it.',
    unit: 'seconds',
    labels: {
      cicd_pipeline_name: pipeline,
      cicd_pipeline_run_state: fixed('executing'),
      cicd_pipeline_result: runMetrics.runDuration.labels.outcome,
    },
    ...durationBuckets,
    scope: 'run',
  } satisfies HistogramMetric,
  pipelineErrors: {
    name: 'cicd_pipeline_run_errors_total',
    convention: { name: 'cicd.pipeline.run.errors', unit: '{error}' },
    type: 'counter',
    help: 'Steps that did not succeed, as stepspan_step_failures_total has them.',
    unit: '',
    labels: { cicd_pipeline_name: pipeline, error_type: fixed(...failureReasons) },
    scope: 'run',
  } satisfies CounterMetric,
  tokenUsage: {
    name: 'gen_ai_client_token_usage',
    convention: { name: 'gen_ai.client.token.usage', unit: '{token}' },
    type: 'histogram',
    help: 'Tokens of each call of the model that Claude Code has a span for; the input includes what was cached.',
    unit: '',
    labels: {
      gen_ai_operation_name: fixed('chat'),
      gen_ai_provider_name: provider,
      gen_ai_request_model: model,
      gen_ai_token_type: fixed('input', 'output'),
    },
    buckets: [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864],
    bucketsReason: callBucketsReason,
    scope: 'run',
  } satisfies HistogramMetric,
  operationDuration: {
    name: 'gen_ai_client_operation_duration_seconds',
    convention: { name: 'gen_ai.client.operation.duration', unit: 's' },
    type: 'histogram',
    help: 'Duration of the calls of the model that Claude Code has a span for.',
    unit: 'seconds',
    labels: { gen_ai_operation_name: fixed('chat'), gen_ai_provider_name: provider, gen_ai_request_model: model },
    buckets: callBuckets,
    bucketsReason: callBucketsReason,
    scope: 'run',
  } satisfies HistogramMetric,
  invokeAgentDuration: {
    name: 'gen_ai_invoke_agent_duration_seconds',
    convention: { name: 'gen_ai.invoke_agent.duration', unit: 's' },
    type: 'histogram',
    help: `Duration of each turn of Claude Code (${agentName}), and of each of its subagents by their names.`,
    unit: 'seconds',
    labels: { gen_ai_provider_name: provider, gen_ai_agent_name: bounded('agent') },
    ...durationBuckets,
    scope: 'run',
  } satisfies HistogramMetric,
  executeToolDuration: {
    name: 'gen_ai_execute_tool_duration_seconds',
    convention: { name: 'gen_ai.execute_tool.duration', unit: 's' },
    type: 'histogram',
    help: 'Duration of the calls of tools that Claude Code has a span for, the wait for a permission included.',
    unit: 'seconds',
    labels: { gen_ai_tool_name: bounded('tool') },
    ...durationBuckets,
    scope: 'run',
  } satisfies HistogramMetric,
};
