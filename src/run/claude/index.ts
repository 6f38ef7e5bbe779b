// Claude Code as a program: finding it, its arguments and environment, reading its output and its telemetry, its cost, and how
// its attempt ended. This is what the engine uses: stdout goes through stream-json, OTLP through the intake, and the judge turns
// result line and exit into an outcome. Almost everything here is pure; times, prices and processes are passed in.
export { type Activity, describeActivity } from './activity.ts';
export { type ClaudeCommand, type ClaudeInvocation, claudeArguments } from './arguments.ts';
export { askClaude } from './ask-claude.ts';
export { type BashFile, writeBashFile } from './bash-file.ts';
export { continuationPrompt, isSessionMissing, withoutWorktree } from './continuation.ts';
export {
  allowAnswer,
  type ControlMessage,
  controlMessageIn,
  denyAnswer,
  describeSuggestions,
  errorAnswer,
  interruptRequest,
  type PermissionRequest,
  questionAnswer,
  userMessage,
} from './control-messages.ts';
export { addCosts, type CostMeter, type CostSoFar, createCostMeter, noCost, tokensOf } from './cost.ts';
export { createSpanDeriver, type SpanDeriver } from './derived-spans.ts';
export {
  bypassProxy,
  claudeEnvironment,
  TRACING_VARIABLES,
  telemetryVariables,
  tracingVariables,
} from './environment.ts';
export type { ClaudeFound, ClaudeProgram } from './find-claude.ts';
export type { IntakeAttempt } from './intake/clean-request.ts';
export {
  describeRefusals,
  type Intake,
  type OpenedIntake,
  startIntake,
  type TelemetryArrived,
} from './intake/server.ts';
export { type ClaudeExit, judgeClaude } from './judge.ts';
export { askLogin, hasStoredLogin, type Login } from './login.ts';
export { createPartialMessageFilter } from './partial-messages.ts';
export { createPathShim, type PathShim } from './path-shim.ts';
export type { PriceTable } from './prices.ts';
export { createRateLimitReader, type RateLimit, rateLimitWaitIn } from './rate-limit.ts';
export { refusedAccount } from './refused-account.ts';
export { createReportedUse, type ReportedUse } from './reported-use.ts';
export type { ClaudeResult } from './result.ts';
export {
  findOverrulingSettings,
  overruleSettings,
  type TelemetrySettings,
  writeSettingsFile,
} from './settings-file.ts';
export { type ClaudeStallCause, createStallTracker, type StallTracker, type Waiting } from './stalls.ts';
export { createStreamJsonReader, type StreamJsonReader } from './stream-json.ts';
export {
  askSince,
  isOlder,
  minimumClaudeVersion,
  missingFlag,
  missingPermissionMode,
  textFileFlag,
} from './versions.ts';
