// Events of the journal as log records: what a dashboard of one run is drawn from (the states of its steps, their CPU and
// memory, costs, tool calls), since no run id is a label of a metric. Pure, and without memory: an event
// becomes the same record in every process that ships it.
import type { Event } from '../../../core/event.ts';
import { countFindings, noFindings } from '../../../core/finding.ts';
import { type Outcome, type OutcomeKind, reasonOf } from '../../../core/outcome.ts';
import type { EventRecord } from '../../../core/record.ts';
import { type AttributeMap, attr, known } from '../../../otlp/names.ts';
import { describeEvent } from '../../../runs/describe-event.ts';
import { findingsByKind } from '../../../runs/describe-findings.ts';
import { logsOfRequest } from './claude-telemetry.ts';
import type { LogOrigin } from './log-records.ts';
import { hrTimeOf, otlpSeverity, type ReadableLogRecord, type Resource, resourceWith } from './otlp-types.ts';
import { identityOf, type RunContext, spanOfSubject } from './run-context.ts';
import { markOf } from './span-events.ts';

/**
 * Put behind the service name. Loki makes a stream of each service, so events are found without a look through the lines
 * of output, which may be millions, and who reads or counts lines sees no event among them.
 */
export const eventServiceSuffix = '-events';

/** Of samples alone, which are a thousand times as many: what follows the states of a run over a day must not read them. */
export const sampleServiceSuffix = '-samples';

/** `stepspan.step.state`, as numbers because LogQL can follow only numbers over time. */
export const stepStates = {
  running: 1,
  retrying: 2,
  success: 3,
  failure: 4,
  error: 5,
  timeout: 6,
  cancellation: 7,
  skip: 8,
  waiting: 9,
  stalled: 10,
  asking: 11,
} as const satisfies Readonly<Record<OutcomeKind | 'running' | 'retrying' | 'waiting' | 'stalled' | 'asking', number>>;

/**
 * @returns what makes the log records of an event: its own, or those of Claude Code that it carries; none for an event
 * that is not sent
 */
export function createEventLogs(
  context: RunContext,
  origin: LogOrigin,
): (record: EventRecord) => readonly ReadableLogRecord[] {
  const service = String(origin.resource.attributes['service.name'] ?? 'stepspan');
  const suffixed = (suffix: string): Resource =>
    resourceWith({ ...origin.resource.attributes, 'service.name': `${service}${suffix}` });
  const ofEvents = suffixed(eventServiceSuffix);
  const ofSamples = suffixed(sampleServiceSuffix);

  return (record) => {
    const { event } = record;
    if (event.type === 'claude.telemetry' && event.signal === 'logs') {
      return logsOfRequest(event.request, identityOf(context, record.subject));
    }
    const attributes = attributesOf(event);
    if (attributes === undefined) return [];
    const time = hrTimeOf(record.timeNs);
    // Never above INFO: a line of the run says what went wrong, with its severity, and it would be counted twice.
    const isSample = event.type === 'resource.sampled';
    const severity = otlpSeverity[isSample ? 'debug' : 'info'];
    const log: ReadableLogRecord = {
      hrTime: time,
      hrTimeObserved: time,
      severityNumber: severity.number,
      severityText: severity.text,
      eventName: `stepspan.${event.type}`,
      body: describeEvent(event),
      attributes: { [attr.event]: event.type, ...identityOf(context, record.subject), ...attributes },
      droppedAttributesCount: 0,
      spanContext: { traceId: context.traceId, spanId: spanOfSubject(context, record.subject), traceFlags: 1 },
      resource: isSample ? ofSamples : ofEvents,
      instrumentationScope: origin.scope,
    };
    return [log];
  };
}

function attributesOf(event: Event): AttributeMap | undefined {
  switch (event.type) {
    case 'run.started':
      return known({
        [attr.stepCount]: event.steps.length,
        [attr.budgetUsd]: event.budgetUsd,
        [attr.budgetTokens]: event.budgetTokens,
        [attr.resumedFrom]: event.resumedFrom,
      });
    case 'run.finished':
      return known({
        [attr.pipelineResult]: event.outcome.kind,
        ...whyOf(event.outcome),
        [attr.durationMs]: event.durationMs,
        ...costAttributes(event.costUsd, event.costUnknown === true),
      });
    case 'step.started':
      return { [attr.stepState]: stepStates.running };
    case 'attempt.started':
      return { [attr.stepState]: stepStates.running };
    case 'step.retrying':
      return { ...markOf(event), [attr.stepState]: stepStates.retrying };
    case 'step.waiting':
      return { ...markOf(event), [attr.stepState]: stepStates.waiting };
    case 'stall.detected':
      return { ...markOf(event), [attr.stepState]: stepStates.stalled };
    case 'stall.cleared':
      return { ...markOf(event), [attr.stepState]: stepStates.running };
    case 'claude.asked':
    case 'step.asked':
      return { ...markOf(event), [attr.stepState]: stepStates.asking };
    case 'claude.answered':
    case 'step.answered':
      return { ...markOf(event), [attr.stepState]: stepStates.running };
    case 'attempt.finished': {
      // Only what a green step was denied: of the rest the end of the step says enough.
      const findings = event.findings ?? noFindings;
      const count = countFindings(findings);
      if (count === 0) return undefined;
      return known({
        [attr.findingCount]: count,
        [attr.denials]: findings.counts.denied,
        [attr.findings]: findingsByKind(findings).map(({ text }) => text),
      });
    }
    case 'step.finished':
      return known({
        [attr.taskRunResult]: event.outcome.kind,
        ...whyOf(event.outcome),
        [attr.stepState]: stepStates[event.outcome.kind],
        [attr.attempts]: event.attempts,
        [attr.durationMs]: event.durationMs,
        ...costAttributes(event.costUsd, event.costUnknown === true),
        [attr.tolerated]: event.tolerated,
      });
    case 'resource.sampled':
      return {
        [attr.cpuSeconds]: event.cpuSeconds,
        [attr.cpuCores]: event.cpuCores,
        [attr.rssBytes]: event.rssBytes,
        [attr.processCount]: event.processes,
      };
    case 'claude.tool_called':
      return { [attr.tool]: event.tool, [attr.toolUseId]: event.toolUseId };
    case 'claude.tool_returned':
      return { [attr.toolFailed]: event.isError, [attr.toolUseId]: event.toolUseId };
    case 'claude.cost':
      return known({
        ...costAttributes(event.costUsd, event.unknown !== undefined),
        [attr.costEstimated]: event.unknown === undefined ? event.estimated : undefined,
      });
    default:
      // What marks a span is worth finding here as well; lines say the rest, or Claude Code's own telemetry does.
      return markOf(event);
  }
}

/** What is not known whole has no amount: a sum of amounts would take it for all of it. */
function costAttributes(usd: number, unknown: boolean): Readonly<Record<string, number | boolean | undefined>> {
  return unknown
    ? { [attr.costUnknown]: true, [attr.costAtLeastUsd]: usd > 0 ? usd : undefined }
    : { [attr.costUsd]: usd };
}

function whyOf(outcome: Outcome): Readonly<Record<string, string | undefined>> {
  return { [attr.reason]: reasonOf(outcome) || undefined };
}
