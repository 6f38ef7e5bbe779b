// `stepspan ls`: the runs of the data folder, newest first.

import { type Command, Option } from 'commander';
import { readRunState, type Standing, standingOf, standings } from '../api/http/run-states.ts';
import { formatAge, formatDuration } from '../core/duration.ts';
import { formatCount, plural } from '../core/units.ts';
import { type DataFolder, dataFolder } from '../journal/index.ts';
import {
  costOf,
  isoOfNs,
  msOfNs,
  nsOfText,
  progressOf,
  type RunState,
  runDurationMs,
  waitingUntilNs,
} from '../runs/index.ts';
import { parseCount } from './arguments.ts';
import { type CliContext, fail, settingsFor } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { readable } from './find-run.ts';
import { costCell, formatTable } from './format.ts';
import { createOutput } from './output.ts';
import { addSettingFlags } from './settings.ts';
import { sizeOf } from './terminal/screen.ts';
import { safe } from './terminal/step-text.ts';
import { createStyle, type Style, wantsColour } from './terminal/style.ts';

type LsFlags = {
  readonly workflow?: string;
  readonly outcome?: readonly Standing[];
  readonly since?: string;
  readonly limit: number;
  readonly json?: boolean;
};

/** What was found, and what was not looked at. */
type Found = {
  readonly rows: readonly Row[];
  /** Runs in the data folder, of any workflow. */
  readonly total: number;
  /** Older runs that were not looked at, as the limit was reached. */
  readonly unread: number;
};

type Row = { readonly state: RunState; readonly standing: Standing };

/** A screenful; `--limit 0` for all. */
const defaultLimit = 20;

export function registerLs(program: Command, context: CliContext): void {
  const command = program
    .command('ls')
    .description('List runs, newest first.')
    .option('--workflow <name>', 'only runs of this workflow')
    .addOption(new Option('--outcome <outcome...>', 'only runs that stand so').choices([...standings]))
    .option('--since <time>', 'only runs that started at a time (RFC 3339) or later, or so long ago (15m, 2h, 1d)')
    .option('-n, --limit <count>', 'show at most so many; 0 for all', parseCount, defaultLimit)
    .option('--json', 'print one JSON array')
    .addHelpText(
      'after',
      '\nExamples:\n  stepspan ls\n  stepspan ls --workflow nightly --outcome failure error\n  stepspan ls --since 7d --limit 0\n  stepspan ls --limit 0 --json | jq -r ".[].runId"',
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
  if (flags.json === true) await output.write(`${JSON.stringify(found.rows.map(jsonOf))}\n`);
  else if (found.rows.length === 0) await output.write(`${emptyText(found.total, data.root)}\n`);
  else {
    const style = createStyle(wantsColour(settings.colour, context.env, context.stdout));
    await output.write(`${tableLines(found, context, style).join('\n')}\n`);
  }
  output.release();
}

async function findRuns(
  data: DataFolder,
  flags: LsFlags,
  sinceNs: bigint | undefined,
  context: CliContext,
): Promise<Found> {
  const rows: Row[] = [];
  const runIds = data.listRunIds();
  for (const [index, runId] of runIds.entries()) {
    if (flags.limit > 0 && rows.length >= flags.limit)
      return { rows, total: runIds.length, unread: runIds.length - index };
    const state = await readable(context, () => readRunState(data.runDir(runId)));
    if (state === undefined || state === 'unreadable') continue;
    const standing = standingOf(state);
    if (flags.workflow !== undefined && state.workflow !== flags.workflow) continue;
    if (flags.outcome !== undefined && !flags.outcome.includes(standing)) continue;
    if (sinceNs !== undefined && (state.startedNs === undefined || state.startedNs < sinceNs)) continue;
    rows.push({ state, standing });
  }
  return { rows, total: runIds.length, unread: 0 };
}

/** An empty data folder needs another answer than a filter that nothing fits. */
function emptyText(total: number, root: string): string {
  if (total === 0) return `No runs in ${root}. Start one with: stepspan run FILE`;
  if (total === 1) return `The only run in ${root} does not match. List it with: stepspan ls`;
  return `None of the ${formatCount(total)} runs in ${root} matches. List them with: stepspan ls`;
}

function tableLines({ rows, unread }: Found, context: CliContext, style: Style): readonly string[] {
  const nowMs = context.now();
  const [head = '', ...lines] = formatTable(
    [
      { head: 'RUN' },
      { head: 'WORKFLOW' },
      { head: 'STATE' },
      { head: 'STEPS', side: 'right' },
      { head: 'STARTED' },
      { head: 'TIME', side: 'right' },
      { head: 'COST', side: 'right' },
    ],
    rows.map(({ state, standing }) => {
      const { completedSteps, totalSteps } = progressOf(state);
      return [
        state.runId,
        safe(state.workflow),
        stateText(state, standing, style),
        `${completedSteps}/${totalSteps}`,
        state.startedNs === undefined ? '' : formatAge(nowMs - msOfNs(state.startedNs)),
        formatDuration(durationOf(state, standing, nowMs)),
        costCell(state),
      ];
    }),
    context.stdout.isTTY ? sizeOf(context.stdout).columns : Number.POSITIVE_INFINITY,
  );
  const rest = unread === 0 ? [] : [style.dim(`${plural(unread, 'older run')} not searched: --limit 0 shows all`)];
  return [style.dim(head), ...lines, ...rest];
}

function waitingUntilOf(state: RunState): string | null {
  const untilNs = waitingUntilNs(state);
  return untilNs === undefined ? null : isoOfNs(untilNs);
}

/** A run nobody writes any longer has stood still since its last record. */
function durationOf(state: RunState, standing: Standing, nowMs: number): number {
  return standing === 'abandoned' ? runDurationMs(state) : runDurationMs(state, nowMs);
}

function stateText(state: RunState, standing: Standing, style: Style): string {
  const untilNs = standing === 'running' ? waitingUntilNs(state) : undefined;
  if (untilNs === undefined) return coloured(standing, style);
  return style.yellow(`waiting until ${isoOfNs(untilNs).slice(11, 19)}Z`);
}

function coloured(standing: Standing, style: Style): string {
  switch (standing) {
    case 'success':
      return style.green(standing);
    case 'running':
      return style.cyan(standing);
    case 'paused':
    case 'cancelling':
    case 'cancellation':
    case 'skip':
      return style.yellow(standing);
    case 'failure':
    case 'error':
    case 'timeout':
    case 'abandoned':
      return style.red(standing);
  }
}

function jsonOf({ state, standing }: Row): object {
  const { completedSteps, totalSteps } = progressOf(state);
  return {
    runId: state.runId,
    traceId: state.traceId,
    workflow: state.workflow,
    state: standing,
    startedAt: state.startedNs === undefined ? null : isoOfNs(state.startedNs),
    durationMs: runDurationMs(state),
    steps: totalSteps,
    completedSteps,
    waitingUntil: waitingUntilOf(state),
    ...costOf(state),
    costEstimated: state.costBasis === 'estimated',
  };
}
