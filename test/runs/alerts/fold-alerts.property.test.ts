// What holds for every journal: where reading began and when somebody looked at the clock changes no alert, and none is
// left without an end.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JournalRecord } from '../../../src/core/record.ts';
import { dueOf, leaseMs, resendMs, taken } from '../../../src/readers/notify/deliver/schedule.ts';
import type { Alert } from '../../../src/runs/alerts/alert.ts';
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
  test('are the same whoever goes on from whatever was saved, also where records come twice', () => {
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

describe('the delivery of an alert', () => {
  const anyAlert = fc.record({
    startsMs: fc.constant(0),
    lastsMs: fc.option(fc.nat(20 * resendMs), { nil: undefined }),
    keepMs: fc.constantFrom(0, 2 * resendMs, 100 * resendMs),
    outages: fc.array(fc.boolean(), { minLength: 50, maxLength: 50 }),
  });
  const alertOf = (endedMs: number | undefined, keepMs: number): Alert => ({
    rule: 'StepspanRunStuck',
    step: 'one',
    startsMs: 0,
    endedMs,
    keepMs,
    summary: '',
    description: '',
    seq: 0,
  });

  test('comes to an end that Alertmanager has been told, and never lapses while it goes on and the way is open', () => {
    fc.assert(
      fc.property(anyAlert, ({ lastsMs, keepMs, outages }) => {
        let known: ReturnType<typeof taken> | undefined;
        /** What Alertmanager makes of it: an end to come never replaces a later one, an end that has come does. */
        let endAtReceiver = 0;
        let nowMs = 0;
        for (let step = 0; step < 400; step++) {
          const endedMs = lastsMs !== undefined && nowMs >= lastsMs ? lastsMs : undefined;
          const alert = alertOf(endedMs, keepMs);
          const due = dueOf(alert, known, 'text', 'alertmanager', nowMs);
          const isUp = outages[step] ?? true;
          if (due !== undefined && due.atMs <= nowMs && isUp) {
            endAtReceiver = due.endsMs <= nowMs ? due.endsMs : Math.max(endAtReceiver, due.endsMs);
            known = taken(alert, known, due, { text: 'text', severity: 'info', kind: 'alertmanager', nowMs });
          }
          if (endedMs === undefined && isUp) expect(known?.sentEndMs).toBeGreaterThan(nowMs);
          nowMs += resendMs;
        }
        const last = dueOf(alertOf(lastsMs, keepMs), known, 'text', 'alertmanager', nowMs);
        if (lastsMs === undefined) expect(last?.endsMs).toBe(nowMs + leaseMs);
        else {
          expect(last).toBeUndefined();
          // Either nobody was told before it was over and it left nothing, or the end is known and final.
          expect(known === undefined ? keepMs : known.isEndSent).toBe(known === undefined ? 0 : true);
          expect(endAtReceiver).toBe(known === undefined ? 0 : known.sentEndMs);
        }
      }),
    );
  });

  test('tells a webhook twice: when it begins and when it ends', () => {
    fc.assert(
      fc.property(anyAlert, ({ lastsMs, keepMs, outages }) => {
        let known: ReturnType<typeof taken> | undefined;
        const told: boolean[] = [];
        for (let step = 0; step < 400; step++) {
          const nowMs = step * resendMs;
          const endedMs = lastsMs !== undefined && nowMs >= lastsMs ? lastsMs : undefined;
          const alert = alertOf(endedMs, keepMs);
          const due = dueOf(alert, known, 'text', 'webhook', nowMs);
          if (due === undefined || due.atMs > nowMs || outages[step] === false) continue;
          told.push(due.isEnd && due.endsMs <= nowMs);
          known = taken(alert, known, due, { text: 'text', severity: 'info', kind: 'webhook', nowMs });
        }
        const expected = known === undefined ? [] : lastsMs === undefined ? [false] : [false, true];
        expect(told).toEqual(expected);
      }),
    );
  });
});
