// The lines of one run as Loki has them, as records of the journal again, so that every format can be made of them.
// What Loki does not have: events, escape sequences, and bytes that are not UTF-8 (docs/logs.md).
import type { JournalRecord, OutputRecord, Severity, Stream } from '../../../core/record.ts';
import { severities, streams } from '../../../text/stream.ts';
import type { RecordSource } from '../export-run.ts';
import type { LokiClient, LokiEntry } from './loki-client.ts';
import { readPages, type Span } from './loki-pages.ts';

export type LokiRun = {
  readonly runId: string;
  /** Selects the streams that stepspan ships to, as `{service_name="stepspan"}`. */
  readonly selector: string;
  /** When lines of the run may have been printed. */
  readonly span: Span;
  /** What Loki is to leave out itself; undefined for nothing. */
  readonly steps: readonly string[] | undefined;
  readonly streams: readonly Stream[] | undefined;
  readonly severities: readonly Severity[] | undefined;
};

/**
 * The source of an export. Text is not searched for by Loki: a long line is several entries there, and the text may lie
 * across two of them.
 */
export function createLokiSource(client: LokiClient, run: LokiRun): RecordSource {
  return {
    async *read({ from, signal }) {
      const join = createJoiner();
      for await (const entries of readPages(client, { query: queryOf(run, from), span: run.span, signal })) {
        const records = entries.flatMap((entry) => join.add(entry));
        if (records.length > 0) yield records;
      }
      const rest = join.end();
      if (rest.length > 0) yield rest;
    },
  };
}

/** As they are sent; a fatal line is an error everywhere else. */
const severityTexts = {
  debug: ['DEBUG'],
  info: ['INFO'],
  warning: ['WARN'],
  error: ['ERROR', 'FATAL'],
} as const satisfies Record<Severity, readonly string[]>;
const bySeverityText: Readonly<Record<string, Severity>> = Object.fromEntries(
  severities.flatMap((severity) => severityTexts[severity].map((text) => [text, severity])),
);

/** @param from the first sequence number that is wanted */
export function queryOf({ runId, selector, ...wanted }: LokiRun, from: number): string {
  const stages = [`cicd_pipeline_run_id=${quoted(runId)}`, from > 0 ? `stepspan_seq>=${from}` : 'stepspan_seq!=""'];
  const oneOf = (label: string, values: readonly string[] | undefined): void => {
    if (values !== undefined) stages.push(`(${values.map((value) => `${label}=${quoted(value)}`).join(' or ')})`);
  };
  oneOf('stepspan_step_id', wanted.steps);
  oneOf('log_iostream', wanted.streams);
  oneOf(
    'severity_text',
    wanted.severities?.flatMap((severity) => severityTexts[severity]),
  );
  return [selector, ...stages].join(' | ');
}

/** As a string of LogQL, which are those of Go: JSON's escapes are among them. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

type Joiner = {
  /** @returns the lines that are whole with this entry */
  readonly add: (entry: LokiEntry) => OutputRecord[];
  /** What was left incomplete, as by Loki's retention. */
  readonly end: () => OutputRecord[];
};

/** Entries come by time, and the parts of a long line have one time, in any order. */
function createJoiner(): Joiner {
  let seq = -1;
  let parts = new Map<number, LokiEntry>();

  const flush = (): OutputRecord[] => {
    const ordered = [...parts].sort(([a], [b]) => a - b).map(([, entry]) => entry);
    parts = new Map();
    const [first] = ordered;
    return first === undefined ? [] : [recordOf(first, ordered.map(({ line }) => line).join(''))];
  };
  return {
    add(entry) {
      const number = Number(entry.attributes.stepspan_seq);
      const before = number === seq ? [] : flush();
      seq = number;
      parts.set(Number(entry.attributes.stepspan_line_part ?? 1), entry);
      const whole = parts.size >= Number(entry.attributes.stepspan_line_parts ?? 1);
      return whole ? [...before, ...flush()] : before;
    },
    end: flush,
  };
}

function recordOf({ attributes, timeNs }: LokiEntry, text: string): OutputRecord {
  const step = attributes.stepspan_step_id;
  const stream = streams.find((name) => name === attributes.log_iostream) ?? 'stdout';
  const unterminated = attributes.stepspan_line_unterminated === 'true';
  return {
    kind: 'output',
    seq: Number(attributes.stepspan_seq),
    timeNs,
    subject: step === undefined ? undefined : { step, attempt: Number(attributes.stepspan_attempt ?? 1) },
    stream,
    severity: bySeverityText[attributes.severity_text ?? ''],
    lineCount: 1,
    bytes: Buffer.from(unterminated ? text : `${text}\n`),
    continues: attributes.stepspan_line_continues === 'true',
    unterminated,
  } satisfies JournalRecord;
}
