// `stepspan show RUN`: the result of a run, step by step, and the last lines of what failed.
import type { Command } from 'commander';
import { readPrompted, readStepResults } from '../api/http/step-results.ts';
import { ciNames } from '../core/ci.ts';
import type { CiJob, EventOf, VersionControl } from '../core/event.ts';
import { labelsText } from '../core/labels.ts';
import { outputFieldsOf, type StepOutput, valueText } from '../core/step-output.ts';
import type { JournalReader, RunFolder } from '../journal/index.ts';
import {
  closeIfKilled,
  isActive,
  isoOfNs,
  isWriterGone,
  oneLine,
  progressOf,
  type RunState,
  type RunStatus,
  runStatus,
  totalsOf,
  viewCiJob,
  viewVersionControl,
  waitingUntilNs,
} from '../runs/index.ts';
import { parseCount } from './arguments.ts';
import { type CliContext, fail } from './context.ts';
import { showConversation } from './conversation.ts';
import { examples } from './examples.ts';
import { exitCodes } from './exit-codes.ts';
import { type FailedOutput, lastLinesOfFailed, linesOfFailed, readFailedOutput } from './failed-output.ts';
import { findRunState, problemReporter, readable, readableRunArgument, reportingReader } from './find-run.ts';
import { createOutput } from './output.ts';
import { addSettingFlags } from './settings.ts';
import { inertIn } from './terminal/ci-log.ts';
import { sizeOf } from './terminal/screen.ts';
import { safe, waitingText } from './terminal/step-text.ts';
import { createStyle, glyphsFor, type Style, wantsColour } from './terminal/style.ts';
import { summaryOf } from './terminal/summary.ts';

/** What is read from the journal, as the state of the run does not have it. */
type FromJournal = {
  readonly failed: readonly FailedOutput[];
  /** How many of the last lines to show. */
  readonly limit: number;
  /** By step id. */
  readonly results: ReadonlyMap<string, StepOutput>;
  /** By step id and number of the attempt, as `ask#1`. */
  readonly prompts: ReadonlyMap<string, EventOf<'claude.prompted'>>;
};

type ShowFlags = {
  readonly json?: boolean;
  readonly lines: number;
  readonly step?: string;
  readonly conversation?: boolean;
  readonly markdown?: boolean;
};

/** Enough to see an assertion or the end of a stack trace. */
const defaultLines = 10;

export function registerShow(program: Command, context: CliContext): void {
  const command = program
    .command('show')
    .argument('<run>', readableRunArgument)
    .description(
      'Show the result of a run: steps, attempts, cost, tokens, sessions, and the last lines of what failed.',
    )
    .option('-n, --lines <count>', 'how many of the last lines of a failed step', parseCount, defaultLines)
    .option('--conversation', 'print what a Claude step was asked, said and did, instead of the result')
    .option('--step <id>', 'with --conversation: which step; not needed if only one has a conversation')
    .option('--markdown', 'print the result, or the conversation, as Markdown')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples(
        'show latest',
        'show latest --step review --conversation',
        'show latest --markdown >> "$GITHUB_STEP_SUMMARY"',
        'show latest --conversation --markdown > review.md',
        'show 7f3k2m --json | jq .steps',
      ),
    )
    .action((run: string, flags: ShowFlags) => show(run, flags, context));
  addSettingFlags(command, 'dataDir', 'colour');
}

