// The closing summary of a run: a table of its steps and what a person has to know besides. Pure; views and `show` print it.

import { formatUsd } from '../../core/cost.ts';
import { formatDuration } from '../../core/duration.ts';
import { countFindings } from '../../core/finding.ts';
import { messageOf, type Outcome } from '../../core/outcome.ts';
import { formatCount, plural } from '../../core/units.ts';
import { describeFindings, describeOutcomeKind } from '../../runs/describe-findings.ts';
import { tokensOf } from '../../runs/model-use.ts';
import { findingsOfStep, type RunState, type StepState } from '../../runs/run-state.ts';
import { attemptCount, hiddenCount, lostCount, runDurationMs, stepDurationMs, totalsOf } from '../../runs/totals.ts';
import { fitText } from '../../text/width.ts';
import { costCell, formatTable } from '../format.ts';
import { outcomeGlyph, safe, stepGlyph } from './step-text.ts';
import type { Glyphs, Style } from './style.ts';

/** What the journal does not know: how far readers are, and where to look. */
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
  /** Further sentences, one a line. */
  readonly notes?: readonly string[];
};

/** Of what was found in one step: up to three denied calls and the other kinds, each named. */
const noteLength = 600;

export type SummaryOptions = {
  readonly columns: number;
  readonly nowMs: number;
  readonly style: Style;
  readonly glyphs: Glyphs;
  readonly extras: SummaryExtras;
};

export function summaryOf(state: RunState, options: SummaryOptions): string[] {
  const { columns, style, glyphs } = options;
  const [head = '', ...rows] = formatTable(
    [
      { head: '' },
      { head: 'STEP' },
      { head: 'OUTCOME' },
      { head: 'TIME', side: 'right' },
      { head: 'TRIES', side: 'right' },
      { head: 'COST', side: 'right' },
      { head: 'TOKENS', side: 'right' },
      { head: '' },
    ],
    state.steps.map((step) => stepRow(step, state, options)),
    columns,
  );
  const ended = state.phase.kind === 'finished' ? state.phase : undefined;
  const sign = ended === undefined ? glyphs.running : outcomeGlyph(ended.outcome, false, glyphs, style);
  const totals = totalsOf(state);
  const warned = totals.warnings > 0 ? `, with ${plural(totals.warnings, 'warning')}` : '';
  const said = ended === undefined ? state.phase.kind : `${ended.outcome.kind}${warned}`;
  const sums = [
    `${said} in ${formatDuration(runDurationMs(state, options.nowMs))}`,
    costCell(state),
    totals.tokens > 0 ? `${formatCount(totals.tokens)} tokens` : '',
    plural(totals.lines.stdout + totals.lines.stderr, 'line'),
  ];
  const whole = ended === undefined ? '' : messageOf(ended.outcome);
  // What a step is to blame for is shown beside it, and once.
  const isSaid = state.steps.some(
    (step) => step.phase.kind === 'finished' && isToBlame(step) && whole.includes(messageOf(step.phase.outcome)),
  );
  const why = isSaid ? '' : safe(whole);
  return [
    ...(rows.length === 0 ? [] : [style.dim(head), ...rows]),
    // Not fitted: what an error says is not to be cut at the edge, and commands and addresses are there to be copied.
    ...failuresOf(state, rows, options),
    '',
    fitText(`${sign} ${style.bold(safe(state.workflow))} ${sums.filter((part) => part !== '').join(', ')}`, columns),
    ...(why === '' ? [] : [`  ${why}`]),
    ...notesOf(state, options).map((note) => `  ${note}`),
  ];
}

function stepRow(step: StepState, state: RunState, { nowMs, style, glyphs }: SummaryOptions): readonly string[] {
  const { phase } = step;
  const models = step.attempts.flatMap(({ cost }) => (cost.kind === 'none' ? [] : Object.values(cost.models)));
  const tokens = models.reduce((sum, use) => sum + tokensOf(use), 0);
  return [
    stepGlyph(step, state, glyphs, style),
    safe(step.name),
    phase.kind === 'finished' ? describeOutcomeKind(phase.outcome.kind, findingsOfStep(step)) : phase.kind,
    phase.kind === 'planned' ? '' : formatDuration(stepDurationMs(step, nowMs)),
    attemptCount(step) === 0 ? '' : String(attemptCount(step)),
    costCell(step),
    tokens > 0 ? formatCount(tokens) : '',
    phase.kind === 'finished' ? safe(messageOf(phase.outcome)) + (phase.tolerated ? ' (may fail)' : '') : '',
  ];
}

