// From records to the messages that show them. Pure. One event is one message at most, neighbouring lines of one stream are one:
// so `seq` of a message says where to continue, and nothing has to be remembered between two records. Called by subscription.ts.
import type { Event, EventOf } from '../../core/event.ts';
import { parentSpanId, type RunId, spanIdOf } from '../../core/ids.ts';
import { type EventRecord, type JournalRecord, linesOf, type OutputRecord } from '../../core/record.ts';
import { isoOfNs } from '../../core/time.ts';
import { unreachable } from '../../core/unreachable.ts';
import { describeEvent } from '../../runs/describe-event.ts';
import type { ActiveAlert } from '../../runs/run-view.ts';
import { severityOfLine } from '../../text/severity.ts';
import type { Severity } from '../../text/stream.ts';
import type { JournalData, JournalMessage, SubscriptionData, TailLine, TailSpan } from '../schema/messages.ts';
import { limits } from './protocol.ts';
import { spansOfTelemetry } from './telemetry-spans.ts';

type Body = {
  readonly [T in keyof JournalData]: { readonly type: T; readonly data: JournalData[T] };
}[keyof JournalData];
type Place = { readonly step: string | null; readonly attempt: number | null };

/** The messages that show `records`, in order. Records in which there is nothing for a watcher have none. */
export function* messagesOf(runId: RunId, records: readonly JournalRecord[]): Generator<JournalMessage> {
  let open: OpenLines | undefined;
  for (const record of records) {
    if (record.kind === 'event') {
      if (open !== undefined) yield outputMessage(runId, open);
      open = undefined;
      const body = bodyOf(runId, record);
      if (body !== undefined) yield message(runId, body, record.seq, record.timeNs);
    } else if (record.stream === 'system') {
      if (open !== undefined) yield outputMessage(runId, open);
      open = undefined;
      yield* systemLines(runId, record);
    } else {
      for (const line of linesOf(record)) {
        if (open === undefined || !isOfSame(open.record, record) || !fits(open, line.bytes.length)) {
          if (open !== undefined) yield outputMessage(runId, open);
          open = { record, lines: [], bytes: 0, lastNs: line.timeNs };
        }
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

/** Numbers that the journal does not have, or no longer has. */
export function gapMessage(runId: RunId, gap: JournalData['gap'], nowNs: bigint): JournalMessage {
  return message(runId, { type: 'gap', data: gap }, gap.toSeq - 1, nowNs);
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
  return message(runId, { type: 'output_stream', data }, lines.at(-1)?.seq ?? record.seq, lastNs);
}

function* systemLines(runId: RunId, record: OutputRecord): Generator<JournalMessage> {
  for (const line of linesOf(record)) {
    const severity = record.severity ?? severityOfLine('system', line.bytes);
    const text = line.bytes.toString('utf8');
    const data = { ...placeOf(record), source: 'system', severity, message: text, ns: line.timeNs.toString() } as const;
    yield message(runId, { type: 'log_entry', data }, line.seq, line.timeNs);
  }
}

function message(runId: RunId, body: Body, seq: number, timeNs: bigint): JournalMessage {
  return { ...body, executionId: runId, seq, timestamp: isoOfNs(timeNs) };
}

function placeOf(record: JournalRecord): Place {
  return { step: record.subject?.step ?? null, attempt: record.subject?.attempt ?? null };
}

function bodyOf(runId: RunId, record: EventRecord): Body | undefined {
  const { event, timeNs } = record;
  const place = placeOf(record);
  switch (event.type) {
    case 'run.started': {
      const { type, definition, writer, ...data } = event;
      return { type: 'execution_started', data };
    }
    case 'run.paused':
      return { type: 'execution_paused', data: without(event) };
    case 'run.resumed':
      return { type: 'execution_resumed', data: without(event) };
    case 'run.finished':
      return { type: endOf(event.outcome.kind), data: without(event) };
    case 'step.started':
      return { type: 'step_started', data: place };
    case 'step.retrying':
      return { type: 'step_retrying', data: { ...place, ...without(event) } };
    case 'step.waiting':
      return { type: 'step_waiting', data: { ...place, ...without(event) } };
    case 'step.finished': {
      // Up to a megabyte that no view shows; `GET /runs/ID/result` has it.
      const { outputJson, ...data } = without(event);
      return { type: stepEndOf(event.outcome.kind), data: { ...place, ...data } };
    }
    case 'attempt.started':
    case 'attempt.finished':
      return { type: 'span', data: { ...place, spans: [attemptSpan(runId, record)] } };
    case 'resource.sampled':
      return { type: 'resource_update', data: { ...place, ...without(event) } };
    case 'run.budget_warned':
    case 'run.budget_uncertain':
    case 'run.budget_exceeded':
    case 'stall.detected':
    case 'stall.cleared':
    case 'process.orphaned':
    case 'secret.redacted':
    case 'journal.lost':
    case 'journal.recovered':
    case 'run.cancelling':
    case 'run.suspended':
    case 'step.expectation_unmet':
    case 'step.asked':
    case 'step.answered':
    case 'process.signalled': {
      const log = { source: 'event', severity: severityOf(event), message: describeEvent(event) } as const;
      return { type: 'log_entry', data: { ...place, ...log, ns: timeNs.toString(), event } };
    }
    case 'claude.telemetry': {
      const spans = spansOfTelemetry(event);
      return spans.length === 0 ? undefined : { type: 'span', data: { ...place, spans } };
    }
    case 'claude.prompted':
      return { type: 'claude_event', data: { ...place, event: cutPrompt(event) } };
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
    case 'claude.asked':
    case 'claude.answered':
    case 'claude.told':
    case 'claude.read':
    case 'claude.interrupted':
    case 'claude.notice':
    case 'claude.unknown':
    case 'claude.result':
    case 'claude.cost':
    case 'claude.nesting':
      return { type: 'claude_event', data: { ...place, event } };
    default:
      return unreachable(event);
  }
}

/** As much of a prompt as of the texts of Claude's other events. */
const maxPromptCharacters = 16 * 1024;

function cutPrompt(event: EventOf<'claude.prompted'>): EventOf<'claude.prompted'> {
  const cut = (text: string | undefined) => text?.slice(0, maxPromptCharacters);
  const { systemPrompt, appendSystemPrompt } = event;
  const texts = { systemPrompt: cut(systemPrompt), appendSystemPrompt: cut(appendSystemPrompt) };
  const text = event.text.slice(0, maxPromptCharacters);
  return { ...event, ...texts, text, isCut: event.isCut || text.length < event.text.length };
}

function severityOf(event: Event): Severity {
  switch (event.type) {
    case 'step.expectation_unmet':
    case 'run.budget_exceeded':
    case 'journal.lost':
      return 'error';
    case 'stall.detected':
      return event.action === 'none' ? 'warning' : 'error';
    case 'stall.cleared':
      return 'info';
    default:
      return 'warning';
  }
}

function without<E extends Event>(event: E): Omit<E, 'type'> {
  const { type, ...data } = event;
  return data;
}

/** Of a line in a log: a program that shows alerts among the lines needs no second scale. */
const alertSeverities = {
  critical: 'error',
  warning: 'warning',
  info: 'info',
} as const satisfies Readonly<Record<ActiveAlert['severity'], Severity>>;

export function alertData(alert: ActiveAlert): SubscriptionData['alert_triggered'] {
  return {
    step: alert.step,
    attempt: null,
    severity: alertSeverities[alert.severity],
    message: alert.summary,
    alert,
  };
}

/** Alerts that have begun to fire, and alerts that no longer fire. */
export function compareAlerts(before: readonly ActiveAlert[], now: readonly ActiveAlert[]) {
  const keyOf = ({ rule, step, since }: ActiveAlert): string => `${rule}\0${step}\0${since}`;
  const keysBefore = new Set(before.map(keyOf));
  const keysNow = new Set(now.map(keyOf));
  return {
    begun: now.filter((alert) => !keysBefore.has(keyOf(alert))),
    ended: before.filter((alert) => !keysNow.has(keyOf(alert))),
  };
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

/** The first attempt has the span of its step, as in the traces that are shipped. */
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
