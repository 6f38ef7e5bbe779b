// Running a workflow. The library calls `executeWorkflow` (engine): it orders the steps and starts their attempts as children
// (process) or as Claude Code (claude). Everything that is printed or recorded passes the redactor (redact) on its way to the
// journal's `append`. Preflight looks for what would stop a run before it starts. This list is what the rest may use.
export { classifyApiError } from './claude/api-error.ts';
export { type ClaudeProgram, findClaude } from './claude/find-claude.ts';
export { askLogin } from './claude/login.ts';
export { withoutOuterRun } from './claude/outer-run.ts';
export { defaultPrices, type PriceTable, parsePrices } from './claude/prices.ts';
export { claudeFlagTable, isOlder } from './claude/versions.ts';
export type { Continuation } from './engine/attempt.ts';
export { type ExecuteOptions, executeWorkflow } from './engine/execute.ts';
export { hashInputFiles, inputFilesOf } from './engine/input-files.ts';
export type { PreviousResult, RunEnd, RunHandle } from './engine/run-workflow.ts';
export { lockWorkingFolders, type WorkingFolderLock } from './engine/working-folder.ts';
export { checkClaude, loggedOutHelp, tooOldMessage } from './preflight/claude.ts';
export { checkSurroundings, type Finding } from './preflight/index.ts';
export { adoptOrphans } from './process/index.ts';
export { createRedactor, type Redactor } from './redact/index.ts';