/** So many failed steps have their last lines in the summary, so that it stays one screen; the others are named. */
const shownFailures = 3;

function isToBlame({ phase }: StepState): boolean {
  return phase.kind === 'finished' && !phase.tolerated && isFailure(phase.outcome);
}

export function isFailure({ kind }: Outcome): boolean {
  return kind === 'failure' || kind === 'error' || kind === 'timeout';
}

/** What each step printed last that failed. Why it failed is in the table; if it was cut there, it is here as a whole. */
function failuresOf(state: RunState, rows: readonly string[], { style, extras }: SummaryOptions): string[] {
  const hasSucceeded = state.phase.kind === 'finished' && state.phase.outcome.kind === 'success';
  // In a run that succeeded, a failure that was allowed explains nothing.
  const failed = state.steps.filter(
    (step) => isToBlame(step) || (!hasSucceeded && extras.lastLines?.has(step.id) === true),
  );
  return failed.flatMap((step, index) => {
    const why = step.phase.kind === 'finished' ? safe(messageOf(step.phase.outcome)) : '';
    const isCut = rows[state.steps.indexOf(step)]?.includes(why) !== true;
    const lines = index < shownFailures ? (extras.lastLines?.get(step.id) ?? []) : [];
    return [
      ...(isCut ? ['', `${style.bold(safe(step.name))}: ${why}`] : []),
      ...(lines.length > 0 ? ['', style.bold(`last lines of ${safe(step.name)}:`)] : []),
      ...lines.map((line) => `  ${line}`),
    ];
  });
}

/** Once for each step: attempts of one step mostly share their reason. */
function unknownCosts(state: RunState): readonly { readonly name: string; readonly why: string }[] {
  return state.steps.flatMap(({ name, attempts }) => {
    const reasons = attempts.flatMap(({ cost }) => (cost.kind === 'final' && cost.why !== undefined ? [cost.why] : []));
    return [...new Set(reasons)].map((why) => ({ name, why }));
  });
}

/** Everything that was hidden, lost, cut short or is still to do: nothing of it may go unsaid. */
function notesOf(state: RunState, { style, extras }: SummaryOptions): string[] {
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
    notes.push(style.red(`budget used up: ${show(state.budget.used)} of ${show(state.budget.limit)}`));
  }
  for (const { name, why } of unknownCosts(state)) {
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
        `stepspan was killed and the record of the run repaired, ${plural(state.recovered.cutBytes, 'byte')} of an incomplete end removed`,
      ),
    );
  for (const step of state.steps) {
    const found = findingsOfStep(step);
    if (countFindings(found) > 0)
      notes.push(style.yellow(`${safe(step.name)}: ${safe(describeFindings(found), noteLength)}`));
  }
  if (orphaned > 0)
    notes.push(style.yellow(`${plural(orphaned, 'process', 'processes')} left running by steps and ended`));
  if (derived.length > 0)
    notes.push(
      style.yellow(
        `no spans of Claude's own came from ${derived.map((step) => safe(step.name)).join(', ')}; derived ones take their place`,
      ),
    );
  if (extras.pending !== undefined && extras.pending > 0)
    notes.push(style.yellow(`${plural(extras.pending, 'record')} still to ship: stepspan ship ${state.runId}`));
  if (extras.pending === 0) notes.push('all records shipped');
  if (extras.refused !== undefined && extras.refused > 0)
    notes.push(style.red(`${plural(extras.refused, 'record')} refused by the backend and kept aside`));
  for (const note of extras.notes ?? []) notes.push(safe(note));
  const { flags = '' } = extras;
  if (state.phase.kind === 'finished' && state.phase.outcome.kind !== 'success')
    notes.push(`to continue: ${style.bold(`stepspan resume ${state.runId}${budgetFlag(state)}${flags}`)}`);
  notes.push(`run ${state.runId}: stepspan show ${state.runId}${flags}`);
  for (const { label, url } of extras.links ?? []) notes.push(`${label}: ${sanitizeUrl(url)}`);
  return notes;
}

/** A budget that is used up has to be raised, or the run ends again at once. */
function budgetFlag({ budget }: RunState): string {
  if (budget.kind !== 'exceeded') return '';
  return ` --budget ${budget.unit === 'USD' ? 'AMOUNT' : 'NUMBERtokens'}`;
}

/** Links are made from settings and ids; still nothing but printable characters may pass. */
function sanitizeUrl(url: string): string {
  return url.replace(/[^\x21-\x7e]/g, '');
}
