// `stepspan export RUN`: a run, or a part of it, as a file, or as a stream for other programs.
import path from 'node:path';
import { type Command, Option } from 'commander';
import { errorCode } from '../core/errors.ts';
import { openJournal } from '../journal/index.ts';
import {
  type ExportFormat,
  type ExportOptions,
  exportFormats,
  exportRun,
  LokiError,
  type RecordSource,
} from '../readers/export/index.ts';
import type { RunState } from '../runs/index.ts';
import { type CliContext, fail } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { lokiAccess, lokiRunOf, lokiSourceOf } from './export-loki.ts';
import { findRunState, problemReporter, readable, readableRunArgument } from './find-run.ts';
import { createOutput, writeAll, writeFileWhole } from './output.ts';
import { addSelectionFlags, type SelectionFlags, selectionOf } from './selection-flags.ts';
import { addSettingFlags } from './settings.ts';

type ExportFlags = SelectionFlags & {
  readonly format: ExportFormat;
  readonly output?: string;
  readonly ansi?: boolean;
  readonly raw?: boolean;
  readonly prefix?: boolean;
  readonly timestamps?: boolean;
  readonly csvExact?: boolean;
};

export function registerExport(program: Command, context: CliContext): void {
  const command = program
    .command('export')
    .argument('<run>', readableRunArgument)
    .description('Write a run, or a part of it, as text, ndjson, CSV or OTLP/JSON.')
    .addOption(new Option('--format <format>', 'of what is written').choices([...exportFormats]).default('text'))
    .option('-o, --output <file>', 'write to a file, which is written completely or not at all; default: stdout')
    .option('--raw', 'as text: the bytes exactly as the steps printed them, in the order they came, and nothing else')
    .option('--ansi', 'keep escape sequences and what was overwritten, line by line')
    .option('--prefix', 'as text: put the name of its step before each line')
    .option('--timestamps', 'as text: put its time before each line, as ISO 8601 in UTC')
    .option('--to <seq|time>', 'end before a sequence number or time, as --from')
    .option('--search <text>', 'only lines with this text, or that a /regular expression/ fits')
    .option('--csv-exact', 'do not put an apostrophe before what a spreadsheet would take for a formula')
    .addHelpText(
      'after',
      '\nText is what was seen at the end of each line: no escape sequences, and of a bar that redraws itself its last state. --raw prints\nthe original bytes.\n\n--from loki reads the lines from Loki (its settings: docs/settings.md) in place of the journal, also of a run that is no longer\nkept here; --since then says from where.\n\nText leaves out the stream `debug` (raw protocol of Claude Code) unless --stream names it; other formats include it.\n\nExamples:\n  stepspan export latest > run.txt\n  stepspan export latest --format ndjson --events -o run.ndjson\n  stepspan export latest --prefix --timestamps > run.txt\n  stepspan export 7f3k2m --step build --stream stdout --raw > build.log\n  stepspan export latest --format csv --severity error --search "/timeout|refused/i"\n  stepspan export latest --format otlp-json -o run.otlp.json\n  stepspan export 20260823-151402-7f3k2m --from loki --severity error',
    )
    .action((run: string, flags: ExportFlags) => exportCommand(run, flags, context));
  addSettingFlags(
    addSelectionFlags(command, 'loki|'),
    'dataDir',
    'lokiUrl',
    'lokiTenant',
    'lokiHeaders',
    'lokiSelector',
  );
}

async function exportCommand(run: string, flags: ExportFlags, context: CliContext): Promise<void> {
  if (flags.from === 'loki') await exportFromLoki(run, { ...flags, from: undefined }, context);
  else await exportFromJournal(run, flags, context);
}

async function exportFromJournal(run: string, flags: ExportFlags, context: CliContext): Promise<void> {
  const found = await findRunState(context, run, { ...flags });
  if (found === undefined) return;
  const options = await optionsOf(flags, found.state.runId, found.state, context);
  if (options === undefined) return;
  const reader = openJournal(found.folder);
  const onProblem = problemReporter(context);
  const source = {
    read: (how: { from: number; signal?: AbortSignal }) => reader.read({ ...how, onProblem }),
    seqBefore: reader.seqBefore,
  };
  await readable(context, () => write(source, options, flags, context));
}

