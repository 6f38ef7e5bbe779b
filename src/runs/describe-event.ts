// One line of plain words for each event, for people who read a run as text. Pure: no colours, no widths, no line ends.
// What comes from outside (texts, commands, tool inputs) is put on one line as it was seen, and cut.
import { describeAnswered } from '../core/answer.ts';
import type { ClaudeEvent } from '../core/claude-event.ts';
import { formatSpending } from '../core/cost.ts';
import { formatDuration } from '../core/duration.ts';
import type { Event, EventOf } from '../core/event.ts';
import { countFindings, type Findings } from '../core/finding.ts';
import { cut } from '../core/json.ts';
import { messageOf, type Outcome, outcomeWord } from '../core/outcome.ts';
import { type AskedEvent, questionOf } from '../core/question-event.ts';
import { isoOfNs, nsOfDigits } from '../core/time.ts';
import { formatBytes, plural } from '../core/units.ts';
import { unreachable } from '../core/unreachable.ts';
import { isRedrawn, seenText } from '../text/seen.ts';
import { summarizeQuestion, waitingForAnswer } from './summarize-question.ts';

/** Longer texts are cut here: a line of a terminal or two. The journal has all of it. */
const textLength = 200;

export function describeEvent(event: Event): string {
  switch (event.type) {
    case 'run.started': {
      const from = event.resumedFrom === undefined ? '' : `, continues ${event.resumedFrom}`;
      return `run ${event.runId} of ${event.workflow} started with ${plural(event.steps.length, 'step')}${from}`;
    }
    case 'run.paused':
      return `paused by ${event.by}${event.now ? ', running processes frozen' : ' before the next step'}`;
    case 'run.resumed':
      return `resumed by ${event.by} after ${formatDuration(event.pausedMs)}`;
    case 'run.cancelling':
      return `cancelling (${event.by})`;
    case 'run.budget_warned':
      return `${Math.round(event.share * 100)} % of the budget used`;
    case 'run.budget_exceeded':
      return `budget used up: ${formatSpending(event.used, event.unit)} of ${formatSpending(event.limit, event.unit)}`;
    case 'run.budget_uncertain':
      return `the budget cannot hold: ${oneLine(event.reason)}`;
    case 'run.finished':
      return `run ${ended(event.outcome)} after ${formatDuration(event.durationMs)}`;
    case 'run.suspended':
      return `stepspan was suspended for ${formatDuration(event.suspendedMs)}`;
    case 'step.started':
      return 'step started';
    case 'attempt.started':
      return `started: ${firstLine(event.command)}`;
    case 'attempt.finished':
      return `attempt ${ended(event.outcome)} after ${formatDuration(event.durationMs)}${warnings(event.findings)}`;
    case 'step.expectation_unmet':
      return oneLine(`expected ${event.expected}; ${event.actual}`);
    case 'step.retrying':
      return `attempt ${event.nextAttempt} in ${formatDuration(event.delayMs)}: ${messageOf(event.outcome)}`;
    case 'step.waiting':
      return `waits until ${isoOfNs(nsOfDigits(event.untilNs)).slice(0, 19)}Z (${words(event.reason)}): ${messageOf(event.outcome)}`;
    case 'step.finished': {
      const names = Object.keys(event.outputs ?? {});
      const gave = names.length === 0 ? '' : `, gave ${oneLine(names.join(', '))}`;
      return `step ${ended(event.outcome)} after ${formatDuration(event.durationMs)}${event.tolerated ? ' (may fail)' : ''}${gave}`;
    }
    case 'resource.sampled':
      return `cpu ${event.cpuCores.toFixed(2)} cores, memory ${formatBytes(event.rssBytes)}, ${plural(event.processes, 'process', 'processes')}`;
    case 'stall.detected':
      return `stalled (${words(event.cause)}) for ${formatDuration(event.durationMs)}${event.action === 'none' ? '' : `: ${event.action}`}${event.activity === undefined ? '' : `; ${oneLine(event.activity)}`}`;
    case 'stall.cleared':
      return `no longer stalled (${words(event.cause)}) after ${formatDuration(event.durationMs)}`;
    case 'process.orphaned':
      return `left running and ended: ${oneLine(event.processes.map(({ pid, command }) => `${pid} ${command}`).join('; '))}`;
    case 'process.signalled':
      return `sent ${event.signal}: ${event.reason}`;
    case 'step.asked':
      return `asks for ${describeQuestion(event)}`;
    case 'step.answered':
      return oneLine(describeAnswered(event));
    case 'secret.redacted':
      return `hidden: ${Object.entries(event.kinds)
        .map(([kind, count]) => `${count} ${kind}`)
        .join(', ')}`;
    case 'journal.recovered':
      return `journal opened again after a crash; ${formatBytes(event.cutBytes)} of a torn tail were cut${damage(event.missing)}`;
    case 'journal.lost':
      return `lost (${event.reason}): ${plural(event.lines, 'line')}, ${plural(event.events, 'event')}, ${formatBytes(event.bytes)}`;
    default:
      return describeClaudeEvent(event);
  }
}

