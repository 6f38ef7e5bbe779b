// Follows a started run to its exit code: shows it while it runs, turns signals into a cancellation, prints the closing summary
// and, with `--json`, the result as one line. Called by `run`, `exec` and `resume`.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { formatSetDuration } from '../core/duration.ts';
import { plural } from '../core/units.ts';
import { createProblemLog, dataFolder, type RunFolder } from '../journal/index.ts';
import { defaultShipWaitMs, type RunResult, type StartedRun } from '../library/index.ts';
import { createCatalogue } from '../runs/catalogue.ts';
import { lostCount, type RunState, saveRunState } from '../runs/index.ts';
import type { CliContext } from './context.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { lastLinesOfFailed, readFailedOutput } from './failed-output.ts';
import { linksOf } from './links.ts';
import { dataFolderWarning } from './prune.ts';
import { serveRun } from './serve-run.ts';
import type { Settings } from './settings.ts';
import { ciLogIn, type Place, placeIn } from './terminal/ci-log.ts';
import { createLiveView, type LiveView, type View } from './terminal/live-view.ts';
import { createPlainView } from './terminal/plain-view.ts';
import { sanitizeLine } from './terminal/sanitize.ts';
import { createStyle, glyphsFor, wantsColour } from './terminal/style.ts';
import type { TerminalAnswers } from './terminal-answers.ts';

export type WatchFlags = {
  readonly dataDir?: string;
  readonly json?: boolean;
  /** Shows nothing but the closing summary. */
  readonly quiet?: boolean;
  /** In the live view: lines that steps print above the list. */
  readonly output?: boolean;
  /** Whether the live page is served; undefined if it was not given. */
  readonly serve?: boolean;
  /** Opens the live page in a browser, where it stays after the run. */
  readonly open?: boolean;
};

/** With `--json`, standard output is the result alone, and people are shown the run on standard error. */
export function viewContext(context: CliContext, flags: Pick<WatchFlags, 'json'>): CliContext {
  return flags.json === true ? { ...context, stdout: context.stderr } : context;
}

/** Follows the run to its end. @returns its state and result; the exit code is set on the context */
export async function watchRun(
  context: CliContext,
  settings: Settings,
  run: StartedRun,
  flags: WatchFlags,
): Promise<{ readonly state: RunState; readonly result: RunResult }> {
  const folder = dataFolder(settings.dataDir).runDir(run.runId);
  let cancelledBy = '';
  let view: View | undefined;
  const unsubscribe = context.onSignal((signal) => {
    if (cancelledBy === '' && signal === 'SIGINT') reportSecondInterrupt(context, view);
    cancelledBy ||= signal;
    run.cancel(signal);
    // Who presses Ctrl-\ does not want to wait.
    if (signal === 'SIGQUIT') run.cancel(signal);
  });
  const shown = viewContext(context, flags);
  const { server, isOpened } = await serveRun(shown, settings, run, flags);
  view = flags.quiet === true ? undefined : await openView(shown, settings, run, flags);
  // The flag is the process's: the worker that sends a run encodes all the time, and needs the space.
  const release = run.shipperStatus() === undefined ? holdYoungGeneration() : () => undefined;
  const followed = await followRun(run, view, answersIn(context, settings, folder, view));
  const stopReporting = reportWait(context, settings, run, view);
  const { result, shipping, archiving, notifying, metricsNote, journalNotes, state } = await run.done;
  release();
  stopReporting();
  // A person who cancels the run no longer needs its page.
  const stays = isOpened && cancelledBy === '';
  const wasWatched = server?.wasWatched() ?? false;
  if (!stays) await server?.close(settings.shipWait ?? defaultShipWaitMs);
  unsubscribe();
  // A journal that lacks its end is read again by the next command.
  if (followed.phase.kind === 'finished') saveRunState(folder, followed);

  const links = linksOf(settings, {
    ...state,
    runId: run.runId,
    traceId: run.traceId,
    workflow: run.workflow.name,
  });
  const folderWarning = await warningOf(context, settings);
  const problems = createProblemLog();
  const failed = await readFailedOutput(folder, state, failedLines, problems.note);
  const notes = [
    ...new Set([...journalNotes, ...problems.sentences()]),
    shipping.message,
    archiving.message,
    metricsNote,
    notifying.message,
    folderWarning,
  ].filter((message) => message !== '');
  // The message says how much is left, and why.
  const pending = shipping.kind === 'off' || shipping.message !== '' ? undefined : shipping.pending;
  const closing = view ?? plainView(shown, settings, run.workflow, false);
  // A quiet run has had no view yet, and no view has seen an end that is not in the journal.
  await closing.update([], state);
  const lastLines = lastLinesOfFailed(failed, failedLines, wantsColour(settings.colour, context.env, shown.stdout));
  closing.close({ pending, refused: shipping.refused, links, notes, lastLines, flags: flagsOf(flags) });
  if (flags.json === true) context.stdout.write(`${JSON.stringify(result)}\n`);
  const lost = lostCount(state);
  context.setExitCode(
    state.phase.kind === 'finished'
      ? exitCodeOf(state.phase.outcome, cancelledBy, lost.lines + lost.events)
      : exitCodes.internal,
  );
  if (stays) {
    context.stderr.write(`stepspan: the run has ended; its page stays at ${server?.url} until Ctrl-C\n`);
    await new Promise<void>((resolve) => context.onSignal(() => resolve()));
    await server?.close();
  } else if (wasWatched) {
    context.stderr.write('stepspan: the live page has ended with the run; `stepspan serve --open` shows it again\n');
  }
  return { state, result };
}

