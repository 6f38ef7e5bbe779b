// Pieces of LogQL that several dashboards are written with: which records are meant, and exact numbers of runs and steps. A
// metric has no run in it and a histogram only knows buckets, so what is to be exact for ten runs is asked of the events.
import type { EventType } from '../src/core/event.ts';
import { claudeRecords, events, labelOf, runFrom, runTo } from './names.ts';

export const workflowLabel = labelOf('pipelineName');
export const runLabel = labelOf('pipelineRunId');
export const stepLabel = labelOf('stepId');

/**
 * The chosen workflows. In backticks, and as a regular expression that Grafana has escaped: a name may hold quotes and signs
 * that double quotes would have to escape once more.
 */
export const ofWorkflow = `${workflowLabel}=~\`\${workflow:regex}\``;

/** Events of a type, or of several, of the chosen workflows. */
export function eventsOf(...types: readonly EventType[]): string {
  return `${eventsNamed(...types)} | ${ofWorkflow}`;
}

/** The same of all workflows. */
export function eventsNamed(...types: readonly EventType[]): string {
  const [only] = types;
  const chosen = types.length === 1 ? `="${only}"` : `=~"${types.join('|')}"`;
  return `${events} | ${labelOf('event')}${chosen}`;
}

/** Records of Claude Code's own telemetry, of the chosen workflows. Versions that send none have no part in them. */
export function claudeRecordsNamed(event: 'api_request' | 'tool_result'): string {
  return `${claudeRecords} | event_name="${event}" | ${ofWorkflow}`;
}

/** What changes the state of a step. */
export const stepStateEvents = [
  'step.started',
  'attempt.started',
  'stall.detected',
  'stall.cleared',
  'step.retrying',
  'step.waiting',
  'claude.asked',
  'claude.answered',
  'step.asked',
  'step.answered',
  'step.finished',
] as const satisfies readonly EventType[];

export type Label = keyof typeof labels;
const labels = {
  duration: labelOf('durationMs'),
  cost: labelOf('costUsd'),
  requestCost: 'cost_usd',
  resultBytes: 'tool_result_size_bytes',
};

type Window = { readonly range?: string; readonly ago?: string };

function windowOf({ range = '$__range', ago = '' }: Window): string {
  return `[${range}]${ago === '' ? '' : ` offset ${ago}`}`;
}

export function count(query: string, by: string, window: Window = {}): string {
  return `sum${grouped(by)} (count_over_time(${query} ${windowOf(window)}))`;
}

/** No row for what has no value. */
export function total(query: string, of: Label, by: string, window: Window = {}): string {
  return `sum${grouped(by)} (sum_over_time(${query} | unwrap ${labels[of]} ${windowOf(window)}))`;
}

/** Of single runs or steps, and not of the bounds of a histogram. */
export function exactQuantile(q: number, query: string, by: string, window: Window = {}): string {
  return `quantile_over_time(${q}, ${query} | unwrap ${labels.duration} ${windowOf(window)})${grouped(by)}`;
}

/** A share that is 0, and not missing, if there is no part at all. */
export function countShare(part: string, whole: string, by: string, window: Window = {}): string {
  const all = count(whole, by, window);
  return `((${count(part, by, window)} or ${all} * 0) / ${all})`;
}

function grouped(by: string): string {
  return by === '' ? '' : ` by (${by})`;
}

/** Puts the step before a line, as the terminal does; a line of the run itself has none. */
export const withStepBeforeLine = `| line_format \`{{ if .${stepLabel} }}{{ .${stepLabel} }} | {{ end }}{{ __line__ }}\``;

/** The same with the workflow, for lines of many runs. */
export const withOriginBeforeLine = `| line_format \`{{ .${workflowLabel} }}{{ if .${stepLabel} }} · {{ .${stepLabel} }}{{ end }} | {{ __line__ }}\``;

/** The start of a run is the time in its id, in Unix ms. */
const startOfRun = `(int (unixEpochMillis (toDateInZone "20060102-150405" "UTC" (substr 0 15 .${runLabel}))))`;
const nowMs = '(int (unixEpochMillis now))';

const findings = labelOf('findings');

/** A list arrives as JSON. */
const findingsAsText = String.raw`regexReplaceAll "^\\[\"|\"\\]$" (regexReplaceAll "\",\"" .${findings} "; ") ""`;
export const withFindingsAsText = `label_format ${findings}=\`{{ ${findingsAsText} }}\``;

/** Room before and after a run in a link to it, so that its first and last lines are not at the edge. */
const roomMs = 5000;

export const elapsed = { step: 'step_for', run: 'run_for' };

/** Labels of the start of a step that is still active: how long it and its run have been, and where to look at the run. */
export const withElapsed = [
  `label_format ${elapsed.step}=\`{{ sub ${nowMs} (int (unixEpochMillis __timestamp__)) }}\``,
  `${elapsed.run}=\`{{ sub ${nowMs} ${startOfRun} }}\``,
  `${runFrom}=\`{{ sub ${startOfRun} ${roomMs} }}\``,
].join(', ');

/**
 * A cost that nobody reported as a word, in a table of costs: Grafana's conversion to numbers fails on a missing value among
 * texts, and makes an empty number of a word.
 */
export const withUnknownCost = `label_format ${labels.cost}=\`{{ if .${labels.cost} }}{{ .${labels.cost} }}{{ else }}unknown{{ end }}\``;

/** The time range of a run that has ended, for links to it; the record is of its end. As `timeOfRun` of the program has it. */
export const withTimeOfRun = (() => {
  const duration = `(int .${labels.duration})`;
  const margin = `(max ${roomMs} (div ${duration} 20))`;
  const end = '(int (unixEpochMillis __timestamp__))';
  return `label_format ${runFrom}=\`{{ sub (sub ${end} ${duration}) ${margin} }}\`, ${runTo}=\`{{ add ${end} ${margin} }}\``;
})();
