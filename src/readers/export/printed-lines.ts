// The lines of a record as the formats with one row per line show them: number, time, severity and text. Called by the formats for
// ndjson and CSV. Of a record of plain text, as nearly all are, a line is a range of its bytes; of any other it is text.
import { isUtf8 } from 'node:buffer';
import { linesOf, type OutputRecord, type Severity } from '../../core/record.ts';
import { isoOfNs } from '../../core/time.ts';
import { mayBeRedrawn, seenLine } from '../../text/seen.ts';
import { severityOfLine, severityOfStream, severityWithin } from '../../text/severity.ts';

export type PrintedLine = {
  readonly seq: number;
  readonly time: string;
  readonly severity: Severity;
  readonly text: string;
  /** The bytes of a line that is not UTF-8. */
  readonly base64: string | undefined;
  readonly continues: boolean;
  readonly unterminated: boolean;
};

export function bySeverity<T>(make: (severity: Severity) => T): Readonly<Record<Severity, T>> {
  return { debug: make('debug'), info: make('info'), warning: make('warning'), error: make('error') };
}

/** Whether the bytes of the record are UTF-8, and what was seen of each line is the line. */
export function isPlainText(record: OutputRecord): boolean {
  return isUtf8(record.bytes) && !mayBeRedrawn(record.bytes);
}

/** Goes through the lines of a record of plain text. One object for all of them, as there are millions. */
export class PlainLines {
  severity: Severity;
  /** Where the line is in the bytes of the record, without its line end. */
  start = 0;
  end = -1;
  continues = false;
  unterminated = false;
  readonly #record: OutputRecord;
  /** One character a byte, so that a place in the text is a place in the bytes. */
  readonly #text: string;
  readonly #isDetected: boolean;
  readonly #byStream: Severity;
  #index = -1;

  constructor(record: OutputRecord) {
    this.#record = record;
    this.#text = record.bytes.toString('latin1');
    this.#byStream = record.severity ?? severityOfStream[record.stream];
    this.#isDetected = record.severity === undefined && record.stream !== 'debug';
    this.severity = this.#byStream;
  }

  /** Goes to the next line. @returns false behind the last */
  next(): boolean {
    const { lineCount, continues, unterminated } = this.#record;
    this.#index += 1;
    if (this.#index >= lineCount) return false;
    this.start = this.end + 1;
    const newline = this.#text.indexOf('\n', this.start);
    this.end = newline === -1 ? this.#text.length : newline;
    if (this.#isDetected) this.severity = severityWithin(this.#text, this.start, this.end, this.#byStream);
    this.continues = continues && this.#index === 0;
    this.unterminated = unterminated && this.#index === lineCount - 1;
    return true;
  }

  get seq(): number {
    return this.#record.seq + this.#index;
  }

  get time(): string {
    return isoOfNs(this.#record.timeNs + BigInt(this.#index));
  }

  /** The text of the line. */
  text(): string {
    return this.#record.bytes.toString('utf8', this.start, this.end);
  }

  /** Finds a character of ASCII in one line after the other: `isIn` is asked for each line in order. */
  finderOf(character: string): { readonly isIn: () => boolean } {
    const text = this.#text;
    let at = text.indexOf(character);
    return {
      isIn: () => {
        if (at !== -1 && at < this.start) at = text.indexOf(character, this.start);
        return at !== -1 && at < this.end;
      },
    };
  }

  isAtStart(pattern: string): boolean {
    return this.start < this.end && pattern.includes(this.#text.charAt(this.start));
  }
}

/** @param ansi whether `text` is as it was printed, and not as it was seen at its end */
export function* printedLines(record: OutputRecord, ansi: boolean): Generator<PrintedLine> {
  for (const { seq, timeNs, bytes, continues, unterminated } of linesOf(record)) {
    const text = bytes.toString('utf8');
    yield {
      seq,
      time: isoOfNs(timeNs),
      severity: record.severity ?? severityOfLine(record.stream, bytes),
      text: ansi ? text : seenLine(text),
      base64: isUtf8(bytes) ? undefined : bytes.toString('base64'),
      continues,
      unterminated,
    };
  }
}
