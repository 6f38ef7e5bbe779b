// The lines that say why an attempt failed: the first line of severity error, else the last line, with a few lines around it.
// Called by the failure card and by the key that goes from failure to failure.
import type { OutputAnswer } from '../../src/api/schema/answers.ts';
import { getJson } from '../api/http.ts';
import { lineOf } from '../api/views.ts';
import { type Attempt, isBad, type Run, type Step, stepState } from '../model/run.ts';
import { joinLines, type OutputLine } from './line.ts';

export type FailureLines = {
  /** The number of the line that says it. */
  readonly seq: number;
  readonly lines: readonly OutputLine[];
};

export type FailedAttempt = { readonly step: Step; readonly attempt: Attempt };

const linesBefore = 2;
const linesAfter = 3;

/** An answer stops after 150 ms of work. If an error is not found in so many, the last line is shown. */
const maxRequests = 10;

export function failedAttempts(run: Run): readonly FailedAttempt[] {
  return run.steps.flatMap((step) =>
    step.attempts.filter((attempt) => isBad(stepState(attempt))).map((attempt) => ({ step, attempt })),
  );
}

/** @returns undefined if the attempt has printed nothing, or the server does not answer */
export async function readFailureLines(
  runId: string,
  { step, attempt }: FailedAttempt,
  signal?: AbortSignal,
): Promise<FailureLines | undefined> {
  const ask = async (query: string): Promise<OutputAnswer | undefined> => {
    const params = new URLSearchParams([...new URLSearchParams(query), ['step', step.id]]);
    for (const stream of ['stdout', 'stderr']) params.append('stream', stream);
    const answer = await getJson<OutputAnswer>(`/runs/${runId}/output?${params}`, signal);
    return answer.ok ? answer.value : undefined;
  };
  const end = attempt.lastSeq ?? Number.MAX_SAFE_INTEGER;
  const isOfAttempt = (line: OutputLine): boolean => line.attempt === attempt.number;

  let seq: number | undefined;
  let from = attempt.firstSeq;
  for (let request = 0; request < maxRequests && seq === undefined && from <= end; request++) {
    const answer = await ask(`severity=error&from=${from}&limit=1`);
    if (answer === undefined || answer.nextSeq <= from) break;
    seq = answer.lines.map(lineOf).find(isOfAttempt)?.seq;
    if (answer.lines.length > 0) break;
    from = answer.nextSeq;
  }
  seq ??= (await ask(`anchor=${end + 1}&before=1`))?.lines.map(lineOf).find(isOfAttempt)?.seq;
  if (seq === undefined) return undefined;
  const around = await ask(`anchor=${seq}&before=${linesBefore}&after=${linesAfter + 1}`);
  if (around === undefined) return undefined;
  return { seq, lines: joinLines([], around.lines.map(lineOf).filter(isOfAttempt)) };
}
