// `stepspan search TEXT`: the matching lines of many runs, newest run first, as grep(1) shows them: one line each, and an exit status
// that says whether there was any. Reads one journal after the other and holds one batch.
import { type Command, Option } from 'commander';
import { joinLines } from '../core/join-lines.ts';
import { linesOf } from '../core/record.ts';
import { nsOfText } from '../core/time.ts';
import { type DataFolder, dataFolder, openJournal, type RunFolder } from '../journal/index.ts';
import { exportRun } from '../readers/export/index.ts';
import {
  createCatalogue,
  createSelector,
  isWriterGone,
  type RunStateName,
  readRunState,
  runStateNames,
  runStatus,
  type Selection,
} from '../runs/index.ts';
import { createQuickTest } from '../runs/quick-search.ts';
import { parseCount } from './arguments.ts';
import { type CliContext, fail, settingsFor } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { problemReporter, readable } from './find-run.ts';
import { createOutput } from './output.ts';
import { addLineFlags, type SelectionFlags, selectionOf } from './selection-flags.ts';
import { addSettingFlags } from './settings.ts';
import { sanitizeLine } from './terminal/sanitize.ts';
import { createStyle, type Style, wantsColour } from './terminal/style.ts';

type SearchFlags = Pick<SelectionFlags, 'step' | 'stream' | 'severity' | 'since' | 'to'> & {
  readonly workflow?: string;
  readonly outcome?: readonly RunStateName[];
  readonly limit: number;
  readonly runs?: boolean;
  readonly json?: boolean;
};

type Wanted = { readonly selection: Selection; readonly flags: SearchFlags; readonly style: Style };

/** More than anybody reads, and few enough not to fill a terminal for minutes if the text is too short. */
const defaultLimit = 1000;

export function registerSearch(program: Command, context: CliContext): void {
  const command = program
    .command('search')
    .argument(
      '<text>',
      'a text that a line must contain, in the same case, or a /regular expression/flags that it must match',
    )
    .description('Search the output of all runs, newest first. Exits with 0 if a line was found and 1 if none was.')
    .option('--workflow <name>', 'only runs of this workflow')
    .addOption(new Option('--outcome <outcome...>', 'only runs in one of these states').choices([...runStateNames]))
    .option('--since <time>', 'only lines at or after a time (RFC 3339), or not older than this (15m, 2h, 1d)')
    .option('--to <time>', 'only lines before a time')
    .option('-n, --limit <count>', 'show at most this many lines; 0 for all', parseCount, defaultLimit)
    .option('-l, --runs', 'show only the ids of runs that have such a line')
    .option('--json', 'print each line as an object, as `export --format ndjson` does')
    .addHelpText(
      'after',
      '\nEach line is shown as RUN:STEP:SEQ:TEXT; `stepspan tail RUN --from SEQ` continues from there. Stream `debug` (raw protocol of\nClaude Code) is searched only if --stream names it.\n\nExamples:\n  stepspan search ECONNREFUSED\n  stepspan search "/time(d )?out/i" --workflow nightly --since 7d --severity error\n  stepspan search "permission denied" --outcome failure error --runs',
    )
    .action((text: string, flags: SearchFlags) => search(text, flags, context));
  addSettingFlags(addLineFlags(command), 'dataDir', 'colour');
}

async function search(text: string, flags: SearchFlags, context: CliContext): Promise<void> {
  const settings = settingsFor(context, { ...flags });
  if (settings === undefined) return;
  const { step, stream, severity, since, to } = flags;
  const given = { search: text, step, stream, severity, since, to };
  const parsed = selectionOf(given, undefined, context.now(), ['stdout', 'stderr', 'system']);
  if (!parsed.ok) {
    fail(context, exitCodes.badInput, ...parsed.problems.map((problem) => problem.replace('--search', 'TEXT')));
    return;
  }
  const { selection } = parsed;
  if (selection.from?.kind === 'seq' || selection.to?.kind === 'seq') {
    const flag = selection.from?.kind === 'seq' ? '--since' : '--to';
    fail(context, exitCodes.badInput, `${flag}: each run has its own numbers; write a time such as 2h or 2026-11-23`);
    return;
  }
  const style = createStyle(wantsColour(settings.colour, context.env, context.stdout));
  await searchRuns(settings.dataDir, { selection, flags, style }, context);
}

