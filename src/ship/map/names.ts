// Every attribute name that ship sends, in one place; docs/telemetry.md lists the same and a test compares the two.
// Names of the semantic conventions are checked against their package by type only: loading it would cost 16,000 lines.
import type * as semconv from '@opentelemetry/semantic-conventions/incubating';

export const attr = {
  pipelineName: 'cicd.pipeline.name' satisfies typeof semconv.ATTR_CICD_PIPELINE_NAME,
  pipelineRunId: 'cicd.pipeline.run.id' satisfies typeof semconv.ATTR_CICD_PIPELINE_RUN_ID,
  pipelineRunState: 'cicd.pipeline.run.state' satisfies typeof semconv.ATTR_CICD_PIPELINE_RUN_STATE,
  pipelineResult: 'cicd.pipeline.result' satisfies typeof semconv.ATTR_CICD_PIPELINE_RESULT,
  pipelineAction: 'cicd.pipeline.action.name' satisfies typeof semconv.ATTR_CICD_PIPELINE_ACTION_NAME,
  taskName: 'cicd.pipeline.task.name' satisfies typeof semconv.ATTR_CICD_PIPELINE_TASK_NAME,
  taskRunId: 'cicd.pipeline.task.run.id' satisfies typeof semconv.ATTR_CICD_PIPELINE_TASK_RUN_ID,
  taskRunResult: 'cicd.pipeline.task.run.result' satisfies typeof semconv.ATTR_CICD_PIPELINE_TASK_RUN_RESULT,
  taskType: 'cicd.pipeline.task.type' satisfies typeof semconv.ATTR_CICD_PIPELINE_TASK_TYPE,
  errorType: 'error.type' satisfies typeof semconv.ATTR_ERROR_TYPE,
  pid: 'process.pid' satisfies typeof semconv.ATTR_PROCESS_PID,
  exitCode: 'process.exit.code' satisfies typeof semconv.ATTR_PROCESS_EXIT_CODE,
  commandLine: 'process.command_line' satisfies typeof semconv.ATTR_PROCESS_COMMAND_LINE,
  workingDirectory: 'process.working_directory' satisfies typeof semconv.ATTR_PROCESS_WORKING_DIRECTORY,
  genAiOperation: 'gen_ai.operation.name' satisfies typeof semconv.ATTR_GEN_AI_OPERATION_NAME,
  genAiProvider: 'gen_ai.provider.name' satisfies typeof semconv.ATTR_GEN_AI_PROVIDER_NAME,
  genAiAgent: 'gen_ai.agent.name' satisfies typeof semconv.ATTR_GEN_AI_AGENT_NAME,
  genAiConversation: 'gen_ai.conversation.id' satisfies typeof semconv.ATTR_GEN_AI_CONVERSATION_ID,
  genAiModel: 'gen_ai.request.model' satisfies typeof semconv.ATTR_GEN_AI_REQUEST_MODEL,
  inputTokens: 'gen_ai.usage.input_tokens' satisfies typeof semconv.ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  outputTokens: 'gen_ai.usage.output_tokens' satisfies typeof semconv.ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
  cacheReadTokens:
    'gen_ai.usage.cache_read.input_tokens' satisfies typeof semconv.ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
  cacheCreationTokens:
    'gen_ai.usage.cache_creation.input_tokens' satisfies typeof semconv.ATTR_GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS,
  iostream: 'log.iostream' satisfies typeof semconv.ATTR_LOG_IOSTREAM,

  seq: 'stepspan.seq',
  stepId: 'stepspan.step.id',
  attempt: 'stepspan.attempt',
  part: 'stepspan.line.part',
  parts: 'stepspan.line.parts',
  continues: 'stepspan.line.continues',
  unterminated: 'stepspan.line.unterminated',
  invalidUtf8: 'stepspan.line.invalid_utf8',

  description: 'stepspan.workflow.description',
  file: 'stepspan.workflow.file',
  stepCount: 'stepspan.workflow.steps',
  concurrency: 'stepspan.workflow.concurrency',
  budgetUsd: 'stepspan.budget.usd',
  budgetTokens: 'stepspan.budget.tokens',
  version: 'stepspan.version',
  resumedFrom: 'stepspan.resumed_from',
  costUsd: 'stepspan.cost.usd',
  costEstimated: 'stepspan.cost.estimated',
  pausedMs: 'stepspan.paused_ms',
  attempts: 'stepspan.attempts',
  tolerated: 'stepspan.tolerated',
  skipReason: 'stepspan.skip.reason',
  signal: 'stepspan.signal',
  cpuSeconds: 'stepspan.cpu.seconds',
  maxRssBytes: 'stepspan.memory.max_rss_bytes',
  turns: 'stepspan.claude.turns',
  toolCalls: 'stepspan.claude.tool_calls',
  toolErrors: 'stepspan.claude.tool_errors',
  ownSpans: 'stepspan.claude.own_spans',
  derivedSpans: 'stepspan.claude.derived_spans',
  hidden: 'stepspan.secrets.hidden',
  eventsDropped: 'stepspan.events_dropped',

  by: 'stepspan.by',
  now: 'stepspan.pause.now',
  share: 'stepspan.budget.share',
  used: 'stepspan.budget.used',
  limit: 'stepspan.budget.limit',
  unit: 'stepspan.budget.unit',
  nextAttempt: 'stepspan.retry.next_attempt',
  delayMs: 'stepspan.retry.delay_ms',
  reason: 'stepspan.reason',
  message: 'stepspan.message',
  stallCause: 'stepspan.stall.cause',
  stallAction: 'stepspan.stall.action',
  forMs: 'stepspan.stall.for_ms',
  processes: 'stepspan.processes',
  tool: 'stepspan.claude.tool',
  lostLines: 'stepspan.lost.lines',
  lostEvents: 'stepspan.lost.events',
  lostBytes: 'stepspan.lost.bytes',
  cutBytes: 'stepspan.recovered.cut_bytes',
  linkKind: 'stepspan.link',
} as const;

export type AttributeValue = string | number | boolean | readonly string[];
export type AttributeMap = Readonly<Record<string, AttributeValue>>;

/** The map without what is not known, so that nobody finds an attribute whose value is a guess. */
export function known(values: Readonly<Record<string, AttributeValue | undefined>>): AttributeMap {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, AttributeValue] => entry[1] !== undefined),
  );
}
