// The command `prune`: removes old runs from the data folder once, by the limits that a hub keeps all the time. And the check
// at the end of a run that says when it is needed, for machines on which no hub runs.
import { statSync, utimesSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { formatBytes, plural } from '../core/units.ts';
import { applyRetention, type DataFolder, dataFolder, journalBytes, type RetentionReport } from '../journal/index.ts';
import { archiveCursor } from '../readers/archive/index.ts';
import { type CliContext, settingsFor } from './context.ts';
import { createOutput } from './output.ts';
import { addSettingFlags, type FlagValues, type Settings } from './settings.ts';

type PruneFlags = FlagValues & { readonly dryRun?: boolean; readonly json?: boolean };

export function registerPrune(program: Command, context: CliContext): void {
  const command = program
    .command('prune')
    .description(
      'Remove runs that ended longer ago than the maximum age, and the oldest ones while the data folder is too large. `stepspan serve` does the same by itself.',
    )
    .option('--dry-run', 'list what would be removed, and remove nothing')
    .option('--json', 'print the report as one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  $ stepspan prune --dry-run\n  $ stepspan prune --retention-max-age 7d\n  $ stepspan prune --retention-max-bytes 2GiB --json',
    )
    .action((flags: PruneFlags) => prune(context, flags));
  addSettingFlags(command, 'dataDir', 'retentionMaxAge', 'retentionMaxBytes', 'archive');
}

async function prune(context: CliContext, flags: PruneFlags): Promise<void> {
  const settings = settingsFor(context, flags);
  if (settings === undefined) return;
  const data = dataFolder(settings.dataDir);
  const isDryRun = flags.dryRun === true;
  const report = await applyRetention(data, {
    maxAgeMs: settings.retentionMaxAge,
    maxBytes: settings.retentionMaxBytes,
    now: context.now(),
    isDryRun,
    readers: typeof settings.archive === 'string' ? [archiveCursor] : [],
  });
  const output = createOutput(context.stdout);
  if (flags.json === true) await output.write(`${JSON.stringify({ dryRun: isDryRun, ...report })}\n`);
  else await output.write(`${reportLines(report, data.root, isDryRun).join('\n')}\n`);
  output.release();
}

function reportLines({ removedRuns, keptBytes }: RetentionReport, root: string, isDryRun: boolean): readonly string[] {
  const verb = isDryRun ? 'would remove' : 'removed';
  const bytes = removedRuns.reduce((sum, run) => sum + run.bytes, 0);
  return [
    ...removedRuns.map(({ runId, bytes: size, unread }) => {
      const lost = unread.map(
        ({ reader, lines, events }) => `${plural(lines + events, 'record')} not read by ${reader}`,
      );
      return `${verb} ${runId}  ${formatBytes(size)}${lost.length === 0 ? '' : `  (${lost.join(', ')})`}`;
    }),
    `${verb} ${plural(removedRuns.length, 'run')}, ${formatBytes(bytes)}; ${formatBytes(keptBytes)} left in ${root}`,
  ];
}

/** Adding up ten thousand journals takes about a second, so it is done once a day and not at the end of every run. */
const checkEveryMs = 24 * 3_600_000;

/**
 * Called at the end of a run if no hub runs.
 * @returns one sentence if the data folder is larger than `retentionMaxBytes`; '' if it is not, or was checked within a day
 */
export async function dataFolderWarning(
  data: DataFolder,
  { retentionMaxBytes }: Pick<Settings, 'retentionMaxBytes'>,
  nowMs: number,
): Promise<string> {
  const mark = data.sizeCheckFile;
  const checkedMs = statSync(mark, { throwIfNoEntry: false })?.mtimeMs ?? Number.NEGATIVE_INFINITY;
  if (nowMs - checkedMs < checkEveryMs) return '';
  const bytes = await journalBytes(data);
  try {
    // An old mark is touched, as writing nothing to a file leaves its time as it is.
    writeFileSync(mark, '');
    utimesSync(mark, nowMs / 1000, nowMs / 1000);
  } catch {
    // A folder that takes no file is reported by the run itself; then the next run checks again.
  }
  if (bytes <= retentionMaxBytes) return '';
  return `the data folder ${data.root} holds ${formatBytes(bytes)}, more than ${formatBytes(retentionMaxBytes)}; \`stepspan prune\` removes the oldest runs, and \`stepspan serve\` does so by itself`;
}
