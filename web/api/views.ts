// From what the API answers to what the views draw: milliseconds in place of texts, undefined in place of null. Pure.
import type { LineAnswer } from '../../src/api/schema/answers.ts';
import type { OutputLine } from '../output/line.ts';

export function lineOf(line: LineAnswer): OutputLine {
  return {
    seq: line.seq,
    ...(line.number !== undefined && { number: line.number }),
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
