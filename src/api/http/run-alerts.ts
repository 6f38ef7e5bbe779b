// The alerts that the state of a run shows by itself: of the run first, then step by step. Pure.
import { messageOf } from '../../core/outcome.ts';
import {
  type ActiveAlert,
  describeFindings,
  findingsOfStep,
  hiddenCount,
  isoOfNs,
  lastAttempt,
  lostCount,
  type RunState,
  type StepState,
} from '../../runs/index.ts';

type Found = Omit<ActiveAlert, 'since' | 'step' | 'seq'> & { readonly sinceNs?: bigint | undefined };

export function alertsOf(state: RunState, isWriterGone: boolean): readonly ActiveAlert[] {
  const ofRun = alertsOfRun(state, isWriterGone).map((found) => alert(state, undefined, found));
  return [...ofRun, ...state.steps.flatMap((step) => alertsOfStep(step).map((found) => alert(state, step, found)))];
}

function alert(state: RunState, step: StepState | undefined, { sinceNs, ...found }: Found): ActiveAlert {
  const seq = (step === undefined ? undefined : lastAttempt(step)?.firstSeq) ?? Math.max(0, state.nextSeq - 1);
  return { ...found, step: step?.id ?? null, since: isoOfNs(sinceNs ?? state.lastNs), seq };
}

function alertsOfRun(state: RunState, isWriterGone: boolean): readonly Found[] {
  const { phase, budget } = state;
  const found: Found[] = [];
  const abandoned = { rule: 'StepspanRunAbandoned', severity: 'critical', summary: 'The run is abandoned' } as const;
  if (phase.kind === 'finished') {
    if (phase.outcome.kind === 'error' && phase.outcome.reason === 'abandoned')
      found.push({ ...abandoned, description: messageOf(phase.outcome), sinceNs: phase.endedNs });
  } else if (isWriterGone) {
    found.push({ ...abandoned, description: 'The process that ran it has died.', sinceNs: state.lastNs });
  }
  if (budget.kind === 'warned') {
    const description = `${Math.floor(budget.share * 100)} % of the budget is used.`;
    const summary = 'The run has used most of its budget';
    found.push({ rule: 'StepspanBudgetWarning', severity: 'warning', summary, description, sinceNs: budget.sinceNs });
  } else if (budget.kind === 'exceeded') {
    const used = Number(budget.used.toFixed(4));
    const description = `The budget of ${budget.limit} ${budget.unit} is used up: ${used}.`;
    const summary = 'The run is over its budget';
    found.push({ rule: 'StepspanBudgetExceeded', severity: 'critical', summary, description, sinceNs: budget.sinceNs });
  }
  const lost = lostCount(state);
  if (lost.lines + lost.events > 0) {
    const description = `${lost.lines} lines and ${lost.events} events were lost.`;
    const summary = 'Output of the run was lost';
    found.push({ rule: 'StepspanLinesLost', severity: 'critical', summary, description, sinceNs: state.lostNs });
  }
  const hidden = hiddenCount(state);
  if (hidden > 0) {
    const description = `${hidden} secrets were replaced in what was printed.`;
    const summary = 'A secret was printed';
    found.push({ rule: 'StepspanSecretHidden', severity: 'info', summary, description, sinceNs: state.hiddenNs });
  }
  return found;
}

function alertsOfStep(step: StepState): readonly Found[] {
  const { stall, leftOver: remaining, leftOverNs: sinceNs } = step;
  const found: Found[] = [];
  const findings = describeFindings(findingsOfStep(step));
  if (findings !== '') {
    const last = lastAttempt(step)?.phase;
    const ended = last?.kind === 'finished' ? last.endedNs : undefined;
    const summary = 'A step ended with warnings';
    found.push({
      rule: 'StepspanRunWarnings',
      severity: 'warning',
      summary,
      description: `${findings}.`,
      sinceNs: ended,
    });
  }
  if (stall !== undefined) {
    const description = `No progress for ${Math.round(stall.forMs / 1000)} s (${stall.cause.replaceAll('_', ' ')}).`;
    const summary = 'A step is stuck';
    found.push({ rule: 'StepspanRunStuck', severity: 'warning', summary, description, sinceNs: stall.sinceNs });
  }
  if (remaining > 0) {
    const description = `It left ${remaining === 1 ? '1 process' : `${remaining} processes`} running.`;
    const summary = 'A step left processes running';
    found.push({ rule: 'StepspanProcessesRemain', severity: 'warning', summary, description, sinceNs });
  }
  return found;
}
