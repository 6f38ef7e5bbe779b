// From what the API answers to what the views draw: milliseconds in place of texts, undefined in place of null. Pure.

import type { LineAnswer, TimelineAnswer } from '../../src/api/schema/answers.ts';
import type { RunAnswer, RunList } from '../../src/api/schema/run.ts';
import { safeLink } from '../../src/text/link.ts';
import type { Stream } from '../../src/text/stream.ts';
import type { RunRow, RunView, StepStatus, StepView } from '../model/run-view.ts';
import type { Span } from '../model/timeline.ts';
import type { OutputLine } from '../output/line.ts';

type StepDetail = RunAnswer['steps'][number];

export function rowOf(run: RunList['runs'][number]): RunRow {
  return {
    id: run.runId,
    workflow: run.workflow,
    status: run.state,
    message: run.message,
    warnings: run.warnings,
    progress: run.progress,
    steps: { done: run.completedSteps, total: run.totalSteps },
    currentStep: run.currentStep ?? undefined,
    waitingUntilMs: msOfIso(run.waitingUntil),
    costUsd: run.costAtLeastUsd,
    costBasis: run.costBasis,
    startedMs: msOfIso(run.startedAt),
    durationMs: run.durationMs ?? elapsedMs(run.startedAt),
  };
}

export function viewOf(run: RunAnswer): RunView {
  return {
    ...rowOf(run),
    traceId: run.traceId,
    description: run.description,
    cwd: run.cwd,
    stepList: run.steps.map(stepOf),
    tokens: run.tokens,
    lines: total(run.lines),
    budgetUsd: run.budgetUsd ?? undefined,
    budgetTokens: run.budgetTokens ?? undefined,
    etaMs: msOfIso(run.estimatedCompletion),
    paused: run.paused ?? undefined,
    alerts: run.alerts
      .map((alert) => ({
        ...alert,
        step: alert.step ?? undefined,
        kind: alert.rule.replace('Stepspan', ''),
        message: alert.description,
        timeMs: Date.parse(alert.since),
        ns: nsOfIso(alert.since),
      }))
      .sort((a, b) => b.timeMs - a.timeMs),
    links: run.links.filter((link) => safeLink(link.url) !== undefined),
    headSeq: run.nextSeq,
  };
}

function stepOf(step: StepDetail): StepView {
  return {
    id: step.id,
    name: step.name,
    kind: step.kind,
    needs: step.needs,
    status: statusOf(step.state, step.outcome),
    message: messageOf(step.outcome),
    warning: step.warning,
    tolerated: step.tolerated,
    startedMs: msOfIso(step.startedAt),
    durationMs: step.durationMs ?? (step.startedAt === null ? undefined : elapsedMs(step.startedAt)),
    attempts: step.attempts.map((attempt) => ({
      number: attempt.number,
      status: statusOf(attempt.state, attempt.outcome),
      command: attempt.command,
      startedMs: msOfIso(attempt.startedAt),
      durationMs: attempt.durationMs ?? undefined,
      firstSeq: attempt.firstSeq,
      lastSeq: attempt.lastSeq ?? undefined,
    })),
    costUsd: step.costAtLeastUsd,
    costBasis: step.costBasis,
    lines: total(step.lines),
    activity: step.activity,
  };
}

function statusOf(state: StepDetail['state'], outcome: StepDetail['outcome']): StepStatus {
  return state === 'finished' ? (outcome?.kind ?? 'success') : state;
}

function messageOf(outcome: StepDetail['outcome']): string {
  return outcome === null || outcome.kind === 'success' ? '' : outcome.message;
}

/** What Claude Code puts before the name of each of its spans; the row says it once. */
const claudePrefix = /^claude_code\./;

export function spansOf(answer: TimelineAnswer): readonly Span[] {
  return answer.spans.map((span) => ({
    kind: span.kind,
    name: span.kind === 'claude' ? span.name.replace(claudePrefix, '') : span.name,
    step: span.step ?? undefined,
    attempt: span.attempt ?? undefined,
    startMs: msOfNsText(span.startNs),
    endMs: span.endNs === null ? undefined : msOfNsText(span.endNs),
    result: span.outcome ?? undefined,
  }));
}

export function lineOf(line: LineAnswer): OutputLine {
  return {
    seq: line.seq,
    timeMs: msOfNsText(line.ns),
    step: line.step ?? undefined,
    attempt: line.attempt ?? undefined,
    stream: line.stream,
    severity: line.severity,
    text: line.text,
    ...(line.continues && { continues: true }),
    ...(line.unterminated && { unterminated: true }),
  };
}

/** With a fraction: a span of a model's tool may be shorter than a millisecond. */
export function msOfNsText(ns: string): number {
  return Number(BigInt(ns) / 1000n) / 1000;
}

function nsOfIso(text: string): string {
  const [, digits = ''] = /\.(\d+)Z$/.exec(text) ?? [];
  return `${Math.floor(Date.parse(text) / 1000)}${digits.padEnd(9, '0')}`;
}

function msOfIso(text: string | null): number | undefined {
  return text === null ? undefined : Date.parse(text);
}

function elapsedMs(startedAt: string | null): number {
  return startedAt === null ? 0 : Math.max(0, Date.now() - Date.parse(startedAt));
}

function total(lines: Readonly<Record<Stream, number>>): number {
  return lines.stdout + lines.stderr + lines.system + lines.debug;
}
