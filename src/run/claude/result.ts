// The result line of Claude Code's stream-json, as a typed value. Pure. judge.ts makes the outcome of it, cost.ts the cost. Field names and subtypes: Claude Code 2.1.328, schema of SDKResultMessage.
import type { ModelUsage } from '../../core/claude-event.ts';
import { arrayAt, countAt, isObject, type JsonObject, numberAt, objectAt, objectsAt, textAt } from '../../core/json.ts';

export type ClaudeResult = {
  /** `success`, `error_during_execution`, `error_max_turns`, `error_max_budget_usd`, `error_max_structured_output_retries`. */
  readonly subtype: string;
  /** Also true with subtype `success` when the turn ended on an API error; `text` is then the error. */
  readonly isError: boolean;
  readonly sessionId: string;
  readonly turns: number;
  readonly durationMs: number;
  readonly durationApiMs: number;
  /** As reported: the total of the session, earlier processes of a resumed session included; undefined if it is not reported. */
  readonly totalCostUsd: number | undefined;
  /** As reported, with the same reach as `totalCostUsd`. */
  readonly totalModels: readonly ModelUsage[];
  /** Tokens of the main agent, for versions that report none by model; undefined if there is no usage at all. */
  readonly usage: Omit<ModelUsage, 'model' | 'costUsd'> | undefined;
  /** Use since the last result line of this process; undefined from versions that do not say it. */
  readonly sinceLast: readonly ModelUsage[] | undefined;
  readonly text: string;
  readonly structuredOutput: unknown;
  readonly errors: readonly string[];
  /** Why the loop ended: `completed`, `aborted_tools`, `api_error`, `max_turns`, `budget_exhausted` and others. */
  readonly terminalReason: string | undefined;
  readonly apiErrorStatus: number | undefined;
  readonly startupFailure: string | undefined;
  readonly permissionDenials: readonly { readonly tool: string; readonly toolUseId: string; readonly input: unknown }[];
};

/** Reads a message of type `result`. Missing fields become empty values, so that an older version's line is read too. */
export function readResult(message: JsonObject): ClaudeResult {
  const status = message.api_error_status;
  const since = message.model_usage_since_last_result;
  return {
    subtype: textAt(message, 'subtype') ?? '',
    isError: message.is_error === true,
    sessionId: textAt(message, 'session_id') ?? '',
    turns: countAt(message, 'num_turns'),
    durationMs: countAt(message, 'duration_ms'),
    durationApiMs: countAt(message, 'duration_api_ms'),
    totalCostUsd: numberAt(message, 'total_cost_usd'),
    totalModels: readModels(objectAt(message, 'modelUsage')),
    usage: isObject(message.usage) ? readUsage(message.usage) : undefined,
    sinceLast: isObject(since) ? readModels(since) : undefined,
    text: textAt(message, 'result') ?? '',
    structuredOutput: message.structured_output,
    errors: arrayAt(message, 'errors').filter((each) => typeof each === 'string'),
    terminalReason: textAt(message, 'terminal_reason'),
    apiErrorStatus: typeof status === 'number' ? status : undefined,
    startupFailure: textAt(message, 'startup_failure_reason'),
    permissionDenials: objectsAt(message, 'permission_denials').map((denial) => ({
      tool: textAt(denial, 'tool_name') ?? '',
      toolUseId: textAt(denial, 'tool_use_id') ?? '',
      input: denial.tool_input,
    })),
  };
}

function readUsage(usage: JsonObject): Omit<ModelUsage, 'model' | 'costUsd'> {
  return {
    inputTokens: countAt(usage, 'input_tokens'),
    outputTokens: countAt(usage, 'output_tokens'),
    cacheReadTokens: countAt(usage, 'cache_read_input_tokens'),
    cacheCreationTokens: countAt(usage, 'cache_creation_input_tokens'),
  };
}

function readModels(byModel: JsonObject): readonly ModelUsage[] {
  return Object.entries(byModel).flatMap(([model, use]) =>
    isObject(use)
      ? [
          {
            model,
            inputTokens: countAt(use, 'inputTokens'),
            outputTokens: countAt(use, 'outputTokens'),
            cacheReadTokens: countAt(use, 'cacheReadInputTokens'),
            cacheCreationTokens: countAt(use, 'cacheCreationInputTokens'),
            costUsd: countAt(use, 'costUSD'),
          },
        ]
      : [],
  );
}
