// Whatever the server and the process do: every line arrives, in order, and the cursor is never ahead of an answer.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RunId } from '../../../src/core/ids.ts';
import type { JournalRecord } from '../../../src/core/record.ts';
import type { Counters } from '../../../src/journal/index.ts';
import type { Answer } from '../../../src/readers/ship/deliver/answer.ts';
import { defaultPace } from '../../../src/readers/ship/deliver/pace.ts';
import { startPipeline } from '../../../src/readers/ship/deliver/pipeline.ts';
import { createWholeLines } from '../../../src/readers/ship/deliver/whole-lines.ts';
import { createProtobufLogBatcher } from '../../../src/readers/ship/encode/protobuf-log-batcher.ts';
import type { Resource } from '../../../src/readers/ship/map/otlp-types.ts';
import { bareContext } from '../../../src/readers/ship/map/run-context.ts';
import { decodeLogs, isEvent } from './support/protobuf.ts';
import { recorder, runFinished, runStarted } from './support/runs.ts';

type Fault = 'none' | 'busy' | 'unreachable' | 'answer lost' | 'misconfigured' | 'crash before' | 'crash after';

const faults = fc.array(
  fc.constantFrom<Fault>('none', 'busy', 'unreachable', 'answer lost', 'misconfigured', 'crash before', 'crash after'),
  { maxLength: 30 },
);
const runId = '20261123-100000-abcdef' as RunId;
const origin = { resource: { attributes: {} } as unknown as Resource, scope: { name: 'stepspan' } };

/** A journal in memory: records of a few lines each, cut where a reader starts inside one. */
function journalOf(sizes: readonly number[], poisonEvery: number): JournalRecord[] {
  const { event, output } = recorder();
  let line = 0;
  const text = (): string => `${line++ % poisonEvery === poisonEvery - 1 ? 'POISON' : 'line'} ${line}\n`;
  return [
    event(runStarted(runId)),
    ...sizes.map((size) => output(Array.from({ length: size }, text).join(''))),
    event(runFinished),
  ];
}

function readerOf(records: readonly JournalRecord[]) {
  return {
    async head() {
      return { firstSeq: 0, nextSeq: records.at(-1)!.seq + 1, finished: true };
    },
    async *read({ from }: { readonly from: number }) {
      for (const record of records) {
        if (record.kind === 'event') {
          if (record.seq >= from) yield [record];
          continue;
        }
        const skip = Math.max(from - record.seq, 0);
        if (skip >= record.lineCount) continue;
        let offset = 0;
        for (let index = 0; index < skip; index++) offset = record.bytes.indexOf(10, offset) + 1;
        yield [
          {
            ...record,
            seq: record.seq + skip,
            timeNs: record.timeNs + BigInt(skip),
            lineCount: record.lineCount - skip,
            bytes: record.bytes.subarray(offset),
          },
        ];
      }
    },
  };
}

const run = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 12 }),
  poisonEvery: fc.integer({ min: 2, max: 50 }),
  items: fc.integer({ min: 1, max: 7 }),
  faults,
});

test('every line is delivered at least once, in order and counted once, and the cursor never passes what was answered', async () => {
  await fc.assert(
    fc.asyncProperty(run, async ({ sizes, poisonEvery, items, faults: script }) => {
      const records = journalOf(sizes, poisonEvery);
      const arrived: number[] = [];
      const settled = new Set<number>();
      const refused = new Set<number>();
      const waiting = [...script];
      let position = 0;
      let counters: Counters = {};
      let crash = async (): Promise<void> => {};

      const send = async (body: Uint8Array): Promise<{ answer: Answer; bytes: number }> => {
        // Events go out between the lines; the lines are what is counted here.
        const logs = decodeLogs(Buffer.from(body)).filter((log) => !isEvent(log));
        const seqs = logs.map(({ attributes }) => Number(attributes['stepspan.seq']));
        const taken = (): void => {
          arrived.push(...seqs);
        };
        const gone: Answer = { kind: 'unreachable', message: 'gone', hasConnected: true };
        const answered = (answer: Answer) => ({ answer, bytes: body.length });
        const fault = waiting.shift() ?? 'none';
        if (fault === 'busy') return answered({ kind: 'busy', status: 503, retryAfterMs: undefined, message: '' });
        if (fault === 'unreachable') return answered(gone);
        if (fault === 'misconfigured') return answered({ kind: 'misconfigured', status: 404, message: '' });
        if (fault === 'crash before') {
          void crash();
          return answered(gone);
        }
        if (logs.some(({ body: text }) => String(text).includes('POISON'))) {
          return answered({ kind: 'refused', status: 400, message: '' });
        }
        taken();
        if (fault === 'answer lost') return answered(gone);
        if (fault === 'crash after') {
          void crash();
          return answered(gone);
        }
        for (const seq of seqs) settled.add(seq);
        return answered({ kind: 'accepted', rejected: 0, message: '' });
      };

      // Each turn of the loop is a new process on the same journal and the same cursor.
      for (let finished = false; !finished; ) {
        const cursor = {
          get position() {
            return position;
          },
          get counters() {
            return counters;
          },
          open: [],
          async save(seq: number, now: Counters = counters) {
            for (let below = 1; below < seq; below++) {
              const isLine = below < records.at(-1)!.seq;
              if (isLine) expect(settled.has(below) || refused.has(below)).toBe(true);
            }
            expect(seq).toBeGreaterThanOrEqual(position);
            position = seq;
            for (const name in now) expect(now[name]).toBeGreaterThanOrEqual(counters[name] ?? 0);
            counters = now;
          },
        };
        const pipeline = startPipeline({
          signal: 'logs',
          reader: readerOf(records) as never,
          lines: createWholeLines(cursor),
          cursor,
          batcher: createProtobufLogBatcher(bareContext(runId), origin, { items, bytes: 4e4 }),
          transport: { send, close() {} },
          refused: {
            keep({ seq }) {
              refused.add(seq);
              return true;
            },
          },
          pace: { ...defaultPace, firstMs: 0, maxMs: 0, misconfiguredMs: 0 },
          lingerMs: 0,
          random: () => 0,
          headProblems: [],
          onChange() {},
        });
        crash = pipeline.stop;
        await pipeline.done;
        const { state } = pipeline.status();
        if (state.kind === 'failed') throw new Error(state.why);
        finished = state.kind === 'finished';
      }

      const all = Array.from({ length: records.at(-1)!.seq - 1 }, (_, index) => index + 1);
      const first = [...new Set(arrived)];
      expect(first).toEqual([...first].sort((a, b) => a - b));
      expect(new Set([...first, ...refused])).toEqual(new Set(all));
      expect(position).toBe(records.at(-1)!.seq + 1);
      const poison = all.filter((seq) => (seq - 1) % poisonEvery === poisonEvery - 1);
      expect([...refused].sort((a, b) => a - b)).toEqual(poison);
      // Two events go out besides the lines. However often one was sent, it is counted once.
      expect(counters).toMatchObject({ sent: all.length + 2 - poison.length, refused: poison.length, rejected: 0 });
    }),
    { numRuns: 300 },
  );
});
