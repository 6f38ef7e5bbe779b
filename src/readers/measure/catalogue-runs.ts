// Metrics of runs, steps, their processes and their output: what the journal of a run says. Part of catalogue.ts.
import { answersGiven } from '../../core/claude-event.ts';
import type { StallCause } from '../../core/event.ts';
import { type ErrorReason, type FailureReason, outcomeKinds } from '../../core/outcome.ts';
import { questionKinds } from '../../core/question.ts';
import { activeStatuses } from '../../runs/run-view.ts';
import { streams } from '../../text/stream.ts';
import { bounded, type CounterMetric, fixed, type GaugeMetric, type HistogramMetric } from './metric.ts';

const workflow = bounded('workflow');
const step = bounded('step');

/** A run is never skipped. */
const runOutcomes = outcomeKinds.filter((kind) => kind !== 'skip');

/** What `reasonOf` returns for what did not succeed; checked against the types below. */
export const failureReasons = [
  'exit_code',
  'claude_error',
  'not_logged_in',
  'no_credit',
  'unmet_expectation',
  'denied',
  'unanswered',
  'interrupted',
  'mcp_unavailable',
  'step_failed',
  'spawn',
  'signal',
  'budget',
  'no_result',
  'stalled',
  'rate_limited',
  'abandoned',
  'setup',
  'internal',
  'timeout',
  'cancellation',
] as const satisfies readonly Reason[];
type Reason = FailureReason | ErrorReason | 'timeout' | 'cancellation';
/** Fails the type check when a reason is missing above. */
true satisfies [Exclude<Reason, (typeof failureReasons)[number]>] extends [never] ? true : false;

const stallCauses = [
  'no_output',
  'output_closed',
  'no_exit_after_result',
  'rate_limited',
  'waiting_for_permission',
] as const satisfies readonly StallCause[];
true satisfies [Exclude<StallCause, (typeof stallCauses)[number]>] extends [never] ? true : false;

const buckets = [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200];
const bucketsReason =
  'From a shell one-liner (0.5 s) to a migration over night (12 h); most Claude Code steps take 10 s to 30 min, so the bounds are closest there.';

/** Of the durations of runs, steps and agents. */
export const durationBuckets = { buckets, bucketsReason };

