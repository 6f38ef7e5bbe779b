// The state of a step, and of its attempts, after an event about it. Pure. Called by fold-run.ts, which folds the run as a whole.
import type { EventOf } from '../core/event.ts';
import { noFindings } from '../core/finding.ts';
import { questionOf } from '../core/question-event.ts';
import type { EventRecord } from '../core/record.ts';
import { nsOfDigits, nsOfMs } from '../core/time.ts';
import { changeAttempt } from './change-attempt.ts';
import { costOfAttempts, foldClaudeEvent } from './fold-claude.ts';
import { type AttemptState, noLines, type StepPhase, type StepState } from './run-state.ts';
import { summarizeQuestion } from './summarize-question.ts';

/** Nothing of it runs. */
const idle = { activity: { kind: 'none' }, stall: undefined, questions: [] } as const;

/** The step after an event about it; the same object if the event changes nothing. */
export function foldStepEvent(step: StepState, record: EventRecord): StepState {
  const { event, timeNs, seq } = record;
  const number = record.subject?.attempt ?? 1;
  switch (event.type) {
    case 'step.started':
      return { ...unlessFinished(step, { kind: 'running' }), startedNs: step.startedNs ?? timeNs };
    case 'attempt.started':
      return startAttempt(step, { number, command: event.command, pid: event.pid, startedNs: timeNs, firstSeq: seq });
    case 'attempt.finished':
      return changeAttempt({ ...step, ...idle }, number, (attempt) => ({
        ...attempt,
        ...attemptEnd(event, timeNs),
        lastSeq: seq,
      }));
    case 'step.retrying':
      return unlessFinished(step, {
        kind: 'retrying',
        nextAttempt: event.nextAttempt,
        sinceNs: timeNs,
        untilNs: timeNs + nsOfMs(event.delayMs),
        outcome: event.outcome,
      });
    case 'step.waiting':
      return unlessFinished(step, {
        kind: 'waiting',
        reason: event.reason,
        nextAttempt: event.nextAttempt,
        sinceNs: timeNs,
        untilNs: nsOfDigits(event.untilNs),
        outcome: event.outcome,
      });
    case 'step.finished':
      return {
        ...step,
        ...idle,
        phase: {
          kind: 'finished',
          outcome: event.outcome,
          tolerated: event.tolerated,
          attempts: event.attempts,
          durationMs: event.durationMs,
          endedNs: timeNs,
        },
      };
    case 'resource.sampled':
      return changeAttempt(step, number, (attempt) => ({
        ...attempt,
        resources: {
          cpuSeconds: event.cpuSeconds,
          cpuCores: event.cpuCores,
          rssBytes: event.rssBytes,
          maxRssBytes: Math.max(event.rssBytes, attempt.resources?.maxRssBytes ?? 0),
          processes: event.processes,
        },
      }));
    case 'stall.detected':
      return {
        ...step,
        stall: { cause: event.cause, action: event.action, forMs: event.durationMs, sinceNs: timeNs },
        stalls: { ...step.stalls, [event.cause]: (step.stalls[event.cause] ?? 0) + 1 },
      };
    case 'stall.cleared':
      return step.stall?.cause === event.cause ? { ...step, stall: undefined } : step;
    case 'process.orphaned':
      return {
        ...step,
        orphaned: step.orphaned + event.processes.length,
        orphanedNs: step.orphanedNs ?? timeNs,
      };
    case 'secret.redacted':
      return { ...step, hidden: Object.values(event.kinds).reduce((sum, count) => sum + count, step.hidden) };
    default:
      return foldClaudeEvent(foldQuestion(step, record), event, number, timeNs);
  }
}

/** More than an attempt can have open; a state is kept of thousands of runs. */
const maxQuestions = 100;

/** The step after a question or an answer; the same object for every other event. */
function foldQuestion(step: StepState, { event, seq, timeNs, subject }: EventRecord): StepState {
  switch (event.type) {
    case 'claude.asked':
    case 'step.asked': {
      const asked = questionOf(event);
      const { questionId, kind, tool, toolUseId, isCut, suggestions, onTimeout } = asked;
      const question = {
        ...{ questionId, kind, tool, toolUseId, isCut, suggestions, onTimeout, seq },
        summary: summarizeQuestion(asked),
        attempt: subject?.attempt ?? 1,
        sinceNs: timeNs,
        untilNs: nsOfDigits(event.untilNs),
      };
      const others = step.questions.filter((each) => each.questionId !== questionId);
      return {
        ...step,
        questions: [...others, question].slice(-maxQuestions),
        asked: { ...step.asked, count: step.asked.count + 1 },
      };
    }
    case 'claude.answered':
    case 'step.answered':
      return {
        ...step,
        questions: step.questions.filter(({ questionId }) => questionId !== event.questionId),
        asked: { ...step.asked, waitedMs: step.asked.waitedMs + event.waitedMs },
      };
    default:
      return step;
  }
}

type AttemptStart = Pick<AttemptState, 'number' | 'command' | 'pid' | 'startedNs' | 'firstSeq'>;

function startAttempt(step: StepState, start: AttemptStart): StepState {
  const others = step.attempts.filter((attempt) => attempt.number !== start.number);
  const attempt: AttemptState = {
    ...start,
    phase: { kind: 'running' },
    lastSeq: undefined,
    cost: { kind: 'none' },
    lines: noLines,
    resources: undefined,
    session: undefined,
    nesting: undefined,
    turns: undefined,
    findings: noFindings,
  };
  return {
    ...unlessFinished(step, { kind: 'running' }),
    startedNs: step.startedNs ?? start.startedNs,
    activity: { kind: 'none' },
    stall: undefined,
    costUsd: costOfAttempts(others),
    attempts: [...others, attempt],
  };
}

function attemptEnd(
  event: EventOf<'attempt.finished'>,
  endedNs: bigint,
): Pick<AttemptState, 'findings' | 'phase' | 'resources'> {
  const { outcome, durationMs, pausedMs, cpuSeconds, maxRssBytes } = event;
  return {
    findings: event.findings ?? noFindings,
    phase: { kind: 'finished', outcome, durationMs, pausedMs, endedNs },
    resources: { cpuSeconds, cpuCores: 0, rssBytes: 0, maxRssBytes, processes: 0 },
  };
}

/** An end is final: what is written late must not take a step back out of the count of completed ones. */
function unlessFinished(step: StepState, phase: StepPhase): StepState {
  return step.phase.kind === 'finished' ? step : { ...step, phase };
}
