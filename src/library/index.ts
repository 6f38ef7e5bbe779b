// The public API of stepspan as a library: run a workflow, follow it, and read what it did.
//
// Owns: the composition of one run from journal, redactor, locks, engine, shipper and notifier (run-workflow.ts), and what a run takes over
// from an earlier one (resume.ts, resume-plan.ts, read-past.ts). Called by programs and by the CLI. A workflow and settings come in; a
// `StartedRun` or a `Refusal` goes out, and a `RunResult` at the end. Nothing here prints, handles signals or throws for a bad workflow.
export type { Event, EventOf, EventType } from '../core/event.ts';
export { isRunId, type RunId } from '../core/ids.ts';
export type { Outcome, OutcomeKind } from '../core/outcome.ts';
export {
  type EventRecord,
  type JournalRecord,
  type Line,
  linesOf,
  type OutputRecord,
  type Severity,
  type Stream,
} from '../core/record.ts';
export {
  type DataFolder,
  type Durability,
  dataFolder,
  type JournalReader,
  openJournal,
  type ReadOptions,
  type RunFolder,
} from '../journal/index.ts';
export type { NotifySettings } from '../readers/notify/index.ts';
export type { PriceTable } from '../run/index.ts';
export { emptyRunState, foldRun, type RunState, type StepTotals } from '../runs/index.ts';
export {
  defineWorkflow,
  formatProblems,
  type GivenParams,
  loadWorkflow,
  type Problem,
  parseWorkflow,
  type Workflow,
  type WorkflowInput,
  type WorkflowResult,
} from '../workflow/index.ts';
export type { ArchivingEnd } from './archiving.ts';
export type { NewBudget } from './new-budget.ts';
export type { NotifyingEnd } from './notifying.ts';
export { type PlannedStepOfResume, planResume, type ResumePlan, type ResumePlanResult } from './plan-resume.ts';
export type { Refusal } from './refusal.ts';
export type { ResumeOptions } from './resume.ts';
export type { RunResult } from './run-result.ts';
export {
  type RunDone,
  type RunOptions,
  type RunStart,
  runWorkflow,
  type StartedRun,
  startWorkflow,
  type WorkflowSource,
} from './run-workflow.ts';
export { defaultShipWaitMs, type RunSettings } from './settings.ts';
export type { ShippingEnd } from './shipping.ts';
export { version } from './version.ts';
