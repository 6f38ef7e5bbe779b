// What Claude Code's events say about a step: session, activity, cost. Pure; every other event is fold-step.ts's.
// The live sum of an attempt's model calls counts until `claude.cost` reports its final cost, which replaces it.
import type { ModelUsage } from '../core/claude-event.ts';
import { type CostBasis, sumUsd, weakestBasis } from '../core/cost.ts';
import type { Event, EventOf } from '../core/event.ts';
import { parseObject } from '../core/json.ts';
import { firstLine, mainArgument } from '../core/tool-call.ts';
import { seenText } from '../text/seen.ts';
import { changeAttempt } from './change-attempt.ts';
import { lastLineLength } from './last-line.ts';
import { sumByModel, totalCost } from './model-use.ts';
import type { AttemptCost, AttemptState, StepState } from './run-state.ts';

/** The step after an event of Claude Code; events of other kinds change nothing. */
export function foldClaudeEvent(step: StepState, event: Event, number: number, timeNs: bigint): StepState {
  switch (event.type) {
    case 'claude.session':
      return changeAttempt({ ...step, activity: { kind: 'model', sinceNs: timeNs } }, number, (attempt) => ({
        ...attempt,
        session: { sessionId: event.sessionId, model: event.model, version: event.version, cwd: event.cwd },
      }));
    case 'claude.folder_changed':
      return changeAttempt(step, number, (attempt) => ({
        ...attempt,
        session: attempt.session === undefined ? undefined : { ...attempt.session, cwd: event.cwd },
      }));
    case 'claude.tool_called':
      return {
        ...step,
        toolCalls: step.toolCalls + 1,
        lastLine: toolCallText(event.tool, event.input) || step.lastLine,
        activity: { kind: 'tool', toolUseId: event.toolUseId, tool: event.tool, sinceNs: timeNs },
      };
    case 'claude.tool_returned':
      return {
        ...step,
        toolErrors: step.toolErrors + (event.isError ? 1 : 0),
        // Another call may have been made meanwhile; that one continues to be shown.
        activity:
          step.activity.kind === 'tool' && step.activity.toolUseId !== event.toolUseId
            ? step.activity
            : { kind: 'model', sinceNs: timeNs },
      };
    case 'claude.message':
      if (step.activity.kind === 'tool') return step;
      return {
        ...step,
        lastLine: lastSentence(event.text) ?? step.lastLine,
        activity: { kind: 'model', sinceNs: timeNs },
      };
    case 'claude.retrying':
      return { ...step, activity: { kind: 'api_retry', attempt: event.attempt, error: event.error, sinceNs: timeNs } };
    case 'claude.rate_limited':
      return { ...step, activity: activityAtLimit(step, event, timeNs) };
    case 'claude.permission_denied':
      return { ...step, permissionDenials: step.permissionDenials + 1 };
    case 'claude.usage':
      return withCost(step, number, (attempt) => addMessage(attempt.cost, event.messageId, event.usage));
    case 'claude.cost':
      return withCost(step, number, () => ({
        kind: 'final',
        costUsd: event.costUsd,
        basis: event.unknown !== undefined ? 'unknown' : event.estimated ? 'estimated' : 'known',
        why: event.unknown,
        models: sumByModel(event.models),
      }));
    case 'claude.result':
      return changeAttempt({ ...step, activity: { kind: 'none' } }, number, (attempt) => ({
        ...attempt,
        turns: event.turns,
      }));
    case 'claude.nesting':
      return changeAttempt(step, number, (attempt) => ({
        ...attempt,
        nesting: { ownSpans: event.ownSpans, derivedSpans: event.derivedSpans },
      }));
    default:
      return step;
  }
}

/** Every status but `rejected` says that the session continues, and maybe that the limit is near. */
function activityAtLimit(
  { activity }: StepState,
  { status, resetsAt }: EventOf<'claude.rate_limited'>,
  sinceNs: bigint,
): StepState['activity'] {
  if (status === 'rejected') return { kind: 'rate_limited', status, resetsAt, sinceNs };
  return activity.kind === 'rate_limited' ? { kind: 'model', sinceNs } : activity;
}

/** `Bash(npm test)`, as the output of the step shows a call; only the name of a tool whose arguments say nothing. */
function toolCallText(tool: string, input: string): string {
  const argument = firstLine(seenText(mainArgument(parsed(input))));
  const text = argument === '' ? tool : `${tool}(${argument})`;
  return text.slice(0, lastLineLength).toWellFormed();
}

/** A long input was cut in its event and no longer parses: the texts that are whole are taken. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    const texts = json.match(/"\w+":"(?:[^"\\]|\\.)*"/g) ?? [];
    return Object.assign({}, ...texts.map((text) => parseObject(`{${text}}`) ?? {}));
  }
}

function lastSentence(text: string): string | undefined {
  const line = seenText(text)
    .split('\n')
    .findLast((each) => each.trim() !== '');
  const sentence = line
    ?.trim()
    .split(/(?<=[.!?])\s+/)
    .at(-1);
  return sentence?.slice(0, lastLineLength).toWellFormed();
}

/** What an attempt cost up to now, in USD. */
export function costOfAttempt(attempt: AttemptState): number {
  switch (attempt.cost.kind) {
    case 'none':
      return 0;
    case 'live':
      return totalCost(attempt.cost.models);
    case 'final':
      return attempt.cost.costUsd;
  }
}

/** What the cost of an attempt rests on up to now. */
export function costBasisOf({ cost }: Pick<AttemptState, 'cost'>): CostBasis {
  switch (cost.kind) {
    case 'none':
      return 'known';
    case 'live':
      return 'estimated';
    case 'final':
      return cost.basis;
  }
}

/** What several attempts cost up to now, in USD. */
export function costOfAttempts(attempts: readonly AttemptState[]): number {
  return sumUsd(attempts.map(costOfAttempt));
}

function withCost(step: StepState, number: number, change: (attempt: AttemptState) => AttemptCost): StepState {
  const changed = changeAttempt(step, number, (attempt) => ({ ...attempt, cost: change(attempt) }));
  if (changed === step) return step;
  return {
    ...changed,
    costUsd: costOfAttempts(changed.attempts),
    costBasis: weakestBasis(changed.attempts.map(costBasisOf)),
  };
}

/** A message is repeated right behind its other parts, also where subagents speak at the same time. */
const openMessages = 256;

/** Claude Code repeats a message id with each part of the message; the last usage said for it is the one that counts. */
function addMessage(cost: AttemptCost, messageId: string, use: ModelUsage): AttemptCost {
  if (cost.kind === 'final') return cost;
  const before = cost.kind === 'live' ? cost.byMessage : {};
  const settled = cost.kind === 'live' ? cost.settled : undefined;
  // `fromEntries` defines own keys only, so a message id `__proto__` cannot reach the prototype.
  const entries = Object.entries(Object.fromEntries([...Object.entries(before), [messageId, use]]));
  // A session of thousands of messages is not added up again with each of them.
  const older = entries.slice(0, -openMessages).map(([, each]) => each);
  const summed = older.length === 0 ? settled : sumByModel([...Object.values(settled ?? {}), ...older]);
  const byMessage = Object.fromEntries(entries.slice(-openMessages));
  const models = sumByModel([...Object.values(summed ?? {}), ...Object.values(byMessage)]);
  return { kind: 'live', byMessage, ...(summed === undefined ? {} : { settled: summed }), models };
}
