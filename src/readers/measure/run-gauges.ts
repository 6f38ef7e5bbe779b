// What active runs do at this moment, as gauges. They are made again for each scrape, so that an ended run is gone from them.
// Called by measure.ts.
import {
  activeStatuses,
  currentSteps,
  isWriterGone,
  lastAttempt,
  progressOf,
  type RunState,
  runStatus,
  type StepState,
  totalTokens,
} from '../../runs/index.ts';
import { metrics } from './catalogue.ts';
import { type GaugeSample, gauge } from './metric.ts';

/** @param runs the states of runs that have not finished */
export function runGauges(runs: Iterable<RunState>): GaugeSample[] {
  return [...runs].flatMap((run) => {
    const { workflow } = run;
    const active = currentSteps(run);
    return [
      gauge(metrics.activeRuns, { workflow }, 1),
      gauge(metrics.activeStates, { workflow, state: runStatus(run, isWriterGone(run)).state }, 1),
      gauge(metrics.activeSteps, { workflow }, active.length),
      gauge(metrics.progress, { workflow }, progressOf(run).progress / 100),
      gauge(metrics.activeCost, { workflow }, run.costUsd),
      ...budgetGauges(run),
      ...active.flatMap((step) => stepGauges(workflow, step)),
    ];
  });
}

function budgetGauges({ workflow, budgetUsd, budgetTokens, costUsd, models }: RunState): GaugeSample[] {
  const used = (unit: string, sum: number, budget: number | undefined): GaugeSample[] =>
    budget === undefined || !(budget > 0) ? [] : [gauge(metrics.budgetUsed, { workflow, unit }, sum / budget)];
  return [...used('usd', costUsd, budgetUsd), ...used('tokens', totalTokens(models), budgetTokens)];
}

function stepGauges(workflow: string, step: StepState): GaugeSample[] {
  const labels = { workflow, step: step.id };
  const attempt = lastAttempt(step);
  const stalled =
    step.stall === undefined ? [] : [gauge(metrics.stalledSteps, { workflow, cause: step.stall.cause }, 1)];
  if (attempt?.phase.kind !== 'running' || attempt.resources === undefined) return stalled;
  const { rssBytes, maxRssBytes, processes } = attempt.resources;
  return [
    ...stalled,
    gauge(metrics.memory, labels, rssBytes),
    gauge(metrics.memoryMax, labels, maxRssBytes),
    gauge(metrics.processes, labels, processes),
  ];
}

/** 0 for what is counted of each workflow, so that these gauges stay when nothing is active. */
export function idleGauges(workflows: Iterable<string>): GaugeSample[] {
  return [...workflows].flatMap((workflow) => [
    gauge(metrics.activeRuns, { workflow }, 0),
    ...activeStatuses.map((state) => gauge(metrics.activeStates, { workflow, state }, 0)),
    gauge(metrics.activeSteps, { workflow }, 0),
    gauge(metrics.activeCost, { workflow }, 0),
  ]);
}
