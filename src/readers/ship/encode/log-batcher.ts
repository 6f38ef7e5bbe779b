// Batches of log records: the lines of a part of the journal, and the events in it. Each go out in a request of their own, lines
// first, so that who sees the end of a run has seen what it printed before. One batch, because both move one cursor.
import type { LogOrigin } from '../map/log-records.ts';
import type { RunContext } from '../map/run-context.ts';
import type { Encoding } from '../settings.ts';
import type { Batch, Batcher, BatchLimits, LogContent } from './batch.ts';
import { createJsonLineBatcher } from './json-line-batcher.ts';
import { createProtobufLineBatcher } from './protobuf-line-batcher.ts';
import { createEventBatcher } from './readable-batcher.ts';

const lineBatchers = { json: createJsonLineBatcher, protobuf: createProtobufLineBatcher };

export function createLogBatcher(
  encoding: Encoding,
  context: RunContext,
  origin: LogOrigin,
  limits: BatchLimits,
): Batcher<LogContent> {
  const lines = lineBatchers[encoding](context, origin, limits);
  const events = createEventBatcher(context, origin, limits);
  return {
    *push(record) {
      if (record.kind === 'output') for (const full of lines.push(record)) yield* joined(full, events.take());
      else for (const full of events.push(record)) yield* joined(lines.take(), full);
    },
    take: () => joined(lines.take(), events.take())[0],
    pending: () => lines.pending() + events.pending(),
  };
}

/** One batch of both; none of nothing. */
function joined(
  lines: Batch<LogContent> | undefined,
  events: Batch<LogContent> | undefined,
): readonly Batch<LogContent>[] {
  if (lines === undefined || events === undefined) return [lines ?? events].filter((batch) => batch !== undefined);
  const [, last] = lines.lastNs < events.lastNs ? [lines, events] : [events, lines];
  return [
    {
      parts: [...lines.parts, ...events.parts],
      count: lines.count + events.count,
      // A part of a line has an older number than the events before it.
      nextSeq: Math.max(lines.nextSeq, events.nextSeq),
      lastNs: last.lastNs,
    },
  ];
}
