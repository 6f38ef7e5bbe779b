// Which events of the journal show as events on a span, under their own name, and with what. Pure.
// What people read as text is in the log lines already; these are the marks on the timeline of a trace.
import type { Event } from '../../../core/event.ts';
import { messageOf, reasonOf } from '../../../core/outcome.ts';
import { type AttributeMap, attr, known } from '../../../otlp/names.ts';
import { describeEvent, isoOfNs, nsOfDigits } from '../../../runs/index.ts';

/** Commands of orphaned processes that one event lists. Enough to see a pattern; the journal has all. */
const maxCommands = 16;

/** @returns undefined for an event that makes no mark */
export function markOf(event: Event): AttributeMap | undefined {
  switch (event.type) {
    case 'run.paused':
      return { [attr.by]: event.by, [attr.now]: event.now };
    case 'run.resumed':
      return { [attr.by]: event.by, [attr.pausedMs]: event.pausedMs };
    case 'run.suspended':
      return { [attr.pausedMs]: event.suspendedMs };
    case 'step.expectation_unmet':
      return { [attr.reason]: event.expectation, [attr.message]: describeEvent(event) };
    case 'run.cancelling':
      return { [attr.by]: event.by };
    case 'run.budget_warned':
      return { [attr.share]: event.share, [attr.costUsd]: event.usedUsd };
    case 'run.budget_exceeded':
      return {
        [attr.unit]: event.unit,
        [attr.used]: event.used,
        [attr.limit]: event.limit,
        [attr.costEstimated]: event.estimated,
      };
    case 'step.retrying':
      return known({
        [attr.nextAttempt]: event.nextAttempt,
        [attr.delayMs]: event.delayMs,
        [attr.taskRunResult]: event.outcome.kind,
        [attr.reason]: reasonOf(event.outcome) || undefined,
        [attr.message]: messageOf(event.outcome) || undefined,
      });
    case 'step.waiting':
      return known({
        [attr.nextAttempt]: event.nextAttempt,
        [attr.until]: isoOfNs(nsOfDigits(event.untilNs)),
        [attr.reason]: event.reason,
        [attr.message]: messageOf(event.outcome) || undefined,
      });
    case 'stall.detected':
      return known({
        [attr.stallCause]: event.cause,
        [attr.stallAction]: event.action,
        [attr.stallDurationMs]: event.durationMs,
        [attr.message]: event.activity,
      });
    case 'stall.cleared':
      return { [attr.stallCause]: event.cause, [attr.stallDurationMs]: event.durationMs };
    case 'process.orphaned':
      return {
        [attr.processes]: event.processes.slice(0, maxCommands).map(({ pid, command }) => `${pid} ${command}`),
      };
    case 'process.signalled':
      return { [attr.signal]: event.signal, [attr.reason]: event.reason };
    case 'journal.recovered':
      return known({
        [attr.cutBytes]: event.cutBytes,
        [attr.damagedBytes]: event.damagedBytes,
        [attr.missingRecords]: event.missing,
      });
    case 'journal.lost':
      return {
        [attr.reason]: event.reason,
        [attr.lostLines]: event.lines,
        [attr.lostEvents]: event.events,
        [attr.lostBytes]: event.bytes,
      };
    default:
      return claudeMarkOf(event);
  }
}

function claudeMarkOf(event: Event): AttributeMap | undefined {
  switch (event.type) {
    case 'claude.retrying':
      return known({ [attr.delayMs]: event.delayMs, [attr.message]: event.error });
    case 'claude.rate_limited':
      return { [attr.reason]: event.status };
    case 'claude.permission_denied':
      return known({ [attr.tool]: event.tool, [attr.message]: event.reason });
    default:
      return markOfPerson(event);
  }
}

/** What people are asked, and what they answer and send. */
function markOfPerson(event: Event): AttributeMap | undefined {
  switch (event.type) {
    case 'claude.asked':
      return { [attr.questionId]: event.questionId, [attr.tool]: event.tool, [attr.message]: describeEvent(event) };
    case 'step.asked':
      return { [attr.questionId]: event.questionId, [attr.message]: describeEvent(event) };
    case 'claude.answered':
    case 'step.answered':
      return { [attr.questionId]: event.questionId, [attr.by]: event.by, [attr.message]: describeEvent(event) };
    case 'claude.told':
    case 'claude.interrupted':
      return { [attr.by]: event.by, [attr.message]: describeEvent(event) };
    default:
      // The others are the span itself (starts, ends, costs), or too many for a timeline (samples, tool calls, usage).
      return undefined;
  }
}
