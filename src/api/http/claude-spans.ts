// The spans of Claude Code's own telemetry over a run, kept for its timeline: each once, in the order in which they came. Pure.
import { parentSpanId, type RunId } from '../../core/ids.ts';
import type { JournalRecord } from '../../core/record.ts';
import type { TailSpan } from '../schema/messages.ts';
import { spansOfTelemetry } from '../tail/telemetry-spans.ts';

export type ClaudeSpan = TailSpan & {
  readonly startNs: string;
  readonly step: string;
  readonly attempt: number;
  /** Of Claude's spans; undefined for one that hangs below the attempt itself, or whose parent has not come. */
  readonly parent: string | undefined;
};

export type ClaudeSpans = {
  readonly add: (record: JournalRecord) => void;
  readonly list: () => readonly ClaudeSpan[];
  /** Spans that were left out because `maxClaudeSpans` was reached. */
  readonly dropped: () => number;
};

/** About 300 bytes a span: 6 MB, and as many as the timeline has of its own. */
export const maxClaudeSpans = 20_000;

export function createClaudeSpans(runId: RunId, limit = maxClaudeSpans): ClaudeSpans {
  const spans = new Map<string, Omit<ClaudeSpan, 'parent'>>();
  let dropped = 0;
  return {
    add(record) {
      if (record.kind !== 'event' || record.event.type !== 'claude.telemetry' || record.subject === undefined) return;
      const { step, attempt } = record.subject;
      for (const span of spansOfTelemetry(record.event)) {
        // Without a start it has no place in time.
        if (span.startNs === null) continue;
        if (spans.size >= limit && !spans.has(span.id)) dropped += 1;
        else spans.set(span.id, { ...span, startNs: span.startNs, step, attempt });
      }
    },
    list: () =>
      [...spans.values()].map((span) => {
        const isBelow =
          span.parentId !== parentSpanId(runId, span.step, span.attempt) && spans.has(span.parentId ?? '');
        return { ...span, parent: isBelow ? (span.parentId ?? undefined) : undefined };
      }),
    dropped: () => dropped,
  };
}
