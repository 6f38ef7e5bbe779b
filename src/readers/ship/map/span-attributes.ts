// The attributes of the run's, a step's and an attempt's span, from the folded state of the run. Pure.
import { weakestBasis } from '../../../core/cost.ts';
import type { EventOf } from '../../../core/event.ts';
import { countFindings, noFindings } from '../../../core/finding.ts';
import { type Outcome, reasonOf } from '../../../core/outcome.ts';
import { agentName, anthropic } from '../../../otlp/gen-ai.ts';
import { type AttributeMap, type AttributeValue, attr, known } from '../../../otlp/names.ts';
import { findingsByKind } from '../../../runs/describe-findings.ts';
import { costBasisOf, costOfAttempts } from '../../../runs/index.ts';
import type { AttemptState, RunState, StepState, TokensByModel } from '../../../runs/run-state.ts';

export function runAttributes(
  started: EventOf<'run.started'> | undefined,
  finished: EventOf<'run.finished'>,
  state: RunState,
): AttributeMap {
  return known({
    [attr.pipelineAction]: 'RUN',
    [attr.pipelineResult]: finished.outcome.kind,
    ...errorAttributes(finished.outcome),
    [attr.description]: started?.description || undefined,
    [attr.file]: started?.file || undefined,
    [attr.workingDirectory]: started?.cwd,
    [attr.stepCount]: state.steps.length,
    [attr.concurrency]: started?.concurrency,
    [attr.budgetUsd]: started?.budgetUsd,
    [attr.budgetTokens]: started?.budgetTokens,
    [attr.version]: started?.stepspanVersion,
    [attr.resumedFrom]: started?.resumedFrom,
    ...costSum(state),
    [attr.pausedMs]: finished.pausedMs,
    [attr.hidden]: Object.values(state.hidden).reduce((sum, count) => sum + count, 0),
    ...tokenAttributes(state.models),
  });
}

export function stepAttributes(step: StepState, finished: EventOf<'step.finished'>): AttributeMap {
  const last = step.attempts.at(-1);
  return known({
    [attr.taskType]: step.kind,
    [attr.taskRunResult]: finished.outcome.kind,
    ...errorAttributes(finished.outcome),
    ...exitAttributes(finished.outcome),
    [attr.skipReason]: finished.outcome.kind === 'skip' ? finished.outcome.reason : undefined,
    [attr.attempts]: finished.attempts,
    [attr.tolerated]: finished.tolerated,
    [attr.commandLine]: last?.command,
    [attr.pid]: last?.pid,
    [attr.cpuSeconds]: sum(step, (attempt) => attempt.resources?.cpuSeconds),
    [attr.maxRssBytes]: max(step, (attempt) => attempt.resources?.maxRssBytes),
    [attr.hidden]: step.hidden > 0 ? step.hidden : undefined,
    ...(step.kind === 'claude'
      ? { ...claudeAttributes(last), ...claudeStepAttributes(step) }
      : costAttributes(step.attempts)),
  });
}

export function attemptAttributes(step: StepState, attempt: AttemptState, outcome: Outcome): AttributeMap {
  return known({
    [attr.taskType]: step.kind,
    [attr.taskRunResult]: outcome.kind,
    ...errorAttributes(outcome),
    ...exitAttributes(outcome),
    [attr.commandLine]: attempt.command,
    [attr.pid]: attempt.pid,
    [attr.cpuSeconds]: attempt.resources?.cpuSeconds,
    [attr.maxRssBytes]: attempt.resources?.maxRssBytes,
    ...(step.kind === 'claude'
      ? { ...claudeAttributes(attempt), ...costAttributes([attempt]) }
      : costAttributes([attempt])),
  });
}

/** What was denied, missing or cut, as one text for each kind; absent where all was done. */
function findingAttributes(attempt: AttemptState | undefined): Record<string, AttributeValue | undefined> {
  const findings = attempt?.findings ?? noFindings;
  const count = countFindings(findings);
  return {
    [attr.findingCount]: count > 0 ? count : undefined,
    [attr.denials]: findings.counts.denied,
    [attr.findings]: count > 0 ? findingsByKind(findings).map(({ text }) => text) : undefined,
  };
}

