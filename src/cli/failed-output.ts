// What the failed steps of a run printed last, read back from its journal: for `show` and for the closing summary of a run.
import { type JournalProblem, openJournal, type RunFolder } from '../journal/index.ts';
import {
  appendOutput,
  lastLinesOf,
  lastRowsOf,
  noText,
  type RunState,
  type StepState,
  type TextEnd,
} from '../runs/index.ts';
import { rowText } from './terminal/sanitize.ts';

export type FailedOutput = { readonly step: StepState; readonly end: TextEnd };

/** The first look goes back so many numbers; each further one four times as far, since other steps may print most. */
const firstWindow = 2_000;
/** In UTF-16 units, of each step. */
const keptLength = 256 * 1024;

/** One for each step that failed and whose last attempt printed something, in the order of the plan. */
export async function readFailedOutput(
  folder: RunFolder,
  state: RunState,
  limit: number,
  onProblem: (problem: JournalProblem) => void,
): Promise<readonly FailedOutput[]> {
  const found: FailedOutput[] = [];
  for (const step of limit > 0 ? state.steps.filter((each) => hasFailed(each)) : []) {
    const end = await readEnd(folder, step, limit, onProblem);
    if (end.text !== '') found.push({ step, end });
  }
  return found;
}

/** Without colours, as `--json` has them. */
export function linesOfFailed({ end }: FailedOutput, limit: number): readonly string[] {
  return lastLinesOf(end, limit);
}

/** As a terminal may show them, by the id of the step; blank ones at the ends take up room that an error needs. */
export function lastLinesOfFailed(
  failed: readonly FailedOutput[],
  limit: number,
  colour: boolean,
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    failed.map(({ step, end }) => {
      const rows = lastRowsOf(end, limit).map((runs) => rowText(runs, colour));
      const isFilled = (row: string): boolean => row.trim() !== '';
      return [step.id, rows.slice(rows.findIndex(isFilled), rows.findLastIndex(isFilled) + 1)];
    }),
  );
}

function hasFailed(step: StepState): boolean {
  if (step.phase.kind !== 'finished') return false;
  return step.phase.outcome.kind !== 'success' && step.phase.outcome.kind !== 'skip' && step.attempts.length > 0;
}

/** The end of what the step's last attempt printed. */
async function readEnd(
  folder: RunFolder,
  step: StepState,
  limit: number,
  onProblem: (problem: JournalProblem) => void,
): Promise<TextEnd> {
  const attempt = step.attempts.at(-1);
  if (attempt === undefined) return noText;
  const reader = openJournal(folder);
  const to = attempt.lastSeq ?? (await reader.head()).nextSeq;
  for (let window = firstWindow; ; window *= 4) {
    const from = Math.max(attempt.firstSeq, to - window);
    let end = noText;
    reading: for await (const records of reader.read({ from, onProblem })) {
      for (const record of records) {
        if (record.seq >= to) break reading;
        if (record.kind !== 'output' || record.stream === 'debug') continue;
        if (record.subject?.step === step.id && record.subject.attempt === attempt.number)
          end = appendOutput(end, record, keptLength);
      }
    }
    if (from === attempt.firstSeq || lastLinesOf(end, limit).length >= limit) return end;
  }
}
