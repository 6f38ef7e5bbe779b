// `stepspan ls`: the runs of the data folder, newest first.
import { type Command, Option } from 'commander';
import { dataFolder } from '../journal/index.ts';
import { costOf, isoOfNs, msOfNs, progressOf, type RunState, runDurationMs } from '../state/index.ts';
import { readRunState, type Standing, standingOf, standings } from '../tail/api/run-states.ts';
import { parseCount } from './arguments.ts';
import { type CliContext, settingsFor } from './context.ts';
import { readable } from './find-run.ts';
import { formatAge, formatCost, formatDuration, formatTable } from './format.ts';
import { createOutput, type Output } from './output.ts';
import { addSettingFlags } from './settings.ts';
import { safe } from './terminal/step-text.ts';
import { createStyle, type Style, wantsColour } from './terminal/style.ts';

type LsFlags = {
  readonly workflow?: string;
  readonly outcome?: readonly Standing[];
  readonly limit: number;
  readonly json?: boolean;
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
    .option('-n, --limit <count>', 'show at most so many; 0 for all', parseCount, defaultLimit)
    .option('--json', 'print one JSON array')
    .addHelpText(
      'after',
      '\nExamples:\n  stepspan ls\n  stepspan ls --workflow nightly --outcome failure error\n  stepspan ls --limit 0 --json | jq -r ".[].runId"',
    )
    .action((flags: LsFlags) => ls(flags, context));
  addSettingFlags(command, 'dataDir', 'colour');
}

async function ls(flags: LsFlags, context: CliContext): Promise<void> {
  const settings = settingsFor(context, { ...flags });
  if (settings === undefined) return;
  const data = dataFolder(settings.dataDir);
  const { limit } = flags;
  const rows: Row[] = [];
  let more = 0;
  const runIds = data.listRunIds();
  for (const [index, runId] of runIds.entries()) {
    if (limit > 0 && rows.length >= limit) {
      more = runIds.length - index;
      break;
    }
    const state = await readable(context, () => readRunState(data.runDir(runId)));
    if (state === undefined || state === 'unreadable') continue;
    const standing = standingOf(state);
    if (flags.workflow !== undefined && state.workflow !== flags.workflow) continue;
    if (flags.outcome !== undefined && !flags.outcome.includes(standing)) continue;
    rows.push({ state, standing });
  }
  const output = createOutput(context.stdout);
  if (flags.json === true) await output.write(`${JSON.stringify(rows.map(jsonOf))}\n`);
  else
    await printTable(
      rows,
      more,
      data.root,
      output,
      context,
      createStyle(wantsColour(settings.colour, context.env, context.stdout)),
    );
  output.release();
}

async function printTable(
  rows: readonly Row[],
  more: number,
  root: string,
  output: Output,
  context: CliContext,
  style: Style,
): Promise<void> {
  if (rows.length === 0) {
    await output.write(`No runs${more > 0 ? ' that fit' : ` in ${root}`}. Start one with: stepspan run FILE\n`);
    return;
  }
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
        coloured(standing, style),
        `${completedSteps}/${totalSteps}`,
        state.startedNs === undefined ? '' : formatAge(nowMs - msOfNs(state.startedNs)),
        formatDuration(durationOf(state, standing, nowMs)),
        formatCost(state),
      ];
    }),
    context.stdout.isTTY ? (context.stdout.columns ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY,
  );
  const rest = more === 0 ? [] : [style.dim(`${more} older not looked at: --limit 0 shows all`)];
  await output.write(`${[style.dim(head), ...lines, ...rest].join('\n')}\n`);
}

/** A run nobody writes any longer has stood still since its last record. */
function durationOf(state: RunState, standing: Standing, nowMs: number): number {
  return standing === 'abandoned' ? runDurationMs(state) : runDurationMs(state, nowMs);
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
    ...costOf(state),
    costEstimated: state.costBasis === 'estimated',
  };
}
