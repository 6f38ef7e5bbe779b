// `stepspan tail RUN`: the output of a run as it comes, until the run ends. On a terminal each line has the name of its step and
// cannot harm the terminal; in a pipe the bytes are exactly those that were printed.
import type { Command } from 'commander';
import { createLineJoiner, joinLines } from '../core/join-lines.ts';
import { type JournalRecord, seqCount } from '../core/record.ts';
import { isAlive, type JournalProblem, type JournalReader, openJournal } from '../journal/index.ts';
import { createTextWriter } from '../readers/export/index.ts';
import { createSelector, type RunState, type Selector } from '../runs/index.ts';
import { parseCount } from './arguments.ts';
import { type CliContext, fail } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { type FoundState, findRunState, problemReporter, readable, readableRunArgument } from './find-run.ts';
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

/** This many sequence numbers before the first shown line are read for the colours that are on there. */
const lookBack = 1_000;

/** As tail(1) shows. */
const defaultLines = 10;

/** How often stepspan checks that the process of a silent run still lives. */
const livenessMs = 1000;

export function registerTail(program: Command, context: CliContext): void {
  const command = program
    .command('tail')
    .argument('<run>', readableRunArgument)
    .description('Show the output of a run as it comes, until the run ends.')
    .option(
      '-n, --lines <count>',
      `start with this many of the last lines (default: ${defaultLines}, all with --from)`,
      parseCount,
    )
    .option('--grep <regex>', 'only lines that match a JavaScript regular expression')
    .option('--no-follow', 'show what was printed so far and end')
    .option('--prefix', 'in a pipe too, put the name of its step before each line')
    .option('--timestamps', 'put its time before each line, as ISO 8601 in UTC')
    .addHelpText(
      'after',
      '\nOn a terminal lines carry the name of their step, and of escape sequences only colours are kept. In a pipe the bytes are\nexactly those that were printed. Stream `debug` (raw protocol of Claude Code) is shown only if --stream names it.\n\nExamples:\n  stepspan tail latest\n  stepspan tail latest --step build --stream stderr\n  stepspan tail 7f3k2m --from 0 --no-follow | less -R\n  stepspan tail latest --severity warning error --grep "timeout|refused"',
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
  const isForPeople = stdout.isTTY === true || flags.prefix === true || flags.timestamps === true;
  const hasPrefix = stdout.isTTY === true || flags.prefix === true;
  const lines = createLineWriter(
    { style, hasPrefix, hasTime: flags.timestamps === true },
    stdout.isTTY === true ? stdout : undefined,
  );
  const write = isForPeople ? lines.write : createTextWriter(true);
  const output = createOutput(stdout);
  const ending = new AbortController();
  const watch = flags.follow ? watchWriter(found, ending, context) : undefined;
  const signal = AbortSignal.any([ending.signal, output.gone]);
  await readable(context, async () => {
    const skip = isForPeople ? lines.skip : undefined;
    for await (const records of wanted({ ...found, flags, selector, signal, context, skip })) {
      for (const chunk of write(records)) if (!(await output.write(chunk))) return;
    }
    for (const chunk of isForPeople ? lines.end() : []) await output.write(chunk);
  });
  clearInterval(watch);
  output.release();
}

type Wanted = Pick<FoundState, 'folder' | 'state'> & {
  readonly flags: TailFlags;
  readonly selector: Selector;
  readonly signal: AbortSignal;
  readonly context: CliContext;
  /** Called with the records shortly before the first shown line. */
  readonly skip: ((record: JournalRecord) => void) | undefined;
};

/** The lines that the tail starts with, then, if it follows the run, each batch as it comes. */
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
  // Nothing comes after the end of a run.
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

/** A run whose process was killed gets no more lines: without a hub that closes it, its end would never come. */
function watchWriter({ state }: FoundState, ending: AbortController, context: CliContext): NodeJS.Timeout | undefined {
  const { writer, runId } = state;
  if (writer === undefined || isClosed(state)) return undefined;
  let missed = 0;
  return setInterval(() => {
    // Two misses, so that the last lines are read, and a hub has time to close the run.
    missed = isAlive(writer) ? 0 : missed + 1;
    if (missed < 2) return;
    context.stderr.write(
      `stepspan: the process that ran ${runId} is gone and the run is not closed; run \`stepspan serve\` to close it.\n`,
    );
    ending.abort();
  }, livenessMs);
}

type LastRecordsOptions = {
  readonly selector: Selector;
  /** How many lines (and events) at most. */
  readonly limit: number;
  /** The first sequence number to consider, and the one before which to end. */
  readonly from: number;
  readonly to: number;
  readonly onProblem: (problem: JournalProblem) => void;
};

/** The first window goes back this many times the limit, each further one four times as far: a filter may leave out most lines. */
const firstLook = 4;

/**
 * The last `limit` chosen lines of a journal, oldest first, without reading all of it. A line that was recorded in pieces is one line;
 * a record of which only the last lines belong to them is cut to those.
 */
async function lastRecords(reader: JournalReader, options: LastRecordsOptions): Promise<readonly JournalRecord[]> {
  const { selector, limit, from, to, onProblem } = options;
  if (limit === 0) return [];
  for (let window = limit * firstLook; ; window *= 4) {
    const start = Math.max(from, to - window);
    let kept: JournalRecord[] = [];
    let lines = 0;
    const joiner = createLineJoiner();
    const take = (records: readonly JournalRecord[]): void => {
      for (const part of records.flatMap(selector.select)) {
        kept.push(part);
        lines += seqCount(part);
      }
    };
    for await (const records of reader.read({ from: start, onProblem })) {
      const inside = records.filter((record) => record.seq < to);
      take(inside.flatMap(joiner.add));
      const isPast = inside.length < records.length;
      // Whole records that lie before the last `limit` lines are released after each batch, so memory stays bounded.
      let drop = 0;
      for (const record of kept) {
        if (lines - seqCount(record) < limit) break;
        lines -= seqCount(record);
        drop += 1;
      }
      kept = drop === 0 ? kept : kept.slice(drop);
      if (isPast) break;
    }
    take(joiner.end());
    // A line that begins before the window is not whole yet.
    const isWhole = !kept.some((record) => record.kind === 'output' && record.continues);
    if ((lines >= limit && isWhole) || start === from) return lines > limit ? cutFront(kept, lines - limit) : kept;
  }
}

function cutFront(records: readonly JournalRecord[], surplus: number): readonly JournalRecord[] {
  const [first, ...others] = records;
  if (first === undefined) return records;
  const { select } = createSelector({ events: true, from: { kind: 'seq', seq: first.seq + surplus } });
  return [...select(first), ...others];
}
