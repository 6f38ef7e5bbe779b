// `stepspan ls`: the runs of the data folder, newest first.

import { type Command, Option } from 'commander';
import { formatAge, formatDuration } from '../core/duration.ts';
import type { Labels } from '../core/labels.ts';
import { formatCount, plural } from '../core/units.ts';
import { unreachable } from '../core/unreachable.ts';
import { type DataFolder, dataFolder, lockHolder } from '../journal/index.ts';
import { createCatalogue } from '../runs/catalogue.ts';
import { durationOfRun, msOfNs, nsOfText, type RunStateName, type RunSummary, runStateNames } from '../runs/index.ts';
import type { RunPage } from '../runs/list-runs.ts';
import { parseCount } from './arguments.ts';
import { type CliContext, fail, settingsFor } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { reportUnreadable } from './find-run.ts';
import { costCell, formatTable } from './format.ts';
import { labelOption } from './label-flag.ts';
import { createOutput } from './output.ts';
import { addSettingFlags } from './settings.ts';
import { sizeOf } from './terminal/screen.ts';
import { safe } from './terminal/step-text.ts';
import { createStyle, type Style, wantsColour } from './terminal/style.ts';

type LsFlags = {
  readonly workflow?: string;
  readonly outcome?: readonly RunStateName[];
  readonly label?: Labels;
  readonly since?: string;
  readonly limit: number;
  readonly json?: boolean;
};

/** A screenful; `--limit 0` for all. */
const defaultLimit = 20;

export function registerLs(program: Command, context: CliContext): void {
  const command = program
    .command('ls')
    .description('List runs, newest first.')
    .option('--workflow <name>', 'only runs of this workflow')
    .addOption(new Option('--outcome <outcome...>', 'only runs in one of these states').choices([...runStateNames]))
    .addOption(labelOption('only runs with this label; of several, with all of them'))
    .option(
      '--since <time>',
      'only runs that started at or after a time (RFC 3339), or not longer ago than this (15m, 2h, 1d)',
    )
    .option('-n, --limit <count>', 'show at most this many; 0 for all', parseCount, defaultLimit)
    .option('--json', 'print one JSON array')
    .addHelpText(
      'after',
      '\nExamples:\n  stepspan ls\n  stepspan ls --workflow nightly --outcome failure error\n  stepspan ls --label team=payments --since 7d --limit 0\n  stepspan ls --limit 0 --json | jq -r ".[].runId"',
    )
    .action((flags: LsFlags) => ls(flags, context));
  addSettingFlags(command, 'dataDir', 'colour');
}

async function ls(flags: LsFlags, context: CliContext): Promise<void> {
  const settings = settingsFor(context, { ...flags });
  if (settings === undefined) return;
  const sinceNs = flags.since === undefined ? undefined : nsOfText(flags.since, context.now());
  if (flags.since !== undefined && sinceNs === undefined) {
    const message = `--since: "${flags.since}" is not a time; write for example 2026-11-23T15:04:05Z, 15m or 7d`;
    return fail(context, exitCodes.badInput, message);
  }
  const data = dataFolder(settings.dataDir);
  const found = await findRuns(data, flags, sinceNs, context);
  const output = createOutput(context.stdout);
  if (flags.json === true)
    await output.write(`${JSON.stringify(found.runs.map((run) => jsonOf(run, context.now())))}\n`);
  else if (found.runs.length === 0) await output.write(`${emptyText(found.total, data.root)}\n`);
  else {
    const style = createStyle(wantsColour(settings.colour, context.env, context.stdout));
    await output.write(`${tableLines(found, context, style).join('\n')}\n`);
  }
  output.release();
}

async function findRuns(
  data: DataFolder,
  { workflow, outcome, label, limit }: LsFlags,
  sinceNs: bigint | undefined,
  context: CliContext,
): Promise<RunPage> {
  const catalogue = createCatalogue({ data, now: context.now });
  const page = await catalogue.list({
    workflow,
    states: outcome,
    labels: label,
    limit,
    sinceMs: sinceNs === undefined ? undefined : msOfNs(sinceNs),
    onUnreadable: (_runId, error) => reportUnreadable(context, error),
  });
  // A hub writes it by itself, and may be of another version.
  if (lockHolder(data.hub.lock) === undefined) catalogue.save();
  return page;
}

/** An empty data folder needs a different answer than a filter that matches nothing. */
function emptyText(total: number, root: string): string {
  if (total === 0) return `No runs in ${root}. Start one with: stepspan run FILE`;
  if (total === 1) return `The only run in ${root} does not match. List it with: stepspan ls`;
  return `None of the ${formatCount(total)} runs in ${root} matches. List them with: stepspan ls`;
}

function tableLines({ runs, unexamined }: RunPage, context: CliContext, style: Style): readonly string[] {
  const nowMs = context.now();
  const [head = '', ...lines] = formatTable(
    [
      { head: 'RUN' },
      { head: 'WORKFLOW', canShrink: true },
      { head: 'STATE' },
      { head: 'STEPS', side: 'right' },
      { head: 'STARTED' },
      { head: 'TIME', side: 'right' },
      { head: 'COST', side: 'right' },
    ],
    runs.map((run) => [
      run.runId,
      safe(run.workflow),
      stateText(run, style),
      `${run.completedSteps}/${run.totalSteps}`,
      run.startedAt === null ? '' : formatAge(nowMs - Date.parse(run.startedAt)),
      formatDuration(durationOfRun(run, nowMs)),
      costCell(run),
    ]),
    context.stdout.isTTY ? sizeOf(context.stdout).columns : Number.POSITIVE_INFINITY,
  );
  const rest =
    unexamined === 0 ? [] : [style.dim(`${plural(unexamined, 'older run')} not searched: --limit 0 shows all`)];
  return [style.dim(head), ...lines, ...rest];
}

/** Of a question in a table; `stepspan answer` shows all of it. */
const maxCause = 60;

/** The state in a word; if the run waits or hangs, with its end or its cause. */
function stateText({ state, until, cause }: RunSummary, style: Style): string {
  switch (state) {
    case 'success':
      return style.green(state);
    case 'running':
      return style.cyan(state);
    case 'waiting_for_you':
      return style.yellow(`waiting for you (${safe(cause, maxCause)})`);
    case 'waiting':
      return style.yellow(until === null ? `waiting (${safe(cause)})` : `waiting until ${until.slice(11, 19)}Z`);
    case 'stuck':
      return style.red(`stuck (${safe(cause)})`);
    case 'over_budget':
      return style.red('over budget');
    case 'paused':
    case 'cancelling':
    case 'cancellation':
    case 'skip':
      return style.yellow(state);
    case 'failure':
    case 'error':
    case 'timeout':
    case 'abandoned':
      return style.red(state);
    default:
      return unreachable(state);
  }
}

function jsonOf(run: RunSummary, nowMs: number): object {
  return {
    runId: run.runId,
    traceId: run.traceId,
    workflow: run.workflow,
    labels: run.labels,
    state: run.state,
    since: run.since,
    cause: run.cause,
    until: run.until,
    startedAt: run.startedAt,
    durationMs: durationOfRun(run, nowMs),
    steps: run.totalSteps,
    completedSteps: run.completedSteps,
    reusedSteps: run.reusedSteps,
    skippedSteps: run.skippedSteps,
    waitingUntil: run.waitingUntil,
    costUsd: run.costUsd,
    costBasis: run.costBasis,
    costAtLeastUsd: run.costAtLeastUsd,
    costEstimated: run.costEstimated,
  };
}
