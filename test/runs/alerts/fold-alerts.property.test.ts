// What holds for every journal: where reading began and when somebody looked at the clock changes no alert, and none is
// left without an end.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JournalRecord } from '../../../src/core/record.ts';
import {
  type AlertEvaluation,
  emptyEvaluation,
  restoreEvaluation,
  storeEvaluation,
} from '../../../src/runs/alerts/evaluation.ts';
import { foldAlerts, tickAlerts } from '../../../src/runs/alerts/fold-alerts.ts';
import { type AlertSettings, readAlerts } from '../../../src/runs/alerts/index.ts';
import { msOfNs } from '../../../src/runs/index.ts';
import { anyJournal, journalOf, runFinished } from '../journal-of.ts';

/** Limits that hand-made journals of a minute reach. */
const tight: AlertSettings = (() => {
  const read = readAlerts(
    `rules:
  StepspanRunStuck: { after: 3s }
  StepspanStepSlow: { factor: 1.1, atLeast: 1s, minimumRuns: 1 }
  StepspanMemoryGrowing: { window: 10s, factor: 1.01, atLeast: 1B }
`,
    'alerts.yaml',
  );
  if (!read.ok) throw new Error(read.problems.join('\n'));
  return read.settings;
})();

const before: AlertEvaluation = {
  ...emptyEvaluation(),
  history: { build: { medianMs: 2000, runs: 3 }, constructor: { medianMs: 1, runs: 9 } },
};
const fold = (records: readonly JournalRecord[], from = before): AlertEvaluation =>
  records.reduce((state, record) => foldAlerts(state, record, tight), from);

describe('the alerts of a journal', () => {
  test('are the same from any saved evaluation on, also if records come twice', () => {
    fc.assert(
      fc.property(anyJournal, fc.nat(60), fc.nat(10), (records, at, again) => {
        const saved = JSON.parse(JSON.stringify(storeEvaluation(fold(records.slice(0, at)))));
        const restored = restoreEvaluation(saved);
        if (restored === undefined) throw new Error('what was saved cannot be restored');
        const went = fold(records.slice(Math.max(0, at - again)), restored);
        expect(went.alerts).toEqual(fold(records).alerts);
      }),
    );
  });

  test('are the same however often somebody looks at the clock', () => {
    fc.assert(
      fc.property(anyJournal, fc.array(fc.nat(1000), { minLength: 60, maxLength: 60 }), (records, looks) => {
        let state = before;
        for (const [index, record] of records.entries()) {
          // Any time from the record before to this one, which comes a second later.
          if (index > 0) state = tickAlerts(state, msOfNs(record.timeNs) - 1000 + (looks[index] ?? 0), tight);
          state = foldAlerts(state, record, tight);
        }
        const starts = ({ alerts }: AlertEvaluation) =>
          Object.fromEntries(
            Object.entries(alerts).map(([key, { startsMs, endedMs, keepMs }]) => [key, { startsMs, endedMs, keepMs }]),
          );
        expect(starts(state)).toEqual(starts(fold(records)));
      }),
      // What a pause or a suspension changes shows in one of some thousand journals.
      { numRuns: 1000 },
    );
  });

  test('all have an end once the run has one', () => {
    fc.assert(
      fc.property(anyJournal, (records) => {
        const [end] = journalOf().event(runFinished()).records;
        const last = records.at(-1);
        const seq = (last?.seq ?? 0) + 100;
        const state = fold([...records, { ...end!, seq, timeNs: (last?.timeNs ?? 0n) + 1_000_000_000n }]);
        for (const { startsMs, endedMs } of Object.values(state.alerts)) {
          expect(endedMs).toBeGreaterThanOrEqual(startsMs);
        }
      }),
    );
  });
});
