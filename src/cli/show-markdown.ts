// `stepspan show RUN --markdown`: the result of a run for the summary of a CI job, a comment on a pull request, a chat. Called by show.ts.
import path from 'node:path';
import { createClaudeWork } from '../api/http/claude-work.ts';
import type { FileWork } from '../conversation/index.ts';
import { formatDuration } from '../core/duration.ts';
import { countFindings } from '../core/finding.ts';
import { messageOf } from '../core/outcome.ts';
import { formatCount, plural } from '../core/units.ts';
import { openJournal, type RunFolder } from '../journal/index.ts';
import {
  durationOfRun,
  isActive,
  isWriterGone,
  type RunState,
  type RunView,
  type StepView,
  viewRun,
} from '../runs/index.ts';
import { code, fenced, markdownTable, plainWords } from '../text/markdown.ts';
import type { CliContext } from './context.ts';
import { type FailedOutput, linesOfFailed } from './failed-output.ts';
import { problemReporter, readable } from './find-run.ts';
import { costCell } from './format.ts';
import { type Link, linksOf } from './links.ts';
import { createOutput } from './output.ts';
import type { Settings } from './settings.ts';
import { safe } from './terminal/step-text.ts';
import { isFailure } from './terminal/summary.ts';

type Found = {
  readonly folder: RunFolder;
  readonly state: RunState;
  readonly settings: Settings;
  readonly failed: readonly FailedOutput[];
  /** How many of the last lines to show. */
  readonly limit: number;
};

export async function showMarkdown(found: Found, context: CliContext): Promise<void> {
  const { folder, state, settings, failed, limit } = found;
  const reading = createClaudeWork(openJournal(folder), { onProblem: problemReporter(context) });
  const work = await readable(context, () => reading.read(state.steps));
  if (work === 'unreadable') return;
  const nowMs = context.now();
  const output = createOutput(context.stdout);
  await output.write(
    runToMarkdown({
      run: viewRun(state, { nowMs, isWriterGone: isWriterGone(state) }),
      lastLines: new Map(failed.map((each) => [each.step.id, linesOfFailed(each, limit)])),
      files: work.files,
      links: linksOf(settings, state),
      nowMs,
    }),
  );
  output.release();
}

export type RunReport = {
  readonly run: RunView;
  /** By step id, without colours. */
  readonly lastLines: ReadonlyMap<string, readonly string[]>;
  readonly files: readonly FileWork[];
  readonly links: readonly Link[];
  readonly nowMs: number;
};

/** A comment of GitHub has at most 65,536 characters: with these bounds a report has some 30,000. */
const shownFailures = 3;
const shownFiles = 50;
const shownLineLength = 500;
const shownSteps = 100;

export function runToMarkdown(report: RunReport): string {
  const { run, links } = report;
  const parts = [headOf(report), stepsOf(run), failuresOf(report), warningsOf(run), filesOf(report)];
  const canContinue = run.state !== 'success' && !isActive(run.state);
  const footer = [
    canContinue ? `continue with ${code(`stepspan resume ${run.runId}`)}` : '',
    ...links.map(({ label, url }) => `[${label}](${url})`),
  ];
  return `${[...parts, footer.filter((part) => part !== '').join(' · ')].filter((part) => part !== '').join('\n\n')}\n`;
}

function headOf({ run, nowMs }: RunReport): string {
  const facts = [
    formatDuration(durationOfRun(run, nowMs)),
    costCell(run),
    run.tokens > 0 ? `${formatCount(run.tokens)} tokens` : '',
    `run ${code(run.runId)}`,
  ];
  return `### ${signOfRun(run)} ${plainWords(run.workflow)}: ${run.state.replaceAll('_', ' ')}\n\n${facts.filter((fact) => fact !== '').join(' · ')}`;
}

function signOfRun({ state }: RunView): string {
  if (isActive(state)) return '…';
  return state === 'success' ? '✓' : '✗';
}

function signOf({ outcome }: StepView): string {
  if (outcome === null) return '…';
  if (outcome.kind === 'success') return '✓';
  return outcome.kind === 'skip' ? '−' : '✗';
}

function stepsOf({ steps }: RunView): string {
  const rows = steps
    .slice(0, shownSteps)
    .map((step) => [
      `${signOf(step)} ${plainWords(step.name)}`,
      step.outcome === null ? step.state : step.outcome.kind,
      step.durationMs === null ? '' : formatDuration(step.durationMs),
      costCell(step),
      step.outcome === null ? '' : plainWords(safe(messageOf(step.outcome)) + (step.tolerated ? ' (may fail)' : '')),
    ]);
  const more = steps.length > shownSteps ? `\n\nand ${plural(steps.length - shownSteps, 'more step')}` : '';
  return markdownTable(['Step', 'Outcome', 'Time', 'Cost', ''], rows) + more;
}

function failuresOf({ run, lastLines }: RunReport): string {
  const failed = run.steps.filter(({ outcome, tolerated }) => outcome !== null && !tolerated && isFailure(outcome));
  const shown = failed.slice(0, shownFailures).map(({ id, name, outcome }) => {
    const why = outcome === null ? '' : safe(messageOf(outcome));
    const lines = (lastLines.get(id) ?? []).map((line) => line.slice(0, shownLineLength));
    return [`**${plainWords(name)}**: ${code(why)}`, lines.length === 0 ? '' : fenced('text', lines.join('\n'))]
      .filter((part) => part !== '')
      .join('\n\n');
  });
  return shown.join('\n\n');
}

function warningsOf({ steps }: RunView): string {
  return steps
    .filter(({ findings }) => countFindings(findings) > 0)
    .map(({ name, warning }) => `**${plainWords(name)}**: ${code(safe(warning, shownLineLength))}`)
    .join('\n\n');
}

function filesOf({ run, files }: RunReport): string {
  if (files.length === 0) return '';
  const added = files.reduce((sum, file) => sum + file.added, 0);
  const removed = files.reduce((sum, file) => sum + file.removed, 0);
  const rows = files
    .slice(0, shownFiles)
    .map((file) => [
      code(safe(path.isAbsolute(file.file) ? path.relative(run.cwd, file.file) : file.file, shownLineLength)),
      file.isNew ? 'new' : '',
      `+${file.added} −${file.removed}`,
    ]);
  const more = files.length > shownFiles ? `\n\nand ${plural(files.length - shownFiles, 'more file')}` : '';
  const title = `${plural(files.length, 'file')} changed by Claude, +${added} −${removed}`;
  return `<details><summary>${title}</summary>\n\n${markdownTable(['File', '', 'Lines'], rows)}${more}\n\n</details>`;
}
