// Which changes of a run are worth telling somebody who looks elsewhere. Pure.
import { isOpen, nameOf, type Run, type RunAlert, stateWord } from './run.ts';

export type Notice = { readonly title: string; readonly body: string };

/** What is to be shown about the change from one state of a run to the next. */
export function noticesOf(now: Run, before: Pick<Run, 'state' | 'alerts'>): readonly Notice[] {
  const known = new Set(before.alerts.map(keyOf));
  const isStuck = now.state === 'stuck';
  const notices = now.alerts.flatMap((alert) => {
    const words = noticedRules[alert.rule];
    const isSaid = known.has(keyOf(alert)) || (isStuck && alert.rule === stuckRule) || isOutdone(alert, now);
    return words === undefined || isSaid ? [] : [{ title: `${nameOf(now)} ${words}`, body: alert.description }];
  });
  if (isStuck && before.state !== 'stuck') notices.push({ title: `${nameOf(now)} is stuck`, body: now.cause });
  if (isOpen(before.state) && !isOpen(now.state))
    notices.push({ title: `${nameOf(now)} ${stateWord(now.state)}`, body: now.message || now.runId });
  return notices;
}

/** One step hangs while others make progress; a run that hangs as a whole is in a state of its own. */
const stuckRule = 'StepspanRunStuck';

const noticedRules: Readonly<Record<string, string>> = {
  [stuckRule]: 'is stuck',
  StepspanBudgetWarning: 'has used most of its budget',
  StepspanBudgetExceeded: 'is over its budget',
};

/** A run that jumps over its budget has both alerts at once; the worse one says it all. */
function isOutdone({ rule }: RunAlert, { alerts }: Run): boolean {
  return rule === 'StepspanBudgetWarning' && alerts.some((other) => other.rule === 'StepspanBudgetExceeded');
}

/** Not its description: that may count seconds. */
function keyOf({ rule, step }: RunAlert): string {
  return `${rule} ${step ?? ''}`;
}