async function show(run: string, flags: ShowFlags, context: CliContext): Promise<void> {
  const found = await findRunState(context, run, { ...flags });
  if (found === undefined) return;
  const { folder, settings } = found;
  const isKilled = isWriterGone(found.state);
  const status = runStatus(found.state, isKilled);
  const state = closeIfKilled(found.state, isKilled);
  if (flags.conversation === true) return showConversation({ folder, state, colour: settings.colour }, flags, context);
  if (flags.step !== undefined)
    return fail(context, exitCodes.badInput, '--step is for a conversation; write it with --conversation');
  const limit = flags.lines;
  const failed = await readFailedOutput(folder, state, limit, problemReporter(context));
  if (flags.markdown === true) {
    // Here, as its links load the schema of alerts, for which every other `show` would wait.
    const { showMarkdown } = await import('./show-markdown.ts');
    return showMarkdown({ folder, state, settings, failed, limit }, context);
  }
  const results = await readable(context, () => readStepResults(reportingReader(folder, context), state.steps));
  const prompts = await readable(context, () => promptsOf(state, reportingReader(folder, context)));
  if (results === 'unreadable' || prompts === 'unreadable') return;
  const output = createOutput(context.stdout);
  if (flags.json === true)
    await output.write(`${JSON.stringify(jsonOf({ state, status }, folder, { failed, limit, results, prompts }))}\n`);
  else {
    const inert = inertIn(context.env);
    const style = createStyle(wantsColour(settings.colour, context.env, context.stdout));
    await output.write(
      textOf({ state, status }, { failed, limit, results, prompts }, style, context)
        .map((line) => `${inert(line)}\n`)
        .join(''),
    );
  }
  output.release();
}

async function promptsOf(state: RunState, reader: Pick<JournalReader, 'read'>): Promise<FromJournal['prompts']> {
  const prompts = new Map<string, EventOf<'claude.prompted'>>();
  for (const step of state.steps.filter(({ kind }) => kind === 'claude')) {
    for (const attempt of step.attempts) {
      const prompted = await readPrompted(reader, step.id, attempt);
      if (prompted !== undefined) prompts.set(`${step.id}#${attempt.number}`, prompted);
    }
  }
  return prompts;
}

function promptJson(prompted: EventOf<'claude.prompted'> | undefined): object | null {
  if (prompted === undefined) return null;
  const { type, ...texts } = prompted;
  return texts;
}

type Shown = { readonly state: RunState; readonly status: RunStatus };

function textOf(
  { state, status }: Shown,
  { failed, limit, results, prompts }: FromJournal,
  style: Style,
  context: CliContext,
): string[] {
  const columns = context.stdout.isTTY ? sizeOf(context.stdout).columns : 160;
  const lines = [
    `${style.bold(safe(state.workflow))}  ${state.runId}  ${status.state.replaceAll('_', ' ')}`,
    `  started ${state.startedNs === undefined ? 'unknown' : isoOfNs(state.startedNs)}  trace ${state.traceId}`,
  ];
  if (state.description !== '') lines.push(`  ${safe(state.description)}`);
  if (state.resumedFrom !== undefined) lines.push(`  continues ${state.resumedFrom}`);
  if (Object.keys(state.labels).length > 0) lines.push(`  labels ${safe(labelsText(state.labels))}`);
  if (state.versionControl !== undefined) lines.push(`  ${versionControlText(state.versionControl)}`);
  if (state.ci !== undefined) lines.push(`  started by ${ciText(state.ci)}`);
  if (isActive(status.state) && status.cause !== '') lines.push(style.yellow(`  ${statusText(status, context.now())}`));
  if (status.state === 'waiting_for_you') lines.push(`  answer with \`stepspan answer ${state.runId}\``);
  lines.push('');
  const glyphs = glyphsFor(context.env);
  lines.push(
    ...summaryOf(state, {
      columns,
      nowMs: context.now(),
      style,
      glyphs,
      extras: {},
    }),
  );
  for (const step of state.steps) {
    for (const { session, number } of step.attempts) {
      const prompted = prompts.get(`${step.id}#${number}`);
      if (prompted !== undefined) {
        const text = safe(oneLine(prompted.text));
        lines.push(`  ${safe(step.name)}, attempt ${number}: prompt of ${prompted.bytes} bytes: ${text}`);
      }
      if (session === undefined) continue;
      lines.push(
        `  ${safe(step.name)}, attempt ${number}: session ${safe(session.sessionId)} with ${safe(session.model)}`,
      );
    }
  }
  for (const step of state.steps) {
    for (const [name, value] of Object.entries(results.get(step.id)?.outputs ?? {})) {
      lines.push(`  ${safe(step.name)} set ${safe(name)}: ${safe(oneLine(valueText(value)))}`);
    }
  }
  const lastLines = lastLinesOfFailed(failed, limit, style.colour);
  for (const { id, name } of state.steps) {
    const rows = lastLines.get(id);
    if (rows !== undefined)
      lines.push('', style.bold(`last lines of ${safe(name)}:`), ...rows.map((row) => `  ${row}`));
  }
  return lines;
}

