// The lines that say why an attempt failed: the first line of severity error, else the last line, with a few lines around it; the
// errors behind it; and earlier runs with the same error. Called by the failure card and by the key that goes from error to error.
import type { OutputAnswer } from '../../src/api/schema/answers.ts';
import type { RunList } from '../../src/api/schema/run.ts';
import { getJson } from '../api/http.ts';
import { lineOf } from '../api/views.ts';
import { type Attempt, failedStep, isBad, type Run, type RunRow, type Step, stepState } from '../model/run.ts';
import { parseLine, plainText } from './ansi-line.ts';
import { endSeq, joinLines, type OutputLine } from './line.ts';

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
  failed: FailedAttempt,
  signal?: AbortSignal,
): Promise<FailureLines | undefined> {
  const { attempt } = failed;
  const ask = askOf(runId, failed, signal);
  const end = attempt.lastSeq ?? Number.MAX_SAFE_INTEGER;
  const isOfAttempt = (line: OutputLine): boolean => line.attempt === attempt.number;
  const seq =
    (await findError(ask, failed, attempt.firstSeq)) ??
    (await ask(`anchor=${end + 1}&before=1`))?.lines.map(lineOf).find(isOfAttempt)?.seq;
  if (seq === undefined) return undefined;
  const around = await ask(`anchor=${seq}&before=${linesBefore}&after=${linesAfter + 1}`);
  if (around === undefined) return undefined;
  return { seq, lines: joinLines([], around.lines.map(lineOf).filter(isOfAttempt)) };
}

/** Where the key that goes from error to error is. */
export type ErrorPlace = { readonly index: number; readonly seq: number };

/** The next error of the same attempt, else the first one of the next attempt that failed; the first again behind the last. */
export async function nextError(
  runId: string,
  failures: readonly FailedAttempt[],
  place: ErrorPlace | undefined,
): Promise<ErrorPlace | undefined> {
  const same = place === undefined ? undefined : failures[place.index];
  if (place !== undefined && same !== undefined) {
    const seq = await findError(askOf(runId, same), same, place.seq + 1);
    if (seq !== undefined) return { index: place.index, seq };
  }
  const index = ((place?.index ?? -1) + 1) % failures.length;
  const failed = failures[index];
  if (failed === undefined) return undefined;
  const found = await readFailureLines(runId, failed);
  return { index, seq: found?.seq ?? failed.attempt.lastSeq ?? failed.attempt.firstSeq };
}

/** So many earlier failures of the workflow are compared: each costs a few requests. */
const comparedRuns = 8;

/**
 * Earlier runs of the workflow that failed in the same step with the same error, newest first. Numbers in the error are not compared:
 * they are times, ports and addresses.
 */
export async function findSameError(run: Run, error: string, signal: AbortSignal): Promise<readonly RunRow[]> {
  const step = failedStep(run);
  const query = new URLSearchParams({ workflow: run.workflow, before: run.runId, limit: String(comparedRuns) });
  for (const state of ['failure', 'error', 'timeout']) query.append('state', state);
  const answer = await getJson<RunList>(`/runs?${query}`, signal);
  const same: RunRow[] = [];
  for (const row of answer.ok ? answer.value.runs : []) {
    const other = await getJson<Run>(`/runs/${row.runId}`, signal);
    if (!other.ok || signal.aborted) continue;
    const otherStep = failedStep(other.value);
    const attempt = otherStep?.attempts.at(-1);
    if (otherStep?.id !== step?.id) continue;
    const found =
      otherStep === undefined || attempt === undefined
        ? undefined
        : await readFailureLines(row.runId, { step: otherStep, attempt }, signal);
    if (withoutNumbers(errorText(other.value, found)) === withoutNumbers(error)) same.push(row);
  }
  return same;
}

/** The line that says it, as it was seen; what the run says of itself if nothing was printed. */
export function errorText(run: Run, found: FailureLines | undefined): string {
  const line = found?.lines.find((each) => each.seq <= found.seq && found.seq <= endSeq(each));
  return line === undefined ? run.message : plainText(parseLine(line.text).runs).trim();
}

function withoutNumbers(text: string): string {
  return text.replace(/\d+/g, '0');
}

type Ask = (query: string) => Promise<OutputAnswer | undefined>;

function askOf(runId: string, { step }: FailedAttempt, signal?: AbortSignal): Ask {
  return async (query) => {
    const params = new URLSearchParams([...new URLSearchParams(query), ['step', step.id]]);
    for (const stream of ['stdout', 'stderr']) params.append('stream', stream);
    const answer = await getJson<OutputAnswer>(`/runs/${runId}/output?${params}`, signal);
    return answer.ok ? answer.value : undefined;
  };
}

/** The number of the first error of the attempt from this number on. */
async function findError(ask: Ask, { attempt }: FailedAttempt, fromSeq: number): Promise<number | undefined> {
  const end = attempt.lastSeq ?? Number.MAX_SAFE_INTEGER;
  let from = fromSeq;
  for (let request = 0; request < maxRequests && from <= end; request++) {
    const answer = await ask(`severity=error&from=${from}&limit=1`);
    if (answer === undefined || answer.nextSeq <= from) return undefined;
    const [line] = answer.lines.map(lineOf);
    if (line !== undefined) return line.attempt === attempt.number ? line.seq : undefined;
    from = answer.nextSeq;
  }
  return undefined;
}
