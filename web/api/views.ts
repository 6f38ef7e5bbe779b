// From what the API answers to what the charts and the output draw: milliseconds in place of texts, undefined in place of null. Pure.
import type { LineAnswer, TimelineAnswer } from '../../src/api/schema/answers.ts';
import type { Span } from '../model/timeline.ts';
import type { OutputLine } from '../output/line.ts';

/** What Claude Code puts before the name of each of its spans; the row says it once. */
const claudePrefix = /^claude_code\./;

export function spansOf(answer: TimelineAnswer): readonly Span[] {
  return answer.spans.map((span) => ({
    kind: span.kind,
    name: span.kind === 'claude' ? span.name.replace(claudePrefix, '') : span.name,
    step: span.step ?? undefined,
    attempt: span.attempt ?? undefined,
    startMs: msOfNsText(span.startNs),
    endMs: span.endNs === null ? undefined : msOfNsText(span.endNs),
    result: span.outcome ?? undefined,
  }));
}

export function lineOf(line: LineAnswer): OutputLine {
  return {
    seq: line.seq,
    timeMs: msOfNsText(line.ns),
    step: line.step ?? undefined,
    attempt: line.attempt ?? undefined,
    stream: line.stream,
    severity: line.severity,
    text: line.text,
    ...(line.continues && { continues: true }),
    ...(line.unterminated && { unterminated: true }),
  };
}

/** With a fraction: a span of a model's tool may be shorter than a millisecond. */
export function msOfNsText(ns: string): number {
  return Number(BigInt(ns) / 1000n) / 1000;
}