async function searchRuns(dataDir: string, wanted: Wanted, context: CliContext): Promise<void> {
  const { flags, selection } = wanted;
  const data = dataFolder(dataDir);
  const output = createOutput(context.stdout);
  // A damaged or unreadable journal is reported, and must not look like "nothing found".
  let isWhole = true;
  const watching: CliContext = {
    ...context,
    setExitCode(code) {
      isWhole = false;
      context.setExitCode(code);
    },
  };
  let found = 0;
  let isCut = false;
  const mayHaveLine = createQuickTest(data, selection);
  const isWanted = runTest(data, wanted, watching);
  for (const runId of data.listRunIds()) {
    const folder = data.runDir(runId);
    if ((await readable(watching, async () => mayHaveLine(folder))) !== true) continue;
    if (isWanted !== undefined && !(await isWanted(folder))) continue;
    const lines = flags.json === true ? objectsOf(folder, selection, watching) : textsOf(folder, wanted, watching);
    const outcome = await readable(watching, async () => {
      for await (const line of lines) {
        if (flags.limit > 0 && found >= flags.limit) {
          isCut = true;
          return 'enough';
        }
        found += 1;
        if (!(await output.write(flags.runs === true ? `${runId}\n` : line))) return 'enough';
        if (flags.runs === true) return 'next';
      }
      return 'next';
    });
    if (outcome === 'enough') break;
  }
  output.release();
  if (isCut) context.stderr.write(`stepspan: only the first ${flags.limit} are shown; --limit 0 shows all\n`);
  if (isWhole) context.setExitCode(found > 0 ? exitCodes.success : exitCodes.runFailed);
}

/** Whether the flags want the run; undefined if they want every one. Of an ended run only what lists show is read. */
function runTest(
  data: DataFolder,
  { flags, selection: { from } }: Wanted,
  context: CliContext,
): ((folder: RunFolder) => Promise<boolean>) | undefined {
  const { workflow, outcome } = flags;
  if (workflow === undefined && outcome === undefined && from === undefined) return undefined;
  const catalogue = createCatalogue({ data, now: context.now });
  return async (folder) => {
    const ended = await readable(context, () => catalogue.endedRunOf(folder.runId));
    if (ended === 'unreadable') return false;
    if (ended !== undefined) {
      const { summary } = ended;
      const endedNs = nsOfText(summary.endedAt ?? '', context.now());
      const isPast = from?.kind === 'time' && endedNs !== undefined && endedNs < from.ns;
      return !isPast && fits(summary.workflow, summary.state, flags);
    }
    const state = await readable(context, () => readRunState(folder, problemReporter(context)));
    if (state === undefined || state === 'unreadable') return false;
    return fits(state.workflow, runStatus(state, isWriterGone(state)).state, flags);
  };
}

function fits(name: string, state: RunStateName, { workflow, outcome }: SearchFlags): boolean {
  return (workflow === undefined || name === workflow) && (outcome === undefined || outcome.includes(state));
}

/** One line at a time, so that `--limit` counts lines. */
async function* textsOf(folder: RunFolder, { selection, style }: Wanted, context: CliContext): AsyncGenerator<string> {
  const selector = createSelector(selection);
  const reader = openJournal(folder);
  const from = selection.from?.kind === 'time' ? await reader.seqBefore(selection.from.ns) : 0;
  // Joined, as a word may be split over two pieces of a line.
  const reading = joinLines(reader.read({ from, reuseMemory: true, onProblem: problemReporter(context) }));
  for await (const batch of reading) {
    for (const record of batch) {
      if (selector.isPast(record)) return;
      for (const part of selector.select(record)) {
        if (part.kind !== 'output') continue;
        const step = part.subject?.step ?? '';
        for (const line of linesOf(part)) {
          const place = style.dim(`${folder.runId}:${step}:${line.seq}:`);
          yield `${place}${sanitizeLine(line.bytes.toString('utf8'), style.colour)}\n`;
        }
      }
    }
  }
}

async function* objectsOf(folder: RunFolder, selection: Selection, context: CliContext): AsyncGenerator<string> {
  const reader = openJournal(folder);
  const source = {
    read: (how: { from: number; signal?: AbortSignal }) => reader.read({ ...how, onProblem: problemReporter(context) }),
    seqBefore: reader.seqBefore,
  };
  const chunks = exportRun(source, { ...selection, runId: folder.runId, format: 'ndjson', ansi: false });
  for await (const chunk of chunks) for (const line of String(chunk).trimEnd().split('\n')) yield `${line}\n`;
}
