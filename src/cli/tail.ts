// `stepspan tail RUN`: the output of a run as it comes, until the run ends. Made for people on a terminal, where each line has the
// name of its step and is harmless, and for pipes, where the bytes are exactly those that were printed.
import type { Command } from 'commander';
import { joinLines } from '../core/join-lines.ts';
import type { JournalRecord } from '../core/record.ts';
import { isAlive, openJournal } from '../journal/index.ts';
import { createTextWriter } from '../readers/export/index.ts';
import { createSelector, type RunState, type Selector } from '../runs/index.ts';
import { parseCount } from './arguments.ts';
import { type CliContext, fail } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { type FoundState, findRunState, problemReporter, readable, runArgument } from './find-run.ts';
import { lastRecords } from './last-records.ts';
import { createOutput } from './output.ts';
import { addSelectionFlags, type SelectionFlags, selectionOf } from './selection-flags.ts';
import { addSettingFlags } from './settings.ts';
import { createLineWriter } from './terminal/line-writer.ts';
import { createStyle, wantsColour } from './terminal/style.ts';

type TailFlags = SelectionFlags & {
  readonly follow: boolean;
  readonly lines?: number;
  readonly prefix?: boolean;
  readonly timestamps?: boolean;
};

/** So many numbers before the first shown line are looked at for the colours that are on there. */
const lookBack = 1_000;

/** As tail(1) shows. */
const defaultLines = 10;

/** How often stepspan checks that the process of a silent run still lives. */
const livenessMs = 1000;

export function registerTail(program: Command, context: CliContext): void {
  const command = program
    .command('tail')
    .argument('<run>', runArgument)
    .description('Show the output of a run as it comes, until the run ends.')
    .option(
      '-n, --lines <count>',
      `start with the last so many lines (default: ${defaultLines}, all with --from)`,
      parseCount,
    )
    .option('--grep <regex>', 'only lines that a JavaScript regular expression fits')
    .option('--no-follow', 'show what was printed so far and end')
    .option('--prefix', 'in a pipe too, put the name of its step before each line')
    .option('--timestamps', 'put its time before each line, as ISO 8601 in UTC')
    .addHelpText(
      'after',
      '\nOn a terminal lines carry the name of their step, and of escape sequences only colours are kept. In a pipe the bytes are\nexactly those that were printed. Stream `debug` (raw protocol of Claude Code) is shown on request only.\n\nExamples:\n  stepspan tail latest\n  stepspan tail latest --step build --stream stderr\n  stepspan tail 7f3k2m --from 0 --no-follow | less -R\n  stepspan tail latest --severity warning error --grep "timeout|refused"',
    )
    .action((run: string, flags: TailFlags) => tail(run, flags, context));
  addSettingFlags(addSelectionFlags(command), 'dataDir', 'colour');
}

async function tail(run: string, flags: TailFlags, context: CliContext): Promise<void> {
  const found = await findRunState(context, run, { ...flags });
  if (found === undefined) return;
  const parsed = selectionOf(flags, found.state, context.now(), ['stdout', 'stderr', 'system']);
  if (!parsed.ok) {
    fail(context, exitCodes.badInput, ...parsed.problems);
    return;
  }
  const selector = createSelector(parsed.selection);
  const { stdout } = context;
  const style = createStyle(wantsColour(found.settings.colour, context.env, stdout));
  const isPeoples = stdout.isTTY === true || flags.prefix === true || flags.timestamps === true;
  const hasPrefix = stdout.isTTY === true || flags.prefix === true;
  const lines = createLineWriter(
    { style, hasPrefix, hasTime: flags.timestamps === true },
    stdout.isTTY === true ? stdout : undefined,
  );
  const write = isPeoples ? lines.write : createTextWriter(true);
  const output = createOutput(stdout);
  const ending = new AbortController();
  const watch = flags.follow ? watchWriter(found, ending, context) : undefined;
  const signal = AbortSignal.any([ending.signal, output.gone]);
  await readable(context, async () => {
    const skip = isPeoples ? lines.skip : undefined;
    for await (const records of wanted({ ...found, flags, selector, signal, context, skip })) {
      for (const chunk of write(records)) if (!(await output.write(chunk))) return;
    }
    for (const chunk of isPeoples ? lines.end() : []) await output.write(chunk);
  });
  clearInterval(watch);
  output.release();
}

type Wanted = Pick<FoundState, 'folder' | 'state'> & {
  readonly flags: TailFlags;
  readonly selector: Selector;
  readonly signal: AbortSignal;
  readonly context: CliContext;
  /** Gets what is shortly before the first shown line. */
  readonly skip: ((record: JournalRecord) => void) | undefined;
};

/** First the lines that the tail starts with, then, when following, each batch as it comes. */
async function* wanted({
  folder,
  state,
  flags,
  selector,
  signal,
  context,
  skip,
}: Wanted): AsyncGenerator<readonly JournalRecord[]> {
  const reader = openJournal(folder);
  const { firstSeq, nextSeq, finished } = await reader.head();
  const onProblem = problemReporter(context);
  let from = Math.max(firstSeq, selector.firstSeq);
  /** Colours that an earlier line left on are on in the first shown one. */
  const skipBefore = async (seq: number): Promise<void> => {
    const start = Math.max(firstSeq, seq - lookBack);
    if (skip === undefined || start >= seq) return;
    for await (const records of reader.read({ from: start, signal, onProblem })) {
      for (const record of records) {
        if (record.seq >= seq) return;
        skip(record);
      }
    }
  };
  const lines = flags.lines ?? (flags.from === undefined ? defaultLines : undefined);
  if (lines !== undefined) {
    const first = await lastRecords(reader, { selector, limit: lines, from, to: nextSeq, onProblem });
    await skipBefore(first[0]?.seq ?? nextSeq);
    yield first;
    from = Math.max(from, nextSeq);
  } else await skipBefore(from);
  // Behind the end of a run that has ended nothing will come.
  if (from >= nextSeq && (finished || !flags.follow)) return;
  const follow = flags.follow && !isClosed(state);
  const reading = reader.read({ from, follow, signal, onProblem });
  for await (const records of flags.grep === undefined ? reading : joinLines(reading)) {
    yield records.flatMap((record) => selector.select(record));
  }
}

function isClosed(state: RunState): boolean {
  return state.phase.kind === 'finished';
}

/** A run whose process was killed gets no more lines: if no hub closes it, waiting for its end would last for ever. */
function watchWriter({ state }: FoundState, ending: AbortController, context: CliContext): NodeJS.Timeout | undefined {
  const { writer, runId } = state;
  if (writer === undefined || isClosed(state)) return undefined;
  let missed = 0;
  return setInterval(() => {
    // Twice, so that the last lines of the process are read, and a hub that is closing the run has time to.
    missed = isAlive(writer) ? 0 : missed + 1;
    if (missed < 2) return;
    context.stderr.write(
      `stepspan: the process that ran ${runId} is gone and the run is not closed; run \`stepspan serve\` to close it.\n`,
    );
    ending.abort();
  }, livenessMs);
}