function describeClaudeEvent(event: ClaudeEvent): string {
  switch (event.type) {
    case 'claude.prompted':
      return `prompt of ${formatBytes(event.bytes)}: ${oneLine(event.text)}`;
    case 'claude.session':
      return `session ${event.sessionId} with ${event.model}`;
    case 'claude.folder_changed':
      return `works in ${oneLine(event.cwd)}`;
    case 'claude.message':
      return oneLine(event.text);
    case 'claude.streaming':
      return `the answer is being written: ${plural(event.characters, 'character')} so far`;
    case 'claude.thinking':
      return event.text === '' ? 'thinking (encrypted)' : `thinking: ${oneLine(event.text)}`;
    case 'claude.tool_called':
      return `${event.tool}${event.serverSide ? ' (by the API)' : ''} ${oneLine(event.input)}`;
    case 'claude.tool_returned':
      return `${event.isError ? 'tool error' : 'tool result'}: ${oneLine(event.text)}`;
    case 'claude.usage':
      return `model call: ${event.usage.inputTokens} in, ${event.usage.outputTokens} out (${event.usage.model})`;
    case 'claude.retrying':
      return `API retry ${event.attempt}: ${oneLine(event.error)}`;
    case 'claude.rate_limited':
      return rateLimitText(event);
    case 'claude.permission_denied':
      return `permission denied: ${event.tool} ${oneLine(event.input)}${event.reason ? ` (${oneLine(event.reason)})` : ''}`;
    case 'claude.asked':
      return `asks for ${describeQuestion(event)}`;
    case 'claude.answered':
      return oneLine(describeAnswered(event));
    case 'claude.read':
      return 'Claude Code has read a message';
    case 'claude.interrupted':
      return event.cause === 'pause' ? 'its turn ends, as the run is paused' : `interrupted by ${event.by}`;
    case 'claude.told':
      return `message from ${event.by}: ${oneLine(event.text)}`;
    case 'claude.notice':
      return `${event.subtype}: ${oneLine(event.text)}`;
    case 'claude.unknown':
      return event.blockType === undefined
        ? `message of unknown type ${event.messageType}`
        : `block of unknown type ${event.blockType} in a message of type ${event.messageType}`;
    case 'claude.result':
      return `Claude ${event.isError ? 'ended with' : 'result'}: ${event.subtype}, ${plural(event.turns, 'turn')}`;
    case 'claude.cost':
      return event.unknown === undefined
        ? `cost ${formatSpending(event.costUsd, 'USD')}${event.estimated ? ' (estimated)' : ''}`
        : `cost unknown, at least ${formatSpending(event.costUsd, 'USD')}: ${oneLine(event.unknown)}`;
    case 'claude.telemetry':
      return `${event.derived ? 'derived' : "Claude's own"} ${event.signal}: ${event.items}${event.dropped === undefined ? '' : `, ${event.dropped} dropped`}`;
    case 'claude.nesting':
      return event.ownSpans > 0
        ? `${event.ownSpans} of Claude's own spans lie below the step`
        : `none of Claude's own spans came; ${event.derivedSpans} were derived`;
    default:
      return unreachable(event);
  }
}

function describeQuestion(event: AskedEvent): string {
  const asked = questionOf(event);
  return oneLine(waitingForAnswer({ kind: asked.kind, summary: summarizeQuestion(asked) }));
}

/** Only `rejected` means that the limit is reached; the others warn of it. */
function rateLimitText({ status, resetsAt }: EventOf<'claude.rate_limited'>): string {
  if (status === 'rejected') return `rate limited${resetsAt === undefined ? '' : ` until ${resetsAt}`}`;
  return `rate limit ${oneLine(words(status))}${resetsAt === undefined ? '' : `, resets at ${resetsAt}`}`;
}

/** Text that draws over nothing is looked at up to so many times the limit: room for colours and white space. */
const lookedAt = 16;

/** `text` as it was seen, on one line: white space runs are one space, and what is longer than `limit` ends in `…`. */
export function oneLine(text: string, limit = textLength): string {
  const flat = seenText(isRedrawn(text) ? text : text.slice(0, limit * lookedAt))
    .slice(0, limit * 4)
    .replace(/\s+/g, ' ')
    .trim();
  return cut(flat, limit);
}

function ended(outcome: Outcome): string {
  const message = messageOf(outcome);
  return message === '' ? outcomeWord(outcome) : `${outcomeWord(outcome)} (${message})`;
}

function warnings(findings: Findings | undefined): string {
  const count = findings === undefined ? 0 : countFindings(findings);
  return count === 0 ? '' : `, with ${plural(count, 'warning')}`;
}

function damage(missing = 0): string {
  return missing === 0 ? '' : `, and ${plural(missing, 'damaged record')} skipped`;
}

function words(name: string): string {
  return name.replaceAll('_', ' ');
}

/** The first line of a script, marked if there is more of it. */
function firstLine(text: string): string {
  const [first = '', ...more] = text.trim().split('\n');
  return oneLine(more.length === 0 ? first : `${first} …`);
}
