// The end of a run whose journal could not take it, as on a full disk: made from what this process knows, so that the
// caller learns how the run ended and how much of its record is missing. Writes nothing. Called by run-workflow.ts.
import { sumUsd } from '../core/cost.ts';
import type { Event } from '../core/event.ts';
import type { Subject } from '../core/record.ts';
import { stepOutputOf } from '../core/step-output.ts';
import { plural } from '../core/units.ts';
import type { JournalStats } from '../journal/index.ts';
import type { Redactor, RunEnd } from '../run/index.ts';
import { foldRun, type RunState, runDurationMs, stepDurationMs } from '../runs/index.ts';

/** What is to be said of the journal at the end of a run, one sentence each. Nothing of it is lost while the machine runs. */
export function journalNotes({ syncErrors, lastError, leftRaw }: JournalStats): readonly string[] {
  const notes: string[] = [];
  if (syncErrors > 0) {
    const times = syncErrors === 1 ? 'once' : `${syncErrors} times`;
    notes.push(
      `the disk has not confirmed ${times} that it keeps the journal (last error of the disk: ${lastError}): a power cut may take a part of it`,
    );
  }
  const [first, ...others] = leftRaw;
  if (first !== undefined) {
    const more = others.length === 0 ? '' : `, and ${plural(others.length, 'other file')}`;
    notes.push(`${first.file} stays uncompressed (${first.reason})${more}; a hub tries again`);
  }
  return notes;
}

/**
 * @param state what the journal folds to, without its end
 * @param stats of the writer after its close: what it counted as lost and has not written so
 */
export function withLostEnd(state: RunState, end: RunEnd, stats: JournalStats, redactor: Redactor): RunState {
  let now = state;
  const nowMs = Date.now();
  const add = (event: Event, subject?: Subject): void => {
    // What is not in the journal has not been through the redactor either.
    const timeNs = BigInt(nowMs) * 1_000_000n;
    now = foldRun(now, { kind: 'event', seq: now.nextSeq, timeNs, subject, event: redactor.value(event).value });
  };
  for (const step of state.steps) {
    const known = end.steps.get(step.id);
    if (step.phase.kind === 'finished' || known === undefined) continue;
    const { outcome, attempts, costUsd, costUnknown, tolerated } = known;
    const durationMs = stepDurationMs(step, nowMs);
    add(
      { type: 'step.finished', outcome, attempts, durationMs, costUsd, costUnknown, ...stepOutputOf(known), tolerated },
      { step: step.id, attempt: attempts },
    );
  }
  const recorded = state.lost.disk;
  const lines = stats.lostLines - recorded.lines;
  const events = stats.lostEvents - recorded.events;
  add({
    type: 'journal.lost',
    reason: 'disk',
    lines,
    events,
    bytes: stats.lostBytes - recorded.bytes,
    reader: undefined,
  });
  const costUsd = sumUsd([...end.steps.values()].map((step) => step.costUsd));
  const costUnknown = [...end.steps.values()].some((step) => step.costUnknown);
  const durationMs = runDurationMs(now, nowMs);
  add({ type: 'run.finished', outcome: end.outcome, durationMs, pausedMs: 0, costUsd, costUnknown });
  return now;
}
