// From a time to the line of output that was printed then, by asking for few single lines, however long the run is.
import type { OutputAnswer } from '../../src/api/schema/answers.ts';
import { getJson } from '../api/http.ts';

/** @returns the first line from this number on; undefined if no line follows */
export type AskLine = (seq: number) => Promise<{ readonly seq: number; readonly ns: string } | undefined>;

/**
 * The number of the first line printed at `ns` or later, or of the last line if all are earlier. Halves what is left with
 * each request: 20 for a million lines. Lines of a journal have times that rise with their numbers.
 * @param firstSeq the run has no line before it
 * @param headSeq nor at or after this one
 * @returns undefined if the run has no lines
 */
export async function lineAt(ask: AskLine, ns: bigint, firstSeq: number, headSeq: number): Promise<number | undefined> {
  let low = firstSeq;
  let high = headSeq;
  let found: number | undefined;
  let before: number | undefined;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const line = await ask(middle);
    if (line !== undefined && BigInt(line.ns) < ns) {
      before = line.seq;
      low = line.seq + 1;
    } else {
      found = line?.seq ?? found;
      high = middle;
    }
  }
  return found ?? before;
}

/** @param filter of which lines, as a query; of all of them if it is empty */
export function askLineOf(runId: string, filter = ''): AskLine {
  return async (seq) => {
    const answer = await getJson<OutputAnswer>(`/runs/${runId}/output?from=${seq}&limit=1${filter}`);
    return answer.ok ? answer.value.lines[0] : undefined;
  };
}
