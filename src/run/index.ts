// What the rest of stepspan may use of a run: start it, steer it, take its lock, hide its secrets, end its processes.
export { findClaude } from './claude/find-claude.ts';
export { defaultPrices, type PriceTable, parsePrices } from './claude/prices.ts';
export type { Continuation } from './engine/attempt.ts';
export { type ExecuteOptions, executeWorkflow } from './engine/execute.ts';
export { hashInputFiles, inputFilesOf } from './engine/input-files.ts';
export type { DoneBefore, RunEnd, RunHandle } from './engine/run-workflow.ts';
export { lockWorkingFolders, type WorkingFolderLock } from './engine/working-folder.ts';
export { createRedactor, type Redactor } from './redact/index.ts';
