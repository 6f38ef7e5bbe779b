// The command `bundle RUN`: a run as one file, to be kept or sent to somebody, who opens it with `stepspan show FILE`.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { archivedSeq, chainOf, openStore, writeBundle } from '../archive/index.ts';
import { errorCode, toError } from '../core/errors.ts';
import { formatBytes, formatCount } from '../core/units.ts';
import { dataFolder } from '../journal/index.ts';
import { putRun } from '../readers/archive/index.ts';
import { type CliContext, fail, settingsFor } from './context.ts';
import { examples } from './examples.ts';
import { exitCodes } from './exit-codes.ts';
import { bundleEnding, runArgument } from './find-run.ts';
import { addSettingFlags, type FlagValues } from './settings.ts';

export function registerBundle(program: Command, context: CliContext): void {
  const command = program
    .command('bundle')
    .argument('<run>', runArgument)
    .description(
      'Write a run that has ended as one file, which `show`, `tail`, `export` and `output` open anywhere: they check it first.',
    )
    .option('-o, --output <file>', 'the file (default: RUN.stepspan)')
    .addHelpText('after', examples('bundle latest', 'bundle latest -o review.stepspan', 'show review.stepspan'));
  addSettingFlags(command, 'dataDir').action((run: string, flags: FlagValues & { readonly output?: string }) =>
    bundle(context, run, flags),
  );
}

async function bundle(
  context: CliContext,
  run: string,
  flags: FlagValues & { readonly output?: string },
): Promise<void> {
  const settings = settingsFor(context, flags);
  if (settings === undefined) return;
  const data = dataFolder(settings.dataDir);
  const found = data.findRun(run);
  if (found.kind !== 'found') return fail(context, exitCodes.notFound, found.message);
  const { runId } = found;
  const file = path.resolve(context.cwd, flags.output ?? `${runId}${bundleEnding}`);
  // Beside the file: what is renamed stays on its disk.
  let folder: string;
  try {
    folder = mkdtempSync(`${file}.`);
  } catch (error) {
    return fail(context, exitCodes.notFound, `cannot write ${file}: ${toError(error).message}`);
  }
  context.onEnd(() => rmSync(folder, { recursive: true, force: true }));
  const store = await openStore({ kind: 'folder', folder }, { env: {} });
  const stopping = new AbortController();
  const { manifest } = await putRun(data.runDir(runId), store, undefined, {
    signal: stopping.signal,
    onStored: () => undefined,
    dutyNow: () => 1,
  });
  if (!manifest.ended) {
    const remedy = 'wait until it has ended; `stepspan archive` closes one whose stepspan was killed';
    return fail(context, exitCodes.notExecuted, `run ${runId} has not ended, so it is not whole; ${remedy}`);
  }
  try {
    await writeBundle(folder, file);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return fail(context, exitCodes.notExecuted, `cannot write ${file}: ${toError(error).message}`);
  }
  const size = `${formatCount(archivedSeq(manifest))} lines and events, ${formatBytes(statSync(file).size)}`;
  context.stdout.write(`${file}: run ${runId}, ${size}; chain ${chainOf(manifest)}\n`);
}
