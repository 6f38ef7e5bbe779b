// The closing summary of a run: a table of its steps, and below it everything else that a person has to know. Pure. Called by the
// views of a run at its end, and by `show`.

import { formatUsd } from '../../core/cost.ts';
import { formatDuration } from '../../core/duration.ts';
import { countFindings } from '../../core/finding.ts';
import { messageOf, type Outcome } from '../../core/outcome.ts';
import { formatCount, plural } from '../../core/units.ts';
import { describeOutcomeKind } from '../../runs/describe-findings.ts';
import { durationOfRun, viewRun } from '../../runs/make-view.ts';
import { tokensOf } from '../../runs/model-use.ts';
import type { RunState } from '../../runs/run-state.ts';
import type { RunView, StepView } from '../../runs/run-view.ts';
import { hiddenCount, lostCount } from '../../runs/totals.ts';
import { fitText } from '../../text/width.ts';
import { costCell, formatTable } from '../format.ts';
import { outcomeGlyph, safe, stepGlyph } from './step-text.ts';
import type { Glyphs, Style } from './style.ts';

/** What is not in the journal: how far readers are, and where to look. */
export type SummaryExtras = {
  /** Records (lines and events) that are still to ship; undefined if nothing is shipped at all. */
  readonly pending?: number | undefined;
  /** Records that the backend refused and that were kept aside. */
  readonly refused?: number | undefined;
  readonly links?: readonly { readonly label: string; readonly url: string }[];
  /** By step id: what a step printed last, as a terminal may show it. */
  readonly lastLines?: ReadonlyMap<string, readonly string[]>;
  /** Flags that a command about this run needs besides its id, such as `--data-dir`. */
  readonly flags?: string;
  /** Further sentences, one per line. */
  readonly notes?: readonly string[];
};

/** The findings of one step are cut here: room for three denied calls and every other kind. */
const noteLength = 600;

export type SummaryOptions = {
  readonly columns: number;
  readonly nowMs: number;
  readonly style: Style;
  readonly glyphs: Glyphs;
  readonly extras: SummaryExtras;
};

export function summaryOf(state: RunState, options: SummaryOptions): string[] {
  const { columns, style, glyphs, nowMs } = options;
  const run = viewRun(state, { nowMs, isWriterGone: false });
  const [head = '', ...rows] = formatTable(
    [
      { head: '' },
      { head: 'STEP', canShrink: true },
      { head: 'OUTCOME' },
      { head: 'TIME', side: 'right' },
      { head: 'TRIES', side: 'right' },
      { head: 'COST', side: 'right' },
      { head: 'TOKENS', side: 'right' },
      { head: '' },
    ],
    run.steps.map((step, index) => stepRow(step, tokensOfStep(state, index), options)),
    columns,
  );
  const ended = state.phase.kind === 'finished' ? state.phase : undefined;
  const sign = ended === undefined ? glyphs.running : outcomeGlyph(ended.outcome, false, glyphs, style);
  const warned = run.warnings > 0 ? `, with ${plural(run.warnings, 'warning')}` : '';
  const result = ended === undefined ? state.phase.kind : `${ended.outcome.kind}${warned}`;
  const sums = [
    `${result} in ${formatDuration(durationOfRun(run, nowMs))}`,
    costCell(run),
    run.tokens > 0 ? `${formatCount(run.tokens)} tokens` : '',
    plural(run.lines.stdout + run.lines.stderr, 'line'),
  ];
  // The message of a failed step is shown beside it, and only there.
  const isShownAbove = run.steps.some((step) => hasFailed(step) && run.message.includes(failureOf(step)));
  const why = isShownAbove ? '' : safe(run.message);
  return [
    ...(rows.length === 0 ? [] : [style.dim(head), ...rows]),
    // Not fitted to the width: errors must not be cut, and commands and addresses are there to be copied.
    ...failuresOf(run, rows, options),
    '',
    fitText(`${sign} ${style.bold(safe(run.workflow))} ${sums.filter((part) => part !== '').join(', ')}`, columns),
    ...(why === '' ? [] : [`  ${why}`]),
    ...notesOf(state, run, options).map((note) => `  ${note}`),
  ];
}

function stepRow(step: StepView, tokens: number, { nowMs, style, glyphs }: SummaryOptions): readonly string[] {
  const { state, outcome, attemptCount, durationMs, startedAt } = step;
  const elapsedMs = durationMs ?? (startedAt === null ? 0 : Math.max(0, nowMs - Date.parse(startedAt)));
  return [
    stepGlyph(step, glyphs, style),
    safe(step.name),
    outcome === null ? state : describeOutcomeKind(outcome, step.findings),
    state === 'planned' ? '' : formatDuration(elapsedMs),
    attemptCount === 0 ? '' : String(attemptCount),
    costCell(step),
    tokens > 0 ? formatCount(tokens) : '',
    outcome === null ? '' : safe(messageOf(outcome)) + (step.tolerated ? ' (may fail)' : ''),
  ];
}

function tokensOfStep({ steps }: RunState, index: number): number {
  const attempts = steps[index]?.attempts ?? [];
  const models = attempts.flatMap(({ cost }) => (cost.kind === 'none' ? [] : Object.values(cost.models)));
  return models.reduce((sum, use) => sum + tokensOf(use), 0);
}

/** The summary stays one screen: more failed steps than these are named without their last lines. Those that failed the run come first. */
const shownFailures = 3;

function hasFailed({ outcome, tolerated }: StepView): boolean {
  return outcome !== null && !tolerated && isFailure(outcome);
}

function failureOf({ outcome }: StepView): string {
  return outcome === null ? '' : messageOf(outcome);
}

export function isFailure({ kind }: Outcome): boolean {
  return kind === 'failure' || kind === 'error' || kind === 'timeout';
}