/** Such as `main at 1a2b3c4d5e6f with uncommitted changes, https://example.com/team/tool`. */
function versionControlText({ url, branch, revision, isDirty }: VersionControl): string {
  const commit = revision?.slice(0, 12) ?? 'no commit';
  const at = branch === undefined ? commit : `${branch} at ${commit}`;
  return safe(`${at}${isDirty === true ? ' with uncommitted changes' : ''}${url === undefined ? '' : `, ${url}`}`);
}

/** Such as `a job of github, https://github.com/team/tool/actions/runs/7`. */
function ciText({ system, url }: CiJob): string {
  return safe(`a job of ${ciNames[system]}${url === undefined ? '' : `, ${url}`}`);
}

/** Such as `waiting: rate or usage limit, since 14:02:11Z; waits until 15:00:00Z, 57m left`. */
function statusText({ state, since, cause, until }: RunStatus, nowMs: number): string {
  const from = since === null ? '' : `, since ${since.slice(0, 19)}Z`;
  const to = until === null ? '' : `; ${waitingText(until, nowMs)}`;
  return `${state.replaceAll('_', ' ')}: ${safe(cause)}${from}${to}`;
}

function jsonOf({ state, status }: Shown, folder: RunFolder, { failed, limit, results, prompts }: FromJournal): object {
  const { steps, ...totals } = totalsOf(state);
  const lastLines = new Map(failed.map((each) => [each.step.id, linesOfFailed(each, limit)]));
  const untilNs = waitingUntilNs(state);
  return {
    ...totals,
    ...status,
    description: state.description,
    file: state.file,
    startedAt: state.startedNs === undefined ? null : isoOfNs(state.startedNs),
    resumedFrom: state.resumedFrom ?? null,
    versionControl: viewVersionControl(state),
    ci: viewCiJob(state),
    progress: progressOf(state),
    waitingUntil: untilNs === undefined ? null : isoOfNs(untilNs),
    pauses: state.pauses,
    hiddenByKind: state.hidden,
    dataDir: folder.dir,
    steps: state.steps.map((step, index) => ({
      ...steps[index],
      name: step.name,
      kind: step.kind,
      needs: step.needs,
      lines: step.lines,
      toolCalls: step.toolCalls,
      toolErrors: step.toolErrors,
      stalls: step.stalls,
      ...outputFieldsOf(results.get(step.id)),
      lastLines: lastLines.get(step.id) ?? [],
      attempts: step.attempts.map((attempt) => ({
        number: attempt.number,
        outcome: attempt.phase.kind === 'finished' ? attempt.phase.outcome : null,
        durationMs: attempt.phase.kind === 'finished' ? attempt.phase.durationMs : null,
        startedAt: isoOfNs(attempt.startedNs),
        command: attempt.command,
        cost: attempt.cost.kind === 'none' ? null : attempt.cost,
        resources: attempt.resources ?? null,
        prompt: promptJson(prompts.get(`${step.id}#${attempt.number}`)),
        session: attempt.session ?? null,
        nesting: attempt.nesting ?? null,
        turns: attempt.turns ?? null,
        firstSeq: attempt.firstSeq,
        lastSeq: attempt.lastSeq ?? null,
      })),
    })),
  };
}