/**
 * From now on the space of new objects keeps its size. V8 would double it up to three times 16 MiB, which makes fewer collections in a
 * program that computes; a run waits most of the time, and most of what it makes is garbage at once. While the flag is set, compiled
 * code is neither taken from the cache nor stored for the next start, so it is set once the modules of the run are loaded.
 *
 * @returns lets the space grow again; called before the process ends, as that stores compiled code
 */
function holdYoungGeneration(): () => void {
  setFlagsFromString('--semi-space-growth-factor=1');
  // The default of V8.
  return () => setFlagsFromString('--semi-space-growth-factor=2');
}

async function followRun(
  run: StartedRun,
  view: View | undefined,
  answers: TerminalAnswers | undefined,
): Promise<RunState> {
  const followed = await run.follow(
    view &&
      ((batch, state) => {
        answers?.update(state);
        return view.update(batch, state);
      }),
  );
  answers?.close();
  return followed;
}

/** On a terminal, questions are shown whole and answered where the run is shown. */
function answersIn(
  context: CliContext,
  settings: Settings,
  folder: RunFolder,
  view: View | LiveView | undefined,
): TerminalAnswers | undefined {
  if (view === undefined || !('prompt' in view)) return undefined;
  const style = createStyle(wantsColour(settings.colour, context.env, context.stdout));
  // Most runs ask nothing, and do not wait for what is needed for that.
  let answers: Promise<TerminalAnswers> | undefined;
  return {
    update(state) {
      if (answers === undefined && state.steps.every(({ questions }) => questions.length === 0)) return;
      answers ??= import('./terminal-answers.ts').then(({ createTerminalAnswers }) =>
        createTerminalAnswers({ folder, view, keys: context.keys, style, now: context.now }),
      );
      void answers.then(({ update }) => update(state));
    },
    close: () => void answers?.then(({ close }) => close()),
  };
}

/** The last lines of each failed step in the closing summary: enough for an assertion or the end of a stack trace. */
const failedLines = 10;

/** After Ctrl-C a person wants to know whether the run is ending, and how to end it faster. */
function reportSecondInterrupt(context: CliContext, view: View | undefined): void {
  const text = 'cancelling: the steps are asked to end; press Ctrl-C again to kill them now';
  if (view?.note === undefined) context.stderr.write(`stepspan: ${text}\n`);
  else view.note(text);
}

/** The commands in the summary need the same data folder. */
function flagsOf({ dataDir }: WatchFlags): string {
  if (dataDir === undefined) return '';
  return ` --data-dir ${/^[\w@%+=:,./-]+$/.test(dataDir) ? dataDir : `'${dataDir.replaceAll("'", "'\\''")}'`}`;
}

/** A hub keeps the data folder within its bound; without one the user has to do it. */
async function warningOf(context: CliContext, settings: Settings): Promise<string> {
  const data = dataFolder(settings.dataDir);
  return existsSync(data.hubFile) ? '' : dataFolderWarning(data, settings, context.now());
}

/** If the end of a run takes longer than this, in milliseconds, it says what it waits for. */
const silentWaitMs = 500;

/** Says what is still being sent after the steps have ended. @returns how to stop */
function reportWait(context: CliContext, settings: Settings, run: StartedRun, view: View | undefined): () => void {
  const timer = setTimeout(() => {
    const status = run.shipperStatus();
    const pending = status === undefined ? 0 : Math.max(status.logs.pendingSeqs, status.traces.pendingSeqs);
    const rest = typeof settings.archive === 'string' ? 'what the archive lacks' : 'the last alerts';
    const what = pending === 0 ? rest : `the last ${plural(pending, 'record')}`;
    const why = status?.logs.lastError ?? status?.traces.lastError;
    const text = `the steps have ended; sending ${what}, for at most ${formatSetDuration(settings.shipWait ?? defaultShipWaitMs)}${why === undefined ? '' : ` (${why})`}`;
    if (view?.note === undefined) context.stderr.write(`stepspan: ${text}\n`);
    else view.note(text);
  }, silentWaitMs);
  return () => clearTimeout(timer);
}

async function openView(context: CliContext, settings: Settings, run: StartedRun, flags: WatchFlags): Promise<View> {
  // A terminal whose text is kept as the log of a job, as Buildkite has it, shows no cursor movement.
  if (context.stdout.isTTY !== true || ciLogIn(context.env) !== undefined)
    return plainView(context, settings, run.workflow, true);
  return createLiveView({
    out: context.stdout,
    style: createStyle(wantsColour(settings.colour, context.env, context.stdout)),
    glyphs: glyphsFor(context.env),
    history: await createCatalogue({ data: dataFolder(settings.dataDir) }).historyOf({
      runId: run.runId,
      workflow: run.workflow.name,
    }),
    output: flags.output ?? false,
  });
}

function plainView(context: CliContext, settings: Settings, { cwd }: StartedRun['workflow'], output: boolean): View {
  return createPlainView({
    out: context.stdout,
    style: createStyle(wantsColour(settings.colour, context.env, context.stdout)),
    glyphs: glyphsFor(context.env),
    output,
    ci: ciLogIn(context.env),
    placeOf: placeFinder(context, cwd),
  });
}

/** Finds the file that a line names below `cwd`, and names it as the CI system does: from the root of the checkout. */
function placeFinder({ env, cwd: from }: CliContext, cwd: string): (lines: readonly string[]) => Place | undefined {
  return (lines) => {
    const plain = lines.map((line) => sanitizeLine(line, false));
    const place = placeIn(plain, (file) => existsSync(path.resolve(cwd, file)));
    const root = env.GITHUB_WORKSPACE || env.BUILD_SOURCESDIRECTORY || from;
    return place && { ...place, file: path.relative(root, path.resolve(cwd, place.file)) };
  };
}
