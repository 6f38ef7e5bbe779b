// What an event says about its step and its attempt. Pure; the run as a whole is fold-run.ts's.
import { noFindings } from '../core/finding.ts';
import type { EventRecord } from '../core/record.ts';
import { nsOfDigits, nsOfMs } from '../core/time.ts';
import { changeAttempt } from './change-attempt.ts';
import { costOfAttempts, foldClaudeEvent } from './fold-claude.ts';
import { noLines, type StepPhase, type StepState } from './run-state.ts';

/** The step after an event about it; an event that says nothing of it gives the step itself. */
export function foldStepEvent(step: StepState, record: EventRecord): StepState {
  const { event, timeNs, seq } = record;
  const number = record.subject?.attempt ?? 1;
  switch (event.type) {
    case 'step.started':
      return { ...unlessFinished(step, { kind: 'running' }), startedNs: step.startedNs ?? timeNs };
    case 'attempt.started':
      return {
        ...unlessFinished(step, { kind: 'running' }),
        startedNs: step.startedNs ?? timeNs,
        activity: { kind: 'none' },
        stall: undefined,
        costUsd: costOfAttempts(step.attempts.filter((attempt) => attempt.number !== number)),
        attempts: [
          ...step.attempts.filter((attempt) => attempt.number !== number),
          {
            number,
            phase: { kind: 'running' },
            command: event.command,
            pid: event.pid,
            startedNs: timeNs,
            firstSeq: seq,
            lastSeq: undefined,
            cost: { kind: 'none' },
            lines: noLines,
            resources: undefined,
            session: undefined,
            nesting: undefined,
            turns: undefined,
            findings: noFindings,
          },
        ],
      };
    case 'attempt.finished':
      return changeAttempt({ ...step, activity: { kind: 'none' }, stall: undefined }, number, (attempt) => ({
        ...attempt,
        lastSeq: seq,
        findings: event.findings ?? noFindings,
        phase: {
          kind: 'finished',
          outcome: event.outcome,
          durationMs: event.durationMs,
          pausedMs: event.pausedMs,
          endedNs: timeNs,
        },
        resources: {
          cpuSeconds: event.cpuSeconds,
          cpuCores: 0,
          rssBytes: 0,
          maxRssBytes: event.maxRssBytes,
          processes: 0,
        },
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
        activity: { kind: 'none' },
        stall: undefined,
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
      return foldClaudeEvent(step, event, number, timeNs);
  }
}

/** An end is final: what is written late must not take a step back out of the count of completed ones. */
function unlessFinished(step: StepState, phase: StepPhase): StepState {
  return step.phase.kind === 'finished' ? step : { ...step, phase };
}
