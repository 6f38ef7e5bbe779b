// Batches of lines as OTLP/JSON, for `export` and for an endpoint that takes JSON. Most lines are filled into a template that the
// official serializer made once for their step, stream and severity, so a line costs its text and no object of the SDK.
import { isUtf8 } from 'node:buffer';
import { JsonLogsSerializer } from '@opentelemetry/otlp-transformer';
import { arrayAt, objectsAt, parseObject } from '../../../core/json.ts';
import type { OutputRecord } from '../../../core/record.ts';
import { levelWithin, severityOfStream } from '../../../text/severity.ts';
import type { Level } from '../../../text/stream.ts';
import { changesWhenSeen, maxBodyBytes } from '../map/line-text.ts';
import { type LogOrigin, logRecordsOf, shippedBytes, singleLines } from '../map/log-records.ts';
import type { ReadableLogRecord } from '../map/otlp-types.ts';
import type { RunContext } from '../map/run-context.ts';
import type { Batcher, BatchLimits, LogContent } from './batch.ts';
import { createReadableBatcher } from './readable-batcher.ts';

/** A log record as JSON, and the JSON of the ResourceLogs around it, before and behind its records. */
type JsonLog = { readonly around: Around; readonly text: string };
type Around = { readonly before: string; readonly behind: string };

type Item = { readonly seq: number; readonly item: JsonLog };

/** Takes records of output only. */
export function createJsonLineBatcher(
  context: RunContext,
  origin: LogOrigin,
  limits: BatchLimits,
): Batcher<LogContent> {
  const lines = createLineItems(context, origin);
  return createReadableBatcher<JsonLog, LogContent>({
    limits,
    contentOf: (logs) => ({ kind: 'lines', body: requestOf(logs) }),
    describe: requestOf,
    sizeOf: ({ text }) => text.length,
    *itemsOf(record) {
      if (record.kind === 'output') yield* lines(record);
    },
  });
}

function requestOf(logs: readonly JsonLog[]): Uint8Array {
  const groups = new Map<string, { readonly around: Around; readonly texts: string[] }>();
  let length = 0;
  for (const { around, text } of logs) {
    const group = groups.get(around.before);
    if (group === undefined) groups.set(around.before, { around, texts: [text] });
    else group.texts.push(text);
    length += text.length;
  }
  // Text by text into the bytes: a string of the whole would be megabytes of garbage for each request.
  let bytes: Buffer = Buffer.allocUnsafeSlow(length + length / 16 + 64 * 1024);
  let end = 0;
  const write = (text: string): void => {
    if (bytes.length - end < maxCharacterBytes * text.length)
      bytes = grown(bytes, end, maxCharacterBytes * text.length);
    end += bytes.write(text, end);
  };
  let separator = '{"resourceLogs":[';
  for (const { around, texts } of groups.values()) {
    write(`${separator}${around.before}`);
    texts.forEach((text, index) => {
      write(index === 0 ? text : `,${text}`);
    });
    write(around.behind);
    separator = ',';
  }
  write(groups.size === 0 ? `${separator}]}` : ']}');
  return bytes.subarray(0, end);
}

/** Of UTF-8, for a character of a string. */
const maxCharacterBytes = 3;

/** The first `used` bytes, with room for `more` at least. */
function grown(bytes: Buffer, used: number, more: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(bytes.length + Math.max(more, bytes.length / 2));
  bytes.copy(larger, 0, 0, used);
  return larger;
}

const emptyList = '"logRecords":[]';

/** One log record by the official serializer, apart from what is around it. */
function serialize(log: ReadableLogRecord): JsonLog {
  const request = parseObject(Buffer.from(JsonLogsSerializer.serializeRequest([log]) ?? '').toString()) ?? {};
  const [resourceLogs = {}] = objectsAt(request, 'resourceLogs');
  const [scopeLogs = {}] = objectsAt(resourceLogs, 'scopeLogs');
  const around = JSON.stringify({ ...resourceLogs, scopeLogs: [{ ...scopeLogs, logRecords: [] }] });
  const at = around.lastIndexOf(emptyList) + emptyList.length - 1;
  return {
    around: { before: around.slice(0, at), behind: around.slice(at) },
    text: JSON.stringify(arrayAt(scopeLogs, 'logRecords')[0]),
  };
}

