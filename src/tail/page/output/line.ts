// One line of output as the page holds it, and which lines a filter wants. Pure.
import type { Severity, Stream } from '../../../event/stream.ts';

export type OutputLine = {
  readonly seq: number;
  /** Unix milliseconds. */
  readonly timeMs: number;
  readonly step: string | undefined;
  readonly attempt: number | undefined;
  readonly stream: Stream;
  readonly severity: Severity;
  readonly text: string;
};

/** `undefined` wants all of them. */
export type OutputFilter = {
  readonly step: string | undefined;
  readonly stream: Stream | undefined;
  readonly severity: Severity | undefined;
};

/** Raw protocol is hidden until it is asked for: one line of Claude's stream-json can be a screen full of JSON. */
export const everything: OutputFilter = { step: undefined, stream: undefined, severity: undefined };

export function wants(filter: OutputFilter, line: OutputLine): boolean {
  return (
    (filter.step === undefined || line.step === filter.step) &&
    (filter.stream === undefined || line.stream === filter.stream) &&
    (filter.severity === undefined || line.severity === filter.severity)
  );
}

/** As the API takes it. */
export function filterQuery(filter: OutputFilter): string {
  const params = new URLSearchParams();
  if (filter.step !== undefined) params.set('step', filter.step);
  if (filter.stream !== undefined) params.set('stream', filter.stream);
  if (filter.severity !== undefined) params.set('severity', filter.severity);
  return params.toString();
}
