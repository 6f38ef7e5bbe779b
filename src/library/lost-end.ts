// The end of a run whose journal could not take it, as on a full disk: made from what this process knows, so that whoever
// started the run is told how it ended and how much of its record is missing. Writes nothing.
import { sumUsd } from '../core/cost.ts';
import type { Event } from '../core/event.ts';
import type { Subject } from '../core/record.ts';
import { stepOutputOf } from '../core/step-output.ts';
import type { JournalStats } from '../journal/index.ts';
import type { Redactor, RunEnd } from '../run/index.ts';
import { foldRun, type RunState, runDurationMs, stepDurationMs } from '../runs/index.ts';

/** Nothing is lost by it while the machine runs, so it is no `journal.lost`; but a power cut may take more than was promised. */
export function unconfirmedBy({ syncErrors, lastError }: JournalStats): string {
  if (syncErrors === 0) return '';
  const times = syncErrors === 1 ? 'once' : `${syncErrors} times`;
  return `the disk has not confirmed ${times} that it keeps the journal (last error of the disk: ${lastError}): a power cut may take a part of it`;
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
  const told = state.lost.disk;
  const lines = stats.lostLines - told.lines;
  const events = stats.lostEvents - told.events;
  add({ type: 'journal.lost', reason: 'disk', lines, events, bytes: stats.lostBytes - told.bytes, reader: undefined });
  const costUsd = sumUsd([...end.steps.values()].map((step) => step.costUsd));
  const costUnknown = [...end.steps.values()].some((step) => step.costUnknown);
  const durationMs = runDurationMs(now, nowMs);
  add({ type: 'run.finished', outcome: end.outcome, durationMs, pausedMs: 0, costUsd, costUnknown });
  return now;
}
