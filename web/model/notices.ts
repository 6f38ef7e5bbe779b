// Which changes of a run are shown to somebody who looks elsewhere: its alerts, as the run itself has them, and its end. Pure.
import { isOpen, nameOf, type Run, type RunAlert, stateWord } from './run.ts';

export type Notice = { readonly title: string; readonly body: string };

/** The notices for the change from one state of a run to the next. */
export function noticesOf(now: Run, before: Pick<Run, 'state' | 'alerts'>): readonly Notice[] {
  const known = new Set(before.alerts.map(keyOf));
  const isStuck = now.state === 'stuck';
  const alerts = now.alerts.filter(
    (alert) =>
      alert.severity !== 'info' &&
      !known.has(keyOf(alert)) &&
      !(isStuck && alert.rule === stuckRule) &&
      !isContained(alert, now),
  );
  const notices = alerts.map(({ summary, description }): Notice => ({ title: summary, body: description }));
  if (isStuck && before.state !== 'stuck') notices.push({ title: `${nameOf(now)} is stuck`, body: now.cause });
  const hasEnded = isOpen(before.state) && !isOpen(now.state);
  if (hasEnded && !now.alerts.some(({ rule }) => endRules.includes(rule)))
    notices.push({ title: `${nameOf(now)} ${stateWord(now.state)}`, body: now.message || now.runId });
  return notices;
}

/** One step hangs while others make progress; a run that hangs as a whole is in a state of its own. */
const stuckRule = 'StepspanRunStuck';

/** Their alerts say how the run ended. */
const endRules: readonly string[] = [
  'StepspanRunFailed',
  'StepspanRunAbandoned',
  'StepspanRunWarnings',
  'StepspanBudgetExceeded',
];

/** A run that goes straight over its budget has both alerts at once; the second one contains the first. */
function isContained({ rule }: RunAlert, { alerts }: Run): boolean {
  return rule === 'StepspanBudgetWarning' && alerts.some((other) => other.rule === 'StepspanBudgetExceeded');
}

/** Not its description: that may count seconds. */
function keyOf({ rule, step }: RunAlert): string {
  return `${rule} ${step ?? ''}`;
}
