// The commands `archive RUN`, which puts what is left of a run into the archive, and `archive verify`, which checks the archive.
import type { Command } from 'commander';
import {
  type ArchiveStore,
  isArchiveError,
  listArchivedRuns,
  locationText,
  openStore,
  parseLocation,
  splitRun,
  type Verification,
  verifyRun,
} from '../archive/index.ts';
import { isRunId, type RunId } from '../core/ids.ts';
import { formatBytes, formatCount, plural } from '../core/units.ts';
import { dataFolder } from '../journal/index.ts';
import { archiveTargetOf } from '../library/archiving.ts';
import { defaultShipWaitMs } from '../library/index.ts';
import { type ArchiveTarget, leftText, startArchiveReader } from '../readers/archive/index.ts';
import { adoptIfKilled } from './adopt-killed.ts';
import { type CliContext, fail, settingsFor } from './context.ts';
import { examples } from './examples.ts';
import { exitCodes } from './exit-codes.ts';
import { runArgument } from './find-run.ts';
import { createOutput } from './output.ts';
import { addSettingFlags, type FlagValues, type Settings } from './settings.ts';

const settingFlags = ['dataDir', 'archive', 'archiveEncryption', 'archiveKmsKey'] as const;

export function registerArchive(program: Command, context: CliContext): void {
  const command = program
    .command('archive')
    .argument('<run>', runArgument)
    .description('Put what is left of a run into the archive that STEPSPAN_ARCHIVE names, and wait for it.')
    .addHelpText(
      'after',
      examples(
        'archive latest',
        'archive latest --archive s3://runs/ci --ship-wait 10m',
        'archive verify latest',
        'archive verify s3://runs/ci',
      ),
    );
  addSettingFlags(command, ...settingFlags, 'shipWait').action((run: string, flags: FlagValues) =>
    archiveRun(context, run, flags),
  );
  const verify = command
    .command('verify')
    .argument(
      '<run>',
      'a run in the archive that STEPSPAN_ARCHIVE names, or the address of an archive or of a run in one',
    )
    .description('Check an archived run, or all of an archive: every file, every checksum, every record, none missing.')
    .option('--json', 'print one JSON object for each run')
    .addHelpText(
      'after',
      '\nIt ends with 0 if everything is there, and with 3 if something is damaged, missing, or not archived yet.\n' +
        examples('archive verify latest', 'archive verify s3://runs/ci', 'archive verify /backup/runs --json'),
    );
  addSettingFlags(verify, ...settingFlags).action((run: string, flags: FlagValues & { readonly json?: boolean }) =>
    verifyArchive(context, run, flags),
  );
}

/** Undefined after saying that no archive was named. */
export function archiveOf(context: CliContext, settings: Settings): ArchiveTarget | undefined {
  const target = archiveTargetOf({ ...settings, env: context.env });
  if (!target.ok) return fail(context, exitCodes.badInput, target.problem);
  const remedy = 'set STEPSPAN_ARCHIVE or --archive, for example to s3://bucket/prefix or to a folder';
  return target.value ?? fail(context, exitCodes.badInput, `nobody said where the archive is: ${remedy}`);
}

async function archiveRun(context: CliContext, run: string, flags: FlagValues): Promise<void> {
  const settings = settingsFor(context, flags);
  if (settings === undefined) return;
  const data = dataFolder(settings.dataDir);
  const found = data.findRun(run);
  if (found.kind !== 'found') return fail(context, exitCodes.notFound, found.message);
  const target = archiveOf(context, settings);
  if (target === undefined) return;
  const folder = data.runDir(found.runId);
  await adoptIfKilled(context, folder, '`stepspan archive`');
  const start = await startArchiveReader({ folder, target });
  if (start.kind === 'held') {
    const { pid, host, since } = start.by;
    const message = `process ${pid} on ${host} archives run ${found.runId} since ${since}; wait for it`;
    return fail(context, exitCodes.lockHeld, message);
  }
  const { reader } = start;
  const unsubscribe = context.onSignal(() => void reader.stop());
  const drained = await reader.drain(settings.shipWait ?? defaultShipWaitMs * 60, 'early');
  await reader.stop();
  unsubscribe();
  const { segments, bytes } = reader.status();
  const where = locationText(target.location);
  context.stdout.write(
    `put ${plural(segments, 'segment')} (${formatBytes(bytes)}) of run ${found.runId} into ${where}${drained.kind === 'drained' ? '; all of it is there' : ''}\n`,
  );
  if (drained.kind === 'left') fail(context, exitCodes.notExecuted, leftText(folder, drained));
}

async function verifyArchive(
  context: CliContext,
  run: string,
  flags: FlagValues & { readonly json?: boolean },
): Promise<void> {
  const settings = settingsFor(context, flags);
  if (settings === undefined) return;
  const place = placeOf(context, run, settings);
  if (place === undefined) return;
  const { target, runId } = place;
  const store = await openStore(target.location, target);
  const output = createOutput(context.stdout);
  try {
    const runIds = runId === undefined ? await listArchivedRuns(store) : [runId];
    if (runIds.length === 0) fail(context, exitCodes.notFound, `there are no runs in ${store.location}`);
    for (const each of runIds) {
      const verification = await verifyRun(store, each);
      await output.write(flags.json === true ? `${JSON.stringify(verification)}\n` : textOf(verification, store));
      if (verification.problems.length > 0) context.setExitCode(exitCodes.notExecuted);
    }
  } catch (error) {
    if (!isArchiveError(error)) throw error;
    fail(context, exitCodes.notExecuted, error.message);
  } finally {
    store.close();
    output.release();
  }
}

type Place = { readonly target: ArchiveTarget; readonly runId: RunId | undefined };

/** The archive that an address names, or a run of the archive that the settings name. Undefined after saying what is wrong. */
function placeOf(context: CliContext, text: string, settings: Settings): Place | undefined {
  if (text.includes('/')) {
    const parsed = parseLocation(text, context.cwd);
    if (!parsed.ok)
      return fail(context, exitCodes.badInput, `${text} is ${parsed.problem.wrong}; write ${parsed.problem.write}`);
    const { location, runId } = splitRun(parsed.value);
    const { archiveEncryption: encryption, archiveKmsKey: kmsKey } = settings;
    return { target: { location, env: context.env, encryption, kmsKey }, runId };
  }
  const target = archiveOf(context, settings);
  if (target === undefined) return undefined;
  // One that is no longer here can be named by its whole id.
  if (isRunId(text)) return { target, runId: text };
  const found = dataFolder(settings.dataDir).findRun(text);
  if (found.kind === 'found') return { target, runId: found.runId };
  return fail(context, exitCodes.notFound, found.message);
}

function textOf({ runId, segments, records, bytes, chain, problems }: Verification, store: ArchiveStore): string {
  const size = `${plural(segments, 'segment')}, ${formatCount(records)} lines and events, ${formatBytes(bytes)}`;
  if (problems.length === 0) return `run ${runId} is whole in ${store.location}: ${size}; chain ${chain}\n`;
  const found = problems.map((problem) => `  ${problem}\n`).join('');
  return `run ${runId} is not whole in ${store.location} (${size}):\n${found}`;
}