/** The last lines of each failed step. Its message is in the table; one that was cut there is repeated here in full. */
function failuresOf(run: RunView, rows: readonly string[], { style, extras }: SummaryOptions): string[] {
  // In a run that succeeded, a failure that was allowed explains nothing.
  const failed = run.steps.filter(
    (step) => hasFailed(step) || (run.state !== 'success' && extras.lastLines?.has(step.id) === true),
  );
  const blamedFirst = failed.toSorted((a, b) => Number(hasFailed(b)) - Number(hasFailed(a)));
  const withLines = new Set(blamedFirst.slice(0, shownFailures));
  return failed.flatMap((step) => {
    const why = safe(failureOf(step));
    const isCut = rows[run.steps.indexOf(step)]?.includes(why) !== true;
    const lines = withLines.has(step) ? (extras.lastLines?.get(step.id) ?? []) : [];
    return [
      ...(isCut ? ['', `${style.bold(safe(step.name))}: ${why}`] : []),
      ...(lines.length > 0 ? ['', style.bold(`last lines of ${safe(step.name)}:`)] : []),
      ...lines.map((line) => `  ${line}`),
    ];
  });
}

/** Once for each step: its attempts mostly share their reason. */
function unknownCosts({ steps }: RunView): readonly { readonly name: string; readonly why: string }[] {
  return steps.flatMap(({ name, attempts }) => {
    const reasons = attempts.flatMap(({ costUnknownWhy }) => costUnknownWhy ?? []);
    return [...new Set(reasons)].map((why) => ({ name, why }));
  });
}

/** Everything that was hidden, lost or cut, and everything that is still to do. */
function notesOf(state: RunState, run: RunView, { style, extras }: SummaryOptions): string[] {
  const hidden = hiddenCount(state);
  const lost = lostCount(state);
  const orphaned = state.steps.reduce((sum, step) => sum + step.orphaned, 0);
  const derived = state.steps.filter((step) =>
    step.attempts.some(({ nesting }) => nesting !== undefined && nesting.ownSpans === 0),
  );
  const notes: string[] = [];
  if (state.budget.kind === 'exceeded') {
    const show = (value: number): string =>
      state.budget.kind === 'exceeded' && state.budget.unit === 'USD'
        ? formatUsd(value)
        : `${formatCount(value)} tokens`;
    notes.push(
      style.red(`ended by its budget: ${show(state.budget.used)} of ${show(state.budget.limit)} were used then`),
    );
  }
  for (const { name, why } of unknownCosts(run)) {
    notes.push(style.yellow(`the cost of ${safe(name)} is unknown: ${safe(why)}`));
  }
  if (hidden > 0) {
    const kinds = Object.entries(state.hidden).map(([kind, count]) => `${formatCount(count)} ${safe(kind)}`);
    notes.push(`${plural(hidden, 'secret')} hidden (${kinds.join(', ')})`);
  }
  if (lost.lines + lost.events > 0) {
    const why = Object.entries(state.lost)
      .filter(([, of]) => of.lines + of.events > 0)
      .map(([cause]) => cause);
    notes.push(style.red(`${plural(lost.lines, 'line')} and ${plural(lost.events, 'event')} lost (${why.join(', ')})`));
  }
  if (state.recovered.times > 0)
    notes.push(
      style.yellow(
        `stepspan was killed; the record of the run was repaired, and ${plural(state.recovered.cutBytes, 'byte')} of its incomplete end removed`,
      ),
    );
  if (state.recovered.missing > 0)
    notes.push(
      style.red(`${plural(state.recovered.missing, 'line or event', 'lines and events')} lost (damaged on the disk)`),
    );
  for (const { name, findings, warning } of run.steps)
    if (countFindings(findings) > 0) notes.push(style.yellow(`${safe(name)}: ${safe(warning, noteLength)}`));
  if (orphaned > 0)
    notes.push(style.yellow(`${plural(orphaned, 'process', 'processes')} left running by steps; stepspan ended them`));
  if (derived.length > 0)
    notes.push(
      style.yellow(
        `Claude Code sent no telemetry for ${derived.map((step) => safe(step.name)).join(', ')}; its spans were built from its output`,
      ),
    );
  if (extras.pending !== undefined && extras.pending > 0)
    notes.push(style.yellow(`${plural(extras.pending, 'record')} still to ship: stepspan ship ${state.runId}`));
  const { refused = 0 } = extras;
  if (extras.pending === 0 && refused === 0) notes.push('all records shipped');
  if (refused > 0) {
    const what = `${plural(refused, 'record')} refused by the backend and kept aside`;
    notes.push(style.red(`${what}; \`stepspan ship ${state.runId} --again\` sends all of them again`));
  }
  for (const note of extras.notes ?? []) notes.push(safe(note));
  const { flags = '' } = extras;
  if (state.phase.kind === 'finished' && state.phase.outcome.kind !== 'success')
    notes.push(`to continue: ${style.bold(`stepspan resume ${state.runId}${budgetFlag(state)}${flags}`)}`);
  notes.push(`run ${state.runId}: stepspan show ${state.runId}${flags}`);
  for (const { label, url } of extras.links ?? []) notes.push(`${label}: ${sanitizeUrl(url)}`);
  return notes;
}

/** A used-up budget has to be raised, or the run ends again at once. */
function budgetFlag({ budget }: RunState): string {
  if (budget.kind !== 'exceeded') return '';
  return ` --budget ${budget.unit === 'USD' ? 'AMOUNT' : 'NUMBERtokens'}`;
}

/** Links come from settings and ids; still, only printable characters may reach the terminal. */
function sanitizeUrl(url: string): string {
  return url.replace(/[^\x21-\x7e]/g, '');
}
