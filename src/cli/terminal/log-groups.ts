// The groups in the log of a CI job: output between two changes of state is in one, named after the steps that run. Used by
// plain-view.ts.
import type { EventRecord, JournalRecord } from '../../core/record.ts';
import { msOfNs } from '../../core/time.ts';
import type { CiLog } from './ci-log.ts';
import { safe } from './step-text.ts';

export type LogGroups = {
  /** The lines to print before those of a record that is shown: of the group that ends, and of the one that begins. */
  readonly before: (record: JournalRecord) => readonly string[];
  /** Takes an event whether it is shown or not. */
  readonly follow: (record: EventRecord) => void;
  readonly end: (nowMs: number) => readonly string[];
};

export function createLogGroups(ci: CiLog): LogGroups {
  const running = new Set<string>();
  let isOpen = false;

  const close = (endedMs: number): readonly string[] => {
    const marker = isOpen ? ci.close(endedMs) : undefined;
    isOpen = false;
    return marker === undefined ? [] : [marker];
  };

  return {
    before(record) {
      const timeMs = msOfNs(record.timeNs);
      const step = record.subject?.step;
      // What stepspan says of the run belongs to no step.
      if (record.kind === 'event' || step === undefined) return close(timeMs);
      if (isOpen) return [];
      isOpen = true;
      return [ci.open(titleOf(running.size === 0 ? [step] : [...running]), timeMs)];
    },
    follow({ event, subject }) {
      if (subject === undefined) return;
      if (event.type === 'step.started') running.add(subject.step);
      if (event.type === 'step.finished') running.delete(subject.step);
    },
    end: close,
  };
}

/** More names are counted. */
const namedSteps = 4;

function titleOf(steps: readonly string[]): string {
  const names = steps.slice(0, namedSteps).map((step) => safe(step));
  return steps.length > namedSteps ? `${names.join(', ')} and ${steps.length - namedSteps} more` : names.join(', ');
}