function claudeAttributes(attempt: AttemptState | undefined): Record<string, AttributeValue | undefined> {
  return {
    ...findingAttributes(attempt),
    [attr.genAiProvider]: anthropic,
    [attr.genAiAgent]: agentName,
    [attr.genAiConversation]: attempt?.session?.sessionId,
    [attr.genAiModel]: attempt?.session?.model,
    [attr.turns]: attempt?.turns,
    [attr.ownSpans]: attempt?.nesting?.ownSpans,
    [attr.derivedSpans]: attempt?.nesting?.derivedSpans,
  };
}

function claudeStepAttributes(step: StepState): Record<string, number | boolean | undefined> {
  return {
    ...costAttributes(step.attempts),
    [attr.toolCalls]: step.toolCalls,
    [attr.toolErrors]: step.toolErrors,
  };
}

function costAttributes(attempts: readonly AttemptState[]): Record<string, number | boolean | undefined> {
  const costs = attempts.map(({ cost }) => cost).filter((cost) => cost.kind !== 'none');
  if (costs.length === 0) return {};
  const uses = costs.flatMap((cost) => Object.values(cost.models));
  return {
    ...costSum({ costUsd: costOfAttempts(attempts), costBasis: weakestBasis(attempts.map(costBasisOf)) }),
    ...tokensOfUses(uses),
  };
}

/** A cost that is not known whole has no amount that could be added up, and says so. */
function costSum({
  costUsd,
  costBasis,
}: Pick<RunState, 'costUsd' | 'costBasis'>): Record<string, number | boolean | undefined> {
  return costBasis === 'unknown'
    ? { [attr.costUnknown]: true, [attr.costAtLeastUsd]: costUsd > 0 ? costUsd : undefined }
    : { [attr.costUsd]: costUsd, [attr.costEstimated]: costBasis === 'estimated' };
}

function tokenAttributes(models: TokensByModel): Record<string, number | undefined> {
  const uses = Object.values(models);
  return uses.length === 0 ? {} : tokensOfUses(uses);
}

/**
 * Totals under names of ours: usage by the convention is on the span of each call of the model, and a sum of that over a
 * trace must not count it again. As there, the input includes what was cached, and the two cache counts are part of it.
 */
function tokensOfUses(uses: readonly TokensByModel[string][]): Record<string, number> {
  const total = (pick: (use: TokensByModel[string]) => number): number => uses.reduce((all, use) => all + pick(use), 0);
  return {
    [attr.totalInputTokens]: total((use) => use.inputTokens + use.cacheReadTokens + use.cacheCreationTokens),
    [attr.totalOutputTokens]: total((use) => use.outputTokens),
    [attr.totalCacheReadTokens]: total((use) => use.cacheReadTokens),
    [attr.totalCacheWriteTokens]: total((use) => use.cacheCreationTokens),
  };
}

/** `error.type` for the outcomes whose status is ERROR. */
function errorAttributes(outcome: Outcome): Record<string, string | undefined> {
  return { [attr.errorType]: isError(outcome) ? reasonOf(outcome) : undefined };
}

/** A cancelled or skipped step is not an error of anybody's; nor is it a success, so its status stays unset. */
export function isError(outcome: Outcome): boolean {
  return outcome.kind === 'failure' || outcome.kind === 'error' || outcome.kind === 'timeout';
}

function exitAttributes(outcome: Outcome): Record<string, string | number | undefined> {
  return {
    [attr.exitCode]: outcome.kind === 'failure' || outcome.kind === 'error' ? outcome.exitCode : undefined,
    [attr.signal]: outcome.kind === 'error' ? outcome.signal : undefined,
  };
}

function sum(step: StepState, pick: (attempt: AttemptState) => number | undefined): number | undefined {
  const values = step.attempts.map(pick).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : values.reduce((total, value) => total + value, 0);
}

function max(step: StepState, pick: (attempt: AttemptState) => number | undefined): number | undefined {
  const values = step.attempts.map(pick).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : Math.max(...values);
}
