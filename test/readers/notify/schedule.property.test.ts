// What holds for the delivery of every alert, whatever outages come between.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dueOf, leaseMs, resendMs, taken } from '../../../src/readers/notify/deliver/schedule.ts';
import type { Alert } from '../../../src/runs/alerts/index.ts';

describe('the delivery of an alert', () => {
  const anyAlert = fc.record({
    startsMs: fc.constant(0),
    lastsMs: fc.option(fc.nat(20 * resendMs), { nil: undefined }),
    keepMs: fc.constantFrom(0, 2 * resendMs, 100 * resendMs),
    outages: fc.array(fc.boolean(), { minLength: 50, maxLength: 50 }),
  });
  const alertOf = (endedMs: number | undefined, keepMs: number): Alert => ({
    rule: 'StepspanRunStuck',
    severity: 'warning',
    step: 'one',
    startsMs: 0,
    endedMs,
    keepMs,
    summary: '',
    description: '',
    seq: 0,
  });

  test('ends at Alertmanager as well, and never lapses while it lasts and the receiver answers', () => {
    fc.assert(
      fc.property(anyAlert, ({ lastsMs, keepMs, outages }) => {
        let known: ReturnType<typeof taken> | undefined;
        /** What Alertmanager makes of it: an end to come never replaces a later one, an end that has come does. */
        let endAtReceiver = 0;
        let nowMs = 0;
        for (let step = 0; step < 400; step++) {
          const endedMs = lastsMs !== undefined && nowMs >= lastsMs ? lastsMs : undefined;
          const alert = alertOf(endedMs, keepMs);
          const due = dueOf(alert, known, { text: 'text', kind: 'alertmanager', nowMs });
          const isUp = outages[step] ?? true;
          if (due !== undefined && due.atMs <= nowMs && isUp) {
            endAtReceiver = due.endsMs <= nowMs ? due.endsMs : Math.max(endAtReceiver, due.endsMs);
            known = taken(alert, known, due, { text: 'text', kind: 'alertmanager', nowMs });
          }
          if (endedMs === undefined && isUp) expect(known?.sentEndMs).toBeGreaterThan(nowMs);
          nowMs += resendMs;
        }
        const last = dueOf(alertOf(lastsMs, keepMs), known, { text: 'text', kind: 'alertmanager', nowMs });
        if (lastsMs === undefined) expect(last?.endsMs).toBe(nowMs + leaseMs);
        else {
          expect(last).toBeUndefined();
          // Either nothing was sent before it was over and nothing remains, or the end is known and final.
          expect(known === undefined ? keepMs : known.isEndSent).toBe(known === undefined ? 0 : true);
          expect(endAtReceiver).toBe(known === undefined ? 0 : known.sentEndMs);
        }
      }),
    );
  });

  test('calls a webhook twice: when it starts and when it ends', () => {
    fc.assert(
      fc.property(anyAlert, ({ lastsMs, keepMs, outages }) => {
        let known: ReturnType<typeof taken> | undefined;
        const sent: boolean[] = [];
        for (let step = 0; step < 400; step++) {
          const nowMs = step * resendMs;
          const endedMs = lastsMs !== undefined && nowMs >= lastsMs ? lastsMs : undefined;
          const alert = alertOf(endedMs, keepMs);
          const due = dueOf(alert, known, { text: 'text', kind: 'webhook', nowMs });
          if (due === undefined || due.atMs > nowMs || outages[step] === false) continue;
          sent.push(due.isEnd && due.endsMs <= nowMs);
          known = taken(alert, known, due, { text: 'text', kind: 'webhook', nowMs });
        }
        const expected = known === undefined ? [] : lastsMs === undefined ? [false] : [false, true];
        expect(sent).toEqual(expected);
      }),
    );
  });
});
