// From records to the messages that tell them. Pure. One event is one message at most, neighbouring lines of one stream are one:
// so `seq` of a message says where to go on, and nothing has to be remembered between two records.
import type { Event } from '../../core/event.ts';
import { parentSpanId, type RunId, spanIdOf } from '../../core/ids.ts';
import { type EventRecord, type JournalRecord, linesOf, type OutputRecord } from '../../core/record.ts';
import { isoOfNs } from '../../core/time.ts';
import { unreachable } from '../../core/unreachable.ts';
import { describeEvent } from '../../runs/describe-event.ts';
import { severityOfLine } from '../../text/severity.ts';
import type { Severity } from '../../text/stream.ts';
import type { AlertKind, JournalData, JournalMessage, TailLine, TailSpan } from '../schema/messages.ts';
import { limits } from './protocol.ts';
import { spansOfTelemetry } from './telemetry-spans.ts';

type Data = { readonly [T in keyof JournalData]: readonly [T, JournalData[T]] }[keyof JournalData];
type Said = { readonly step: string | null; readonly attempt: number | null };

/** The messages that tell `records`, in order. Records in which there is nothing for a watcher give none. */
export function* messagesOf(runId: RunId, records: readonly JournalRecord[]): Generator<JournalMessage> {
  let open: OpenLines | undefined;
  for (const record of records) {
    if (record.kind === 'event') {
      if (open !== undefined) yield outputMessage(runId, open);
      open = undefined;
      const data = dataOf(runId, record);
      if (data !== undefined) yield message(runId, data, record.seq, record.timeNs);
    } else if (record.stream === 'system') {
      if (open !== undefined) yield outputMessage(runId, open);
      open = undefined;
      yield* systemLines(runId, record);
    } else {
      for (const line of linesOf(record)) {
        const goesOn = open !== undefined && isOfSame(open.record, record) && fits(open, line.bytes.length);
        if (open !== undefined && !goesOn) yield outputMessage(runId, open);
        if (open === undefined || !goesOn) open = { record, lines: [], bytes: 0, lastNs: line.timeNs };
        open.bytes += line.bytes.length;
        open.lastNs = line.timeNs;
        open.lines.push({
          seq: line.seq,
          ns: line.timeNs.toString(),
          severity: record.severity ?? severityOfLine(record.stream, line.bytes),
          text: line.bytes.toString('utf8'),
          ...(line.continues && { continues: true as const }),
          ...(line.unterminated && { unterminated: true as const }),
        });
      }
    }
  }
  if (open !== undefined) yield outputMessage(runId, open);
}

/** Numbers that the journal does not have (any more). */
export function gapMessage(runId: RunId, gap: JournalData['gap'], nowNs: bigint): JournalMessage {
  return message(runId, ['gap', gap], gap.toSeq - 1, nowNs);
}

type OpenLines = { readonly record: OutputRecord; readonly lines: TailLine[]; bytes: number; lastNs: bigint };

function isOfSame(a: OutputRecord, b: OutputRecord): boolean {
  return a.stream === b.stream && a.subject?.step === b.subject?.step && a.subject?.attempt === b.subject?.attempt;
}

function fits(open: OpenLines, bytes: number): boolean {
  return open.lines.length < limits.maxLines && open.bytes + bytes <= limits.maxLineBytes;
}

function outputMessage(runId: RunId, { record, lines, lastNs }: OpenLines): JournalMessage {
  const data = { ...placeOf(record), stream: record.stream, lines };
  return message(runId, ['output_stream', data], lines.at(-1)?.seq ?? record.seq, lastNs);
}

function* systemLines(runId: RunId, record: OutputRecord): Generator<JournalMessage> {
  for (const line of linesOf(record)) {
    const severity = record.severity ?? severityOfLine('system', line.bytes);
    const text = line.bytes.toString('utf8');
    const data = { ...placeOf(record), source: 'system', severity, message: text, ns: line.timeNs.toString() } as const;
    yield message(runId, ['log_entry', data], line.seq, line.timeNs);
  }
}

function message(runId: RunId, [type, data]: Data, seq: number, timeNs: bigint): JournalMessage {
  return { type, executionId: runId, seq, timestamp: isoOfNs(timeNs), data } as JournalMessage;
}

function placeOf(record: JournalRecord): Said {
  return { step: record.subject?.step ?? null, attempt: record.subject?.attempt ?? null };
}

