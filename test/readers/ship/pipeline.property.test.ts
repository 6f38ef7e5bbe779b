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
import type { LogContent } from '../../../src/readers/ship/encode/batch.ts';
import { createLogBatcher } from '../../../src/readers/ship/encode/log-batcher.ts';
import type { Resource } from '../../../src/readers/ship/map/otlp-types.ts';
import { bareContext } from '../../../src/readers/ship/map/run-context.ts';
import { protobufOf } from './support/contents.ts';
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

/** A server that answers as a script says. `crash` is called for the faults that end the process of the shipper. */
function scriptedServer(script: readonly Fault[], crash: () => void) {
  const waiting = [...script];
  const arrived: number[] = [];
  const settled = new Set<number>();
  const answerTo = (body: Buffer): Answer => {
    // Events go out between the lines; the lines are what is counted here.
    const logs = decodeLogs(body).filter((log) => !isEvent(log));
    const seqs = logs.map(({ attributes }) => Number(attributes['stepspan.seq']));
    const gone: Answer = { kind: 'unreachable', message: 'gone', hasConnected: true };
    const fault = waiting.shift() ?? 'none';
    if (fault === 'busy') return { kind: 'busy', status: 503, retryAfterMs: undefined, message: '' };
    if (fault === 'unreachable') return gone;
    if (fault === 'misconfigured') return { kind: 'misconfigured', status: 404, message: '' };
    if (fault === 'crash before') {
      crash();
      return gone;
    }
    if (logs.some(({ body: text }) => String(text).includes('POISON')))
      return { kind: 'refused', status: 400, message: '' };
    arrived.push(...seqs);
    if (fault === 'answer lost') return gone;
    if (fault === 'crash after') {
      crash();
      return gone;
    }
    for (const seq of seqs) settled.add(seq);
    return { kind: 'accepted', rejected: 0, message: '' };
  };
  const send = async (content: LogContent) => {
    const body = protobufOf(content);
    return { answer: answerTo(body), bytes: body.length };
  };
  return { arrived, settled, send };
}

/** A cursor that outlives the processes, and fails the test if it is moved past a line that `isAnswered` is false for. */
function checkedCursor(lastSeq: number, isAnswered: (seq: number) => boolean) {
  let position = 0;
  let counters: Counters = {};
  return {
    get position() {
      return position;
    },
    get counters() {
      return counters;
    },
    open: [],
    async save(seq: number, now: Counters = counters) {
      for (let below = 1; below < Math.min(seq, lastSeq); below++) expect(isAnswered(below)).toBe(true);
      expect(seq).toBeGreaterThanOrEqual(position);
      position = seq;
      for (const name in now) expect(now[name]).toBeGreaterThanOrEqual(counters[name] ?? 0);
      counters = now;
    },
  };
}

test('every line is delivered at least once, in order and counted once, and the cursor never passes what was answered', async () => {
  await fc.assert(
    fc.asyncProperty(run, async ({ sizes, poisonEvery, items, faults: script }) => {
      const records = journalOf(sizes, poisonEvery);
      const lastSeq = records.at(-1)!.seq;
      const refused = new Set<number>();
      let crash = async (): Promise<void> => {};
      const { arrived, settled, send } = scriptedServer(script, () => void crash());
      const cursor = checkedCursor(lastSeq, (seq) => settled.has(seq) || refused.has(seq));

      // Each turn of the loop is a new process on the same journal and the same cursor.
      for (let finished = false; !finished; ) {
        const pipeline = startPipeline({
          signal: 'logs',
          reader: readerOf(records) as never,
          lines: createWholeLines(cursor),
          cursor,
          batcher: createLogBatcher('protobuf', bareContext(runId), origin, { items, bytes: 4e4 }),
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

      const all = Array.from({ length: lastSeq - 1 }, (_, index) => index + 1);
      const first = [...new Set(arrived)];
      expect(first).toEqual([...first].sort((a, b) => a - b));
      expect(new Set([...first, ...refused])).toEqual(new Set(all));
      expect(cursor.position).toBe(lastSeq + 1);
      const poison = all.filter((seq) => (seq - 1) % poisonEvery === poisonEvery - 1);
      expect([...refused].sort((a, b) => a - b)).toEqual(poison);
      // Two events go out besides the lines. However often one was sent, it is counted once.
      const counted = { sent: all.length + 2 - poison.length, refused: poison.length, rejected: 0 };
      expect(cursor.counters).toMatchObject(counted);
    }),
    { numRuns: 300 },
  );
});
