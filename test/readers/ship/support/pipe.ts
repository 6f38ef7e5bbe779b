// A pipeline of log records over a journal in memory, with a server and a process that fail by a script. Each crash is followed by
// a new pipeline on the cursor that was kept.
import type { RunId } from '../../../../src/core/ids.ts';
import { type JournalRecord, seqCount } from '../../../../src/core/record.ts';
import type { Counters } from '../../../../src/journal/index.ts';
import type { Answer } from '../../../../src/readers/ship/deliver/answer.ts';
import { defaultPace } from '../../../../src/readers/ship/deliver/pace.ts';
import { type Pipeline, startPipeline } from '../../../../src/readers/ship/deliver/pipeline.ts';
import { createWholeLines } from '../../../../src/readers/ship/deliver/whole-lines.ts';
import type { LogContent } from '../../../../src/readers/ship/encode/batch.ts';
import { createLogBatcher } from '../../../../src/readers/ship/encode/log-batcher.ts';
import type { Resource } from '../../../../src/readers/ship/map/otlp-types.ts';
import { bareContext } from '../../../../src/readers/ship/map/run-context.ts';
import { createSelector } from '../../../../src/runs/index.ts';
import { until } from '../../../support/until.ts';
import { protobufOf } from './contents.ts';
import { decodeLogs, isEvent } from './protobuf.ts';

type Log = ReturnType<typeof decodeLogs>[number];

const origin = { resource: { attributes: {} } as unknown as Resource, scope: { name: 'stepspan' } };

export function createPipe(options: {
  readonly runId: RunId;
  readonly records: readonly JournalRecord[];
  readonly faults: readonly string[];
  readonly items: number;
  /** The journal has not ended: its reader waits for more. */
  readonly isLive?: boolean;
}) {
  const { runId, records, items } = options;
  const waiting = [...options.faults];
  const arrived: Log[] = [];
  let kept: { position: number; counters: Counters; open: readonly number[] } = { position: 0, counters: {}, open: [] };
  let crash = async (): Promise<void> => {};

  const reader = memoryReader(records, options.isLive === true);

  const send = async (content: LogContent): Promise<{ answer: Answer; bytes: number }> => {
    const body = protobufOf(content);
    const answered = (answer: Answer) => ({ answer, bytes: body.length });
    const gone: Answer = { kind: 'unreachable', message: 'gone', hasConnected: true };
    const fault = waiting.shift() ?? 'none';
    if (fault.startsWith('crash')) void crash();
    if (fault === 'crash before') return answered(gone);
    arrived.push(...decodeLogs(body).filter((log) => !isEvent(log)));
    return answered(fault === 'none' ? { kind: 'accepted', rejected: 0, message: '' } : gone);
  };

  const start = (): Pipeline => {
    const cursor = {
      ...kept,
      async save(position: number, counters: Counters = kept.counters, open: readonly number[] = []) {
        kept = { position, counters, open };
      },
    };
    const pipeline = startPipeline({
      signal: 'logs',
      reader: reader as never,
      lines: createWholeLines(cursor),
      cursor,
      batcher: createLogBatcher('protobuf', bareContext(runId), origin, { items, bytes: 4e4 }),
      transport: { send, close() {} },
      refused: { keep: () => true },
      pace: { ...defaultPace, firstMs: 0, maxMs: 0, misconfiguredMs: 0 },
      lingerMs: 0,
      random: () => 0,
      headProblems: [],
      onChange() {},
    });
    crash = pipeline.stop;
    return pipeline;
  };

  return {
    arrived,
    position: () => kept.position,
    /** Until a pipeline has sent all. */
    async shipAll(): Promise<void> {
      for (;;) {
        const pipeline = start();
        await pipeline.done;
        const { state } = pipeline.status();
        if (state.kind === 'failed') throw new Error(state.why);
        if (state.kind === 'finished') return;
      }
    },
    async shipUntil(isEnough: (logs: readonly Log[]) => boolean): Promise<readonly Log[]> {
      const pipeline = start();
      await until(() => isEnough(arrived));
      await pipeline.stop();
      return arrived;
    },
  };
}

/** @param isLive the journal has not ended: reading waits for more */
function memoryReader(records: readonly JournalRecord[], isLive: boolean) {
  return {
    head: async () => ({ firstSeq: 0, nextSeq: endOf(records), finished: !isLive }),
    async *read({ from, signal }: { readonly from: number; readonly signal: AbortSignal }) {
      const { select } = createSelector({ events: true, from: { kind: 'seq', seq: from } });
      for (const record of records) {
        const wanted = select(record);
        if (wanted.length > 0) yield wanted;
      }
      if (isLive) await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  };
}

function endOf(records: readonly JournalRecord[]): number {
  const last = records.at(-1);
  return last === undefined ? 0 : last.seq + seqCount(last);
}