function dataOf(runId: RunId, record: EventRecord): Data | undefined {
  const { event } = record;
  const place = placeOf(record);
  switch (event.type) {
    case 'run.started': {
      const { type, definition, writer, ...data } = event;
      return ['execution_started', data];
    }
    case 'run.paused':
      return ['execution_paused', without(event)];
    case 'run.resumed':
      return ['execution_resumed', without(event)];
    case 'run.finished':
      return [endOf(event.outcome.kind), without(event)];
    case 'step.started':
      return ['step_started', place];
    case 'step.retrying':
      return ['step_retrying', { ...place, ...without(event) }];
    case 'step.waiting':
      return ['step_waiting', { ...place, ...without(event) }];
    case 'step.finished': {
      // Up to a megabyte that no view shows; who wants it asks for it.
      const { outputJson, ...data } = without(event);
      return [stepEndOf(event.outcome.kind), { ...place, ...data }];
    }
    case 'attempt.started':
    case 'attempt.finished':
      return ['span', { ...place, spans: [attemptSpan(runId, record)] }];
    case 'resource.sampled':
      return ['resource_update', { ...place, ...without(event) }];
    case 'run.budget_warned':
    case 'run.budget_uncertain':
      return alert(place, 'budget', 'warning', event);
    case 'run.budget_exceeded':
      return alert(place, 'budget', 'error', event);
    case 'stall.detected':
      return alert(place, 'stall', event.action === 'none' ? 'warning' : 'error', event);
    case 'stall.cleared':
      return alert(place, 'stall_cleared', 'info', event);
    case 'process.orphaned':
      return alert(place, 'left_over', 'warning', event);
    case 'secret.redacted':
      return alert(place, 'hidden', 'warning', event);
    case 'journal.lost':
      return alert(place, 'lost', 'error', event);
    case 'journal.recovered':
      return alert(place, 'recovered', 'warning', event);
    case 'run.cancelling':
    case 'run.suspended':
    case 'step.expectation_unmet':
    case 'process.signalled': {
      const log = { source: 'event', severity: severityOf(event), message: describeEvent(event) } as const;
      return ['log_entry', { ...place, ...log, ns: record.timeNs.toString(), event }];
    }
    case 'claude.telemetry': {
      const spans = spansOfTelemetry(event);
      return spans.length === 0 ? undefined : ['span', { ...place, spans }];
    }
    case 'claude.prompted': {
      const cut = (text: string | undefined) => text?.slice(0, maxPromptCharacters);
      const { systemPrompt, appendSystemPrompt } = event;
      const texts = { systemPrompt: cut(systemPrompt), appendSystemPrompt: cut(appendSystemPrompt) };
      const text = event.text.slice(0, maxPromptCharacters);
      const isCut = event.isCut || text.length < event.text.length;
      return ['claude_event', { ...place, event: { ...event, ...texts, text, isCut } }];
    }
    case 'claude.session':
    case 'claude.folder_changed':
    case 'claude.message':
    case 'claude.streaming':
    case 'claude.thinking':
    case 'claude.tool_called':
    case 'claude.tool_returned':
    case 'claude.usage':
    case 'claude.retrying':
    case 'claude.rate_limited':
    case 'claude.permission_denied':
    case 'claude.notice':
    case 'claude.unknown':
    case 'claude.result':
    case 'claude.cost':
    case 'claude.nesting':
      return ['claude_event', { ...place, event }];
    default:
      return unreachable(event);
  }
}

/** Of a prompt that is sent to who watches; as of the texts of Claude's other events. */
const maxPromptCharacters = 16 * 1024;

function severityOf(event: Event): Severity {
  return event.type === 'step.expectation_unmet' ? 'error' : 'warning';
}

function without<E extends Event>(event: E): Omit<E, 'type'> {
  const { type, ...data } = event;
  return data;
}

function alert(place: Said, kind: AlertKind, severity: Severity, event: Event): Data {
  return ['alert_triggered', { ...place, kind, severity, message: describeEvent(event), event }];
}

type OutcomeKind = NonNullable<TailSpan['outcome']>;

function endOf(kind: OutcomeKind): 'execution_completed' | 'execution_cancelled' | 'execution_failed' {
  if (kind === 'success') return 'execution_completed';
  return kind === 'cancellation' ? 'execution_cancelled' : 'execution_failed';
}

function stepEndOf(kind: OutcomeKind): 'step_completed' | 'step_skipped' | 'step_failed' {
  if (kind === 'success') return 'step_completed';
  return kind === 'skip' ? 'step_skipped' : 'step_failed';
}

/** Of the first attempt the span is the step's own, as the traces that are shipped have it. */
function attemptSpan(runId: RunId, { event, subject, timeNs }: EventRecord): TailSpan {
  const step = subject?.step ?? '';
  const number = subject?.attempt ?? 1;
  const ended = event.type === 'attempt.finished' ? event : undefined;
  return {
    id: parentSpanId(runId, step, number),
    parentId: number <= 1 ? spanIdOf(runId, 'root') : spanIdOf(runId, 'step', step),
    kind: 'attempt',
    name: `${step} (attempt ${number})`,
    startNs: ended === undefined ? timeNs.toString() : null,
    endNs: ended === undefined ? null : timeNs.toString(),
    outcome: ended?.outcome.kind ?? null,
  };
}