export const runMetrics = {
  runsStarted: {
    name: 'stepspan_runs_started_total',
    type: 'counter',
    help: 'Runs that were started.',
    unit: '',
    labels: { workflow },
    scope: 'run',
  } satisfies CounterMetric,
  runs: {
    name: 'stepspan_runs_total',
    type: 'counter',
    help: 'Runs that have ended, by how.',
    unit: '',
    labels: { workflow, outcome: fixed(...runOutcomes) },
    scope: 'run',
  } satisfies CounterMetric,
  runDuration: {
    name: 'stepspan_run_duration_seconds',
    type: 'histogram',
    help: 'Wall time of runs that have ended, pauses included. Exemplars name the trace.',
    unit: 'seconds',
    labels: { workflow, outcome: fixed(...runOutcomes) },
    ...durationBuckets,
    scope: 'run',
  } satisfies HistogramMetric,
  runFailures: {
    name: 'stepspan_run_failures_total',
    type: 'counter',
    help: 'Runs that did not succeed, by reason.',
    unit: '',
    labels: { workflow, reason: fixed(...failureReasons) },
    scope: 'run',
  } satisfies CounterMetric,
  lastSuccess: {
    name: 'stepspan_run_last_success_timestamp_seconds',
    type: 'gauge',
    help: 'Unix time at which a run of the workflow last succeeded; 0 while none has.',
    unit: 'seconds',
    labels: { workflow },
    merge: 'max',
    scope: 'run',
  } satisfies GaugeMetric,
  activeRuns: {
    name: 'stepspan_active_runs',
    type: 'gauge',
    help: 'Runs that are active now.',
    unit: '',
    labels: { workflow },
    merge: 'sum',
    scope: 'run',
  } satisfies GaugeMetric,
  activeStates: {
    name: 'stepspan_active_runs_by_state',
    type: 'gauge',
    help: 'Active runs by the state that lists show: waiting for a limit or an answer, stuck when no step makes progress.',
    unit: '',
    labels: { workflow, state: fixed(...activeStatuses) },
    merge: 'sum',
    scope: 'run',
  } satisfies GaugeMetric,
  activeSteps: {
    name: 'stepspan_active_steps',
    type: 'gauge',
    help: 'Steps that have come up and not ended, waits for a retry included.',
    unit: '',
    labels: { workflow },
    merge: 'sum',
    scope: 'run',
  } satisfies GaugeMetric,
  progress: {
    name: 'stepspan_run_progress_ratio',
    type: 'gauge',
    help: 'Share of the steps of a run that have ended; of several runs of a workflow, the one that is least far.',
    unit: 'ratio',
    labels: { workflow },
    merge: 'min',
    scope: 'run',
  } satisfies GaugeMetric,
  activeCost: {
    name: 'stepspan_active_cost_usd',
    type: 'gauge',
    help: 'What the active runs have cost so far; part of it may be an estimate.',
    unit: 'usd',
    labels: { workflow },
    merge: 'sum',
    scope: 'run',
  } satisfies GaugeMetric,
  budgetUsed: {
    name: 'stepspan_budget_used_ratio',
    type: 'gauge',
    help: 'Share of its budget that an active run has used; of several runs of a workflow, the largest.',
    unit: 'ratio',
    labels: { workflow, unit: fixed('usd', 'tokens') },
    merge: 'max',
    scope: 'run',
  } satisfies GaugeMetric,
  steps: {
    name: 'stepspan_steps_total',
    type: 'counter',
    help: 'Steps that have ended, by how.',
    unit: '',
    labels: { workflow, step, outcome: fixed(...outcomeKinds) },
    scope: 'run',
  } satisfies CounterMetric,
  stepDuration: {
    name: 'stepspan_step_duration_seconds',
    type: 'histogram',
    help: 'Wall time of steps that ran, over all attempts and the waits between them. Exemplars name the trace and the span.',
    unit: 'seconds',
    labels: { workflow, step },
    ...durationBuckets,
    scope: 'run',
  } satisfies HistogramMetric,
  stepFailures: {
    name: 'stepspan_step_failures_total',
    type: 'counter',
    help: 'Steps that did not succeed, by reason; skipped ones are not among them.',
    unit: '',
    labels: { workflow, reason: fixed(...failureReasons) },
    scope: 'run',
  } satisfies CounterMetric,
  stepRetries: {
    name: 'stepspan_step_retries_total',
    type: 'counter',
    help: 'Attempts of steps after their first.',
    unit: '',
    labels: { workflow, step },
    scope: 'run',
  } satisfies CounterMetric,
  stalls: {
    name: 'stepspan_step_stalls_total',
    type: 'counter',
    help: 'Stalls that were found, by cause.',
    unit: '',
    labels: { workflow, cause: fixed(...stallCauses) },
    scope: 'run',
  } satisfies CounterMetric,
  stalledSteps: {
    name: 'stepspan_stalled_steps',
    type: 'gauge',
    help: 'Steps that are stalled now, by cause.',
    unit: '',
    labels: { workflow, cause: fixed(...stallCauses) },
    merge: 'sum',
    scope: 'run',
  } satisfies GaugeMetric,
  cpu: {
    name: 'stepspan_step_cpu_seconds_total',
    type: 'counter',
    help: 'CPU time of the process trees of steps, user and system.',
    unit: 'seconds',
    labels: { workflow, step },
    scope: 'run',
  } satisfies CounterMetric,
  memory: {
    name: 'stepspan_step_memory_bytes',
    type: 'gauge',
    help: 'Resident memory of the process tree of an active step.',
    unit: 'bytes',
    labels: { workflow, step },
    merge: 'sum',
    scope: 'run',
  } satisfies GaugeMetric,
  memoryMax: {
    name: 'stepspan_step_memory_max_bytes',
    type: 'gauge',
    help: 'The most resident memory that the process tree of an active step was seen to have in this attempt.',
    unit: 'bytes',
    labels: { workflow, step },
    merge: 'max',
    scope: 'run',
  } satisfies GaugeMetric,
  processes: {
    name: 'stepspan_step_processes',
    type: 'gauge',
    help: 'Processes in the tree of an active step.',
    unit: '',
    labels: { workflow, step },
    merge: 'sum',
    scope: 'run',
  } satisfies GaugeMetric,
  outputLines: {
    name: 'stepspan_output_lines_total',
    type: 'counter',
    help: 'Lines in the journal, by stream: stdout and stderr are what the children print, system is what stepspan says, debug is raw stream-json.',
    unit: '',
    labels: { workflow, stream: fixed(...streams) },
    scope: 'run',
  } satisfies CounterMetric,
  outputBytes: {
    name: 'stepspan_output_bytes_total',
    type: 'counter',
    help: 'Bytes of the lines in the journal, line ends included, after redaction.',
    unit: 'bytes',
    labels: { workflow, stream: fixed(...streams) },
    scope: 'run',
  } satisfies CounterMetric,
  questions: {
    name: 'stepspan_questions_total',
    type: 'counter',
    help: 'Questions that steps put to people, and Claude Code in them, by how they ended.',
    unit: '',
    labels: { workflow, answer: fixed(...answersGiven) },
    scope: 'run',
  } satisfies CounterMetric,
  questionWait: {
    name: 'stepspan_question_wait_seconds_total',
    type: 'counter',
    help: 'Time that questions waited for an answer, each until its end, by what was asked.',
    unit: 'seconds',
    labels: { workflow, kind: fixed(...questionKinds) },
    scope: 'run',
  } satisfies CounterMetric,
  hidden: {
    name: 'stepspan_secrets_hidden_total',
    type: 'counter',
    help: 'Secrets that were replaced before they reached the journal, by the rule that found them.',
    unit: '',
    labels: { kind: bounded('rule') },
    scope: 'run',
  } satisfies CounterMetric,
  remainingProcesses: {
    name: 'stepspan_left_over_processes_total',
    type: 'counter',
    help: 'Processes that a step or a run left running when it had ended, and that were ended.',
    unit: '',
    labels: { workflow },
    scope: 'run',
  } satisfies CounterMetric,
};
