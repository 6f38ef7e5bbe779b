// The disk is full, or fails, at each file operation of a run: for one call, for a while, or to the end. The step must
// continue as usual, and what could not be kept must be counted to the line, in the journal or on the terminal.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { adoptRun } from '../../src/hub/index.ts';
import { openJournal } from '../../src/journal/index.ts';
import { atOnce } from './support/at-once.ts';
import { type ReadRun, readRun } from './support/check-run.ts';
import { countCalls } from './support/count-calls.ts';
import type { Fault, FaultContext } from './support/fault.ts';
import type { KillPoint } from './support/kill-points.ts';
import { type Injected, makeSandbox, witness } from './support/sandbox.ts';
import { nothing, sum, type Tally } from './support/tally.ts';
import { judge } from './support/witness.ts';

const lines = 60;
const workflow = `name: full
steps:
  - id: print
    run: node ${witness} a ${lines} 1000 20 both && touch "$MARK"
`;
/** More than waits in memory for a disk (8 MiB), so that output is lost while it comes and not only at the end. */
const floodLines = 60_000;
const flood = workflow.replace(`a ${lines} 1000 20`, `a ${floodLines} 0 300`);
const sandboxesAtOnce = 4;

export type FailPoint = KillPoint & {
  /** The error's name, which has to be printed if it keeps the run from starting. */
  readonly error: string;
  /** What has to be printed about it in every case. */
  readonly message?: RegExp;
};

export const disk: Fault = {
  name: 'disk full or failing',
  what: 'ENOSPC or EIO at each file operation of a run: once, for 20 calls, or to the end.',
  async run(context) {
    const { main } = await countCalls(['run', 'w.yaml', '--no-ship'], workflow, { MARK: '/dev/null' });
    const points = pointsOf(main, context);
    context.log(`${main} calls, ${points.length} failures`);
    const tallies = await atOnce(sandboxesAtOnce, points, (point) => diskFailsAt(point));
    // From the middle of a short run on is the beginning of this one.
    const middle = pointAt({ thread: 'main', at: Math.ceil(main / 2), mode: 'ENOSPC', calls: 1e9 });
    return sum([...tallies, await failAt(middle, flood, floodLines)]);
  },
};

function pointsOf(calls: number, { scale, random }: FaultContext): readonly FailPoint[] {
  const all = Array.from({ length: calls }, (_, call) =>
    (['ENOSPC', 'EIO'] as const).flatMap((mode) =>
      [1, 20, 1e9].map((many) => pointAt({ thread: 'main', at: call + 1, mode, calls: many })),
    ),
  ).flat();
  if (scale === 'full') return all;
  const wanted = 18;
  const offset = random.next();
  return Array.from({ length: wanted }, (_, index) => all[Math.floor(((index + offset) * all.length) / wanted)]!);
}

function pointAt(inject: Injected): FailPoint {
  return {
    place: `${inject.mode} from call ${inject.at} on for ${inject.calls}`,
    error: inject.mode,
    options: { inject },
  };
}

/** Lets a run go through the failure, and counts. */
export function diskFailsAt(point: FailPoint): Promise<Tally> {
  return failAt(point, workflow, lines);
}

async function failAt({ place, error, options, message }: FailPoint, workflow: string, lines: number): Promise<Tally> {
  const sandbox = makeSandbox();
  try {
    sandbox.write('w.yaml', workflow);
    const mark = path.join(sandbox.folder, 'mark');
    const { code, signal, output } = await sandbox.start(['run', 'w.yaml', '--no-ship'], {
      ...options,
      env: { ...options.env, MARK: mark },
    }).ended;
    const [runId] = sandbox.data.listRunIds();
    const ending = `${place}: exit ${code ?? signal}: ${output.slice(-600)}`;
    const began = runId !== undefined && (await openJournal(sandbox.data.runDir(runId)).head()).nextSeq > 0;
    if (!existsSync(mark)) {
      // If not even the first record can be written, no step is started, and the user reads why.
      const isRefused = code !== 0 && output.includes(error) && !output.includes('w a.');
      return { ...nothing, runs: 1, problems: isRefused ? [] : [`the step did not come to its end, ${ending}`] };
    }
    const problems: string[] = [];
    if (signal !== null) problems.push(`stepspan died, ${ending}`);
    if (message !== undefined && !message.test(output)) problems.push(`it does not print ${message}, ${ending}`);
    let inJournal = 0;
    let lost = 0;
    if (began) {
      const folder = sandbox.data.runDir(runId!);
      await adoptRun(folder);
      const run = await readRun(folder);
      const said = judge(run.lines);
      inJournal = said.distinct;
      lost = run.lost;
      // Numbers that the journal skips are counted by its own journal.lost; anything else is a broken journal.
      problems.push(...run.problems.filter((problem) => !problem.startsWith('record ')));
      const cut = linesCutBy(run, output);
      if (said.duplicated + said.disordered > 0 || said.damaged > cut) {
        problems.push(`${JSON.stringify(said)}, ${ending}`);
      }
    }
    const missing = lines - inJournal;
    const admitted = Math.max(lost, linesLostBySummary(output));
    if (missing > admitted) problems.push(`${missing} missing, ${lost} lost by the journal, ${ending}`);
    return { runs: 1, lines, missing, duplicated: 0, unaccounted: Math.max(0, missing - admitted), problems };
  } finally {
    await sandbox.remove();
  }
}

/**
 * How many lines can be there in part: where a loss begins, on each of the two streams. They count as lost. The last loss may be
 * reported by the terminal alone.
 */
function linesCutBy({ events }: ReadRun, output: string): number {
  const losses = events.filter((type) => type === 'journal.lost').length;
  return 2 * Math.max(losses, linesLostBySummary(output) > 0 ? 1 : 0);
}

/** What the terminal says was lost, for losses that not even the journal could record. */
function linesLostBySummary(output: string): number {
  return Math.max(
    0,
    ...[...output.matchAll(/([\d,]+) lines?[^\n]*(?:lost|not kept|could not be kept)/g)].map(([, count = '']) =>
      Number(count.replaceAll(',', '')),
    ),
  );
}
