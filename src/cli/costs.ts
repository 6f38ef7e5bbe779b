// `stepspan costs`: what the runs of the data folder cost, by workflow, step, model or label.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { formatCost } from '../core/cost.ts';
import { hasLabels, type Labels, labelKeyPattern, labelKeyRule } from '../core/labels.ts';
import { formatCount, plural } from '../core/units.ts';
import { dataFolder } from '../journal/index.ts';
import {
  type CostKey,
  type CostSum,
  type CostSums,
  closeIfKilled,
  costKeys,
  isoOfNs,
  isWriterGone,
  nsOfText,
  type RunState,
  readRunState,
  sumCosts,
} from '../runs/index.ts';
import { type CliContext, fail, settingsFor } from './context.ts';
import { examples } from './examples.ts';
import { exitCodes } from './exit-codes.ts';
import { problemReporter, reportUnreadable } from './find-run.ts';
import { formatTable } from './format.ts';
import { labelOption } from './label-flag.ts';
import { createOutput } from './output.ts';
import { addSettingFlags } from './settings.ts';
import { sizeOf } from './terminal/screen.ts';
import { safe } from './terminal/step-text.ts';
import { createStyle, type Style, wantsColour } from './terminal/style.ts';

type CostFlags = {
  readonly since: string;
  readonly by: CostKey;
  readonly workflow?: string;
  readonly label?: Labels;
  readonly json?: boolean;
};

export function registerCosts(program: Command, context: CliContext): void {
  const command = program
    .command('costs')
    .description(
      'Add up what runs cost, by workflow, step, model or label. What nobody reported is named, never counted as $0.',
    )
    .option(
      '--since <time>',
      'runs that started at or after a time (RFC 3339), or not longer ago than this (1d, 7d)',
      '7d',
    )
    .addOption(
      new Option('--by <what>', 'what is added up: workflow, step, model, or label:KEY')
        .argParser(parseBy)
        .default('workflow'),
    )
    .option('--workflow <name>', 'only runs of this workflow')
    .addOption(labelOption('only runs with this label; of several, with all of them'))
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples(
        'costs',
        'costs --since 1d --by model',
        'costs --by label:team',
        'costs --workflow nightly --by step --json',
      ),
    )
    .action((flags: CostFlags) => costs(flags, context));
  addSettingFlags(command, 'dataDir', 'colour');
}

function parseBy(text: string): CostKey {
  const key = costKeys.find((each) => each === text);
  if (key !== undefined) return key;
  const [, label] = /^label:(.*)$/s.exec(text) ?? [];
  if (label === undefined) throw new InvalidArgumentError(`Write ${costKeys.join(', ')} or label:KEY.`);
  if (labelKeyPattern.test(label)) return `label:${label}`;
  throw new InvalidArgumentError(`"${label}" cannot be the key of a label: ${labelKeyRule}.`);
}

async function costs(flags: CostFlags, context: CliContext): Promise<void> {
  const settings = settingsFor(context, { ...flags });
  if (settings === undefined) return;
  const sinceNs = nsOfText(flags.since, context.now());
  if (sinceNs === undefined) {
    const message = `--since: "${flags.since}" is not a time; write for example 2026-11-23T15:04:05Z, 1d or 7d`;
    return fail(context, exitCodes.badInput, message);
  }
  const runs = await readRuns(settings.dataDir, flags, sinceNs, context);
  const sums = sumCosts(runs, flags.by);
  const output = createOutput(context.stdout);
  if (flags.json === true)
    await output.write(`${JSON.stringify({ since: isoOfNs(sinceNs), by: flags.by, ...sums })}\n`);
  else {
    const style = createStyle(wantsColour(settings.colour, context.env, context.stdout));
    await output.write(`${linesOf(sums, flags, context, style).join('\n')}\n`);
  }
  output.release();
}

async function readRuns(
  root: string,
  { workflow, label = {} }: CostFlags,
  sinceNs: bigint,
  context: CliContext,
): Promise<readonly RunState[]> {
  const data = dataFolder(root);
  const runs: RunState[] = [];
  for (const runId of data.listRunIds()) {
    try {
      const run = await readRunState(data.runDir(runId), problemReporter(context));
      if (run?.startedNs === undefined || run.startedNs < sinceNs) continue;
      if ((workflow !== undefined && run.workflow !== workflow) || !hasLabels(run.labels, label)) continue;
      runs.push(closeIfKilled(run, isWriterGone(run)));
    } catch (error) {
      reportUnreadable(context, error);
    }
  }
  return runs;
}

function linesOf(sums: CostSums, flags: CostFlags, context: CliContext, style: Style): readonly string[] {
  const { by, since } = flags;
  const { total, groups } = sums;
  if (total.runs === 0) {
    // With a filter there can be runs that it leaves out.
    const isFiltered = flags.workflow !== undefined || flags.label !== undefined;
    return isFiltered
      ? [`No run that matches started since ${since}. List all runs with: stepspan ls`]
      : [`No run started since ${since}. List older ones with: stepspan ls`];
  }
  const paid = groups.filter(({ costAtLeastUsd, costBasis }) => costAtLeastUsd > 0 || costBasis === 'unknown');
  const hasTokens = by !== 'step';
  const columns = [
    { head: by.replace(/^label:/, '').toUpperCase(), canShrink: true },
    { head: 'RUNS', side: 'right' },
    ...(hasTokens ? [{ head: 'TOKENS', side: 'right' } as const] : []),
    { head: 'COST', side: 'right' },
  ] as const;
  const rows = [...paid, { ...total, name: 'total' }].map((sum) => [
    safe(sum.name),
    formatCount(sum.runs),
    ...(hasTokens ? [formatCount(sum.tokens ?? 0)] : []),
    costText(sum),
  ]);
  const width = context.stdout.isTTY ? sizeOf(context.stdout).columns : Number.POSITIVE_INFINITY;
  const [head = '', ...lines] = formatTable(columns, rows, width);
  const free = groups.length - paid.length;
  const notes = [
    ...(free > 0 ? [`${plural(free, by.replace(/^label:.*/, 'label'))} cost nothing`] : []),
    ...(total.costBasis === 'unknown' ? ['Nobody reported a part of the cost; `stepspan show RUN` says why.'] : []),
  ];
  return [
    style.dim(head),
    ...lines.slice(0, -1),
    style.bold(lines.at(-1) ?? ''),
    ...notes.map((note) => style.dim(note)),
  ];
}

function costText({ costAtLeastUsd, costBasis }: CostSum): string {
  return formatCost(costAtLeastUsd, costBasis);
}
