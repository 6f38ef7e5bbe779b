// What was shipped of a run is counted once, however often the hub restarts.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RunId } from '../../../src/core/ids.ts';
import { createMeasure, type Measure, type StoredMeasure } from '../../../src/readers/measure/index.ts';

const runIds = ['20261123-151402-abc123', '20261123-151403-abc123'] as unknown as readonly [RunId, RunId];
const [one] = runIds;
const newMeasure = (stored?: StoredMeasure) => createMeasure({ scope: 'hub', version: '1', sinceMs: 0, stored });
const totals = (sent: number, refused = 0) => ({ sent, bytes: sent * 100, refused, rejected: 0, retried: 0 });
const none = totals(0);
const kept = (measure: Measure): StoredMeasure => JSON.parse(JSON.stringify(measure.stored()));

function counted(measure: Measure, name: string, signal = 'logs'): number {
  const found = measure.stored().series.metrics[`stepspan_shipper_${name}_total`];
  return found?.series.find(({ labels }) => labels[0] === signal)?.value ?? 0;
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('shipped' as const), run: fc.nat(1), sent: fc.nat(5), refused: fc.nat(2) }),
  fc.record({ kind: fc.constant('read' as const), run: fc.nat(1) }),
  fc.constant({ kind: 'saved' as const }),
  fc.constant({ kind: 'stopped' as const }),
  fc.constant({ kind: 'killed' as const }),
);

test('each record counts once, in whichever order runs ship, hubs look, save, stop and are killed', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const now = [totals(0), totals(0)] as [ReturnType<typeof totals>, ReturnType<typeof totals>];
      let onDisk: StoredMeasure | undefined;
      let measure = newMeasure();
      const look = (run: number): void =>
        measure.takeShipped(runIds[run] as RunId, { logs: now[run], traces: none }, true);
      for (const each of steps) {
        switch (each.kind) {
          case 'shipped': {
            const before = now[each.run] ?? none;
            now[each.run] = totals(before.sent + each.sent, before.refused + each.refused);
            break;
          }
          case 'read':
            look(each.run);
            break;
          case 'saved':
            onDisk = kept(measure);
            break;
          case 'stopped':
            onDisk = kept(measure);
            measure = newMeasure(onDisk);
            break;
          case 'killed':
            measure = newMeasure(onDisk);
            break;
        }
      }
      for (const run of [0, 1]) look(run);
      expect(counted(measure, 'sent_records')).toBe(now[0].sent + now[1].sent);
      expect(counted(measure, 'sent_bytes')).toBe(now[0].bytes + now[1].bytes);
      expect(counted(measure, 'refused_records')).toBe(now[0].refused + now[1].refused);
      expect(counted(measure, 'sent_records', 'traces')).toBe(0);
    }),
  );
});

describe('a run that is older than its hub', () => {
  test('counts from where it is, and over a restart', () => {
    const measure = newMeasure();
    measure.takeShipped(one, { logs: totals(7), traces: none }, false);
    expect(counted(measure, 'sent_records')).toBe(0);
    const next = newMeasure(kept(measure));
    next.takeShipped(one, { logs: totals(9, 1), traces: totals(2) }, false);
    expect(counted(next, 'sent_records')).toBe(2);
    expect(counted(next, 'refused_records')).toBe(1);
    expect(counted(next, 'sent_records', 'traces')).toBe(2);
  });

  test('of which nothing was shipped yet counts all that is shipped later', () => {
    const measure = newMeasure();
    measure.takeShipped(one, { logs: none, traces: none }, false);
    const next = newMeasure(kept(measure));
    next.takeShipped(one, { logs: totals(3), traces: none }, false);
    expect(counted(next, 'sent_records')).toBe(3);
  });

  test('is not known by one of its signals alone', () => {
    const measure = newMeasure();
    measure.takeShipped(one, { logs: totals(7), traces: undefined }, false);
    measure.takeShipped(one, { logs: totals(8), traces: totals(5) }, false);
    expect(counted(measure, 'sent_records', 'traces')).toBe(0);
    measure.takeShipped(one, { logs: undefined, traces: totals(6) }, false);
    expect(counted(measure, 'sent_records', 'traces')).toBe(1);
    expect(counted(measure, 'sent_records')).toBe(0);
  });
});

test('totals that went down count from there, and take nothing away', () => {
  const measure = newMeasure();
  measure.takeShipped(one, { logs: totals(7), traces: none }, true);
  measure.takeShipped(one, { logs: totals(4), traces: none }, true);
  expect(counted(measure, 'sent_records')).toBe(7);
  measure.takeShipped(one, { logs: totals(6), traces: none }, true);
  expect(counted(measure, 'sent_records')).toBe(9);
});

test('a look that finds nothing new changes nothing that would have to be saved, and removed runs are forgotten', () => {
  const measure = newMeasure();
  measure.takeShipped(one, { logs: none, traces: none }, true);
  expect(measure.stored().shipped).toEqual([]);
  measure.takeShipped(one, { logs: totals(7), traces: none }, true);
  const version = measure.version();
  measure.takeShipped(one, { logs: totals(7), traces: none }, true);
  expect(measure.version()).toBe(version);
  measure.keepOnly(new Set());
  expect(measure.stored().shipped).toEqual([]);
  expect(measure.version()).toBeGreaterThan(version);
});