async function exportFromLoki(run: string, flags: ExportFlags, context: CliContext): Promise<void> {
  if (flags.raw === true) {
    fail(context, exitCodes.badInput, '--raw needs the journal: Loki has the text of the lines only; leave --raw out');
    return;
  }
  const access = lokiAccess(context, flags);
  if (access === undefined) return;
  const found = await lokiRunOf(run, access, context);
  if (found === undefined) return;
  const options = await optionsOf(flags, found.runId, found.state, context);
  if (options === undefined) return;
  const { source, nothingFound } = lokiSourceOf(access, found, options);
  try {
    await write(source, options, flags, context);
  } catch (error) {
    if (!(error instanceof LokiError)) throw error;
    fail(context, exitCodes.notExecuted, error.message);
    return;
  }
  const missing = nothingFound();
  if (missing !== undefined) fail(context, exitCodes.notFound, missing);
}

async function write(
  source: RecordSource,
  options: ExportOptions,
  flags: ExportFlags,
  context: CliContext,
): Promise<void> {
  if (flags.output !== undefined && flags.output !== '-') {
    await toFile(exportRun(source, options), path.resolve(context.cwd, flags.output), context);
    return;
  }
  const output = createOutput(context.stdout);
  await writeAll(exportRun(source, { ...options, signal: output.gone }), output);
  output.release();
}

async function optionsOf(
  flags: ExportFlags,
  runId: string,
  state: RunState | undefined,
  context: CliContext,
): Promise<ExportOptions | undefined> {
  const wrong = wrongTogether(flags);
  if (wrong !== undefined) return fail(context, exitCodes.badInput, wrong);
  const printed = ['stdout', 'stderr'] as const;
  // Raw output is what the steps printed, without the lines of stepspan.
  const streams =
    flags.raw === true ? printed : flags.format === 'text' ? ([...printed, 'system'] as const) : undefined;
  const parsed = selectionOf(flags, state, context.now(), streams);
  if (!parsed.ok) return fail(context, exitCodes.badInput, ...parsed.problems);
  const options = {
    ...parsed.selection,
    runId,
    format: flags.format,
    ansi: flags.ansi === true,
    raw: flags.raw === true,
    prefix: flags.prefix === true,
    timestamps: flags.timestamps === true,
    csvExact: flags.csvExact === true,
  };
  if (flags.format !== 'otlp-json') return options;
  if (context.toOtlp === undefined || state === undefined)
    return fail(context, exitCodes.badInput, '--format otlp-json is not available here');
  return { ...options, toOtlp: await context.toOtlp(state) };
}

/** @returns what is wrong with flags that do not go together */
function wrongTogether({ format, raw, ansi, prefix, timestamps, events }: ExportFlags): string | undefined {
  for (const [flag, isGiven] of Object.entries({ '--raw': raw, '--prefix': prefix, '--timestamps': timestamps })) {
    if (isGiven === true && format !== 'text')
      return `${flag} is about text, and --format ${format} has fields for it; leave ${flag} out${flag === '--raw' ? ' and write --ansi' : ''}`;
  }
  if (raw !== true) return undefined;
  const added = Object.entries({ '--ansi': ansi, '--prefix': prefix, '--timestamps': timestamps, '--events': events });
  const found = added.find(([, isGiven]) => isGiven === true);
  return found === undefined ? undefined : `--raw prints the bytes alone; leave ${found[0]} out`;
}

async function toFile(chunks: AsyncIterable<string | Buffer>, file: string, context: CliContext): Promise<void> {
  try {
    await writeFileWhole(chunks, file);
  } catch (error) {
    const code = errorCode(error);
    // Only a call of the system has one of these; anything else is a defect.
    if (code === undefined || !(error instanceof Error && 'syscall' in error)) throw error;
    if (code !== 'ENOENT') return fail(context, exitCodes.notExecuted, `cannot write ${file}: ${error.message}`);
    fail(context, exitCodes.notFound, `cannot write ${file}: there is no folder ${path.dirname(file)}; make it first`);
  }
}
