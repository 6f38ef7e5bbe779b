// The spans of a run as the page holds them: milliseconds in place of texts, and kept up to date by what has changed. Pure.
import type { TimelineAnswer } from '../../src/api/schema/answers.ts';
import { msOfNsText } from '../api/views.ts';

type SpanAnswer = TimelineAnswer['spans'][number];

export type Span = Pick<SpanAnswer, 'id' | 'kind' | 'name' | 'detail' | 'usage' | 'count' | 'startNs'> & {
  readonly parentId: string | undefined;
  readonly step: string | undefined;
  readonly attempt: number | undefined;
  /** Unix milliseconds, with a fraction: a tool may take less than one. */
  readonly startMs: number;
  /** Undefined until it ends. */
  readonly endMs: number | undefined;
  readonly result: string | undefined;
  /** The record with which it began; undefined if only the telemetry has it. */
  readonly seq: number | undefined;
};

export type Spans = { readonly byId: ReadonlyMap<string, Span>; readonly nextSeq: number };

export const noSpans: Spans = { byId: new Map(), nextSeq: 0 };

export function withChanges({ byId }: Spans, answer: TimelineAnswer): Spans {
  const next = new Map(byId);
  for (const id of answer.removed) next.delete(id);
  for (const span of answer.spans) next.set(span.id, spanOf(span));
  return { byId: next, nextSeq: answer.nextSeq };
}

function spanOf({ parentId, step, attempt, endNs, outcome, seq, spanId: _, ...span }: SpanAnswer): Span {
  return {
    ...span,
    parentId: parentId ?? undefined,
    step: step ?? undefined,
    attempt: attempt ?? undefined,
    startMs: msOfNsText(span.startNs),
    endMs: endNs === null ? undefined : msOfNsText(endNs),
    result: outcome ?? undefined,
    seq: seq ?? undefined,
  };
}
