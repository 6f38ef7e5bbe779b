// What the steps of a run produced: their outputs and named outputs, read from the `step.finished` of each in the journal. They are
// not part of the state of a run, which is held for thousands of runs at a time.
import type { EventOf } from '../../core/event.ts';
import { isReused } from '../../core/outcome.ts';
import { noOutput, type StepOutput, stepOutputOf } from '../../core/step-output.ts';
import type { JournalReader } from '../../journal/index.ts';
import type { AttemptState, StepState } from '../../runs/index.ts';

/** By step id; without steps that have not ended. */
export async function readStepResults(
  reader: Pick<JournalReader, 'read'>,
  steps: readonly StepState[],
): Promise<ReadonlyMap<string, StepOutput>> {
  const results = new Map<string, StepOutput>();
  for (const step of steps) {
    const result = await readStepResult(reader, step);
    if (result !== undefined) results.set(step.id, result);
  }
  return results;
}

/** @returns undefined for a step that has not ended */
export async function readStepResult(
  reader: Pick<JournalReader, 'read'>,
  step: StepState,
): Promise<StepOutput | undefined> {
  if (step.phase.kind !== 'finished') return undefined;
  const { outcome } = step.phase;
  const last = step.attempts.at(-1);
  // A step that was taken over from the run before ends at the beginning of the journal; any other, behind its last attempt.
  const isTakenOver = isReused(outcome);
  if (!isTakenOver && last === undefined) return noOutput;
  const from = isTakenOver ? 0 : (last?.lastSeq ?? last?.firstSeq ?? 0);
  for await (const records of reader.read({ from })) {
    for (const record of records) {
      if (record.kind !== 'event' || record.event.type !== 'step.finished') continue;
      if (record.subject?.step === step.id) return stepOutputOf(record.event);
    }
  }
  return noOutput;
}

/** The prompt that an attempt of a Claude step was given; undefined for one that has none in the journal. */
export async function readPrompted(
  reader: Pick<JournalReader, 'read'>,
  step: string,
  attempt: AttemptState,
): Promise<EventOf<'claude.prompted'> | undefined> {
  for await (const records of reader.read({ from: attempt.firstSeq })) {
    for (const record of records) {
      if (record.kind !== 'event' || record.subject?.step !== step || record.subject.attempt !== attempt.number)
        continue;
      if (record.event.type === 'claude.prompted') return record.event;
      // It comes right behind the start of its attempt, before anything that Claude Code says.
      if (record.event.type === 'claude.session' || record.event.type === 'attempt.finished') return undefined;
    }
  }
  return undefined;
}