function createLineItems(context: RunContext, origin: LogOrigin): (record: OutputRecord) => Generator<Item> {
  const templates = new Map<string, Template>();
  const templateFor = (record: OutputRecord, severity: Level): Template => {
    const key = `${severity}\0${record.stream}\0${record.subject?.attempt}\0${record.subject?.step}`;
    const template = templates.get(key) ?? makeTemplate(record, severity, context, origin);
    templates.set(key, template);
    return template;
  };
  /** By way of the SDK's objects: lines that are redrawn, not UTF-8, in parts, or a part of another. */
  function* anyLine(line: OutputRecord): Generator<Item> {
    for (const log of logRecordsOf(line, context, origin)) yield { seq: line.seq, item: serialize(log) };
  }
  return function* (record) {
    const bytes = shippedBytes(record);
    // One character a byte, so that a place in the text is a place in the bytes.
    const text = bytes.toString('latin1');
    const isPlain = isUtf8(bytes) && !changesWhenSeen(text);
    const isAscii = isPlain && Buffer.byteLength(text) === bytes.length;
    const byStream = record.severity ?? severityOfStream[record.stream];
    const isDetected = record.severity === undefined && record.stream !== 'debug';
    let start = 0;
    let last: { readonly severity: Level; readonly template: Template } = {
      severity: byStream,
      template: templateFor(record, byStream),
    };
    for (const line of singleLines(record)) {
      const newline = text.indexOf('\n', start);
      const end = newline === -1 ? text.length : newline;
      const isSimple =
        !line.continues &&
        !line.unterminated &&
        end - start <= maxBodyBytes &&
        (isPlain || (isUtf8(bytes.subarray(start, end)) && !changesWhenSeen(text.slice(start, end))));
      if (isSimple) {
        const severity = isDetected ? levelWithin(text, start, end, byStream) : byStream;
        const body = isAscii ? text.slice(start, end) : bytes.toString('utf8', start, end);
        if (severity !== last.severity) last = { severity, template: templateFor(record, severity) };
        yield { seq: line.seq, item: fill(last.template, line, body) };
      } else yield* anyLine(line);
      start = end + 1;
    }
  };
}

/** The JSON of a log record around its two times, its body and its number. */
type Template = { readonly around: Around; readonly pieces: readonly [string, string, string, string, string] };

/** A line that stands for all of its kind. None of its values is in what surrounds it. */
const standIn = { seq: 987_654_321_012_345, timeNs: 9_876_543_210_123_456_789n, text: 'stepspan: the text of a line' };

function makeTemplate(record: OutputRecord, level: Level, context: RunContext, origin: LogOrigin): Template {
  const { seq, timeNs, text } = standIn;
  const bytes = Buffer.from(`${text}\n`);
  const line = { ...record, seq, timeNs, bytes, lineCount: 1, continues: false, unterminated: false };
  const [log] = logRecordsOf(line, context, origin, level);
  if (log === undefined) throw new Error('A line became no log record.');
  const made = serialize(log);
  const [head = '', between = '', behindTimes = ''] = made.text.split(`"${timeNs}"`);
  const [beforeBody = '', behindBody = ''] = behindTimes.split(JSON.stringify(text));
  const [beforeSeq = '', behindSeq = ''] = behindBody.split(String(seq));
  return { around: made.around, pieces: [head, between, beforeBody, beforeSeq, behindSeq] };
}

function fill({ around, pieces }: Template, { seq, timeNs }: OutputRecord, body: string): JsonLog {
  const [head, between, beforeBody, beforeSeq, behindSeq] = pieces;
  const text = `${head}"${timeNs}"${between}"${timeNs}"${beforeBody}${JSON.stringify(body)}${beforeSeq}${seq}${behindSeq}`;
  return { around, text };
}
