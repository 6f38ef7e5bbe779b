// Which changes of a run are worth telling somebody who looks elsewhere. Pure.
import { isOpen, nameOf, type Run, type RunAlert, stateWord } from './run.ts';

export type Notice = { readonly title: string; readonly body: string };

/** What is to be shown about the change from one state of a run to the next. */
export function noticesOf(now: Run, before: Pick<Run, 'state' | 'alerts'>): readonly Notice[] {
  const known = new Set(before.alerts.map(keyOf));
  const notices = now.alerts.flatMap((alert) => {
    const words = noticedRules[alert.rule];
    return words === undefined || known.has(keyOf(alert))
      ? []
      : [{ title: `${nameOf(now)} ${words}`, body: alert.description }];
  });
  if (isOpen(before.state) && !isOpen(now.state))
    notices.push({ title: `${nameOf(now)} ${stateWord(now.state)}`, body: now.message || now.runId });
  return notices;
}

const noticedRules: Readonly<Record<string, string>> = {
  StepspanRunStuck: 'is stuck',
  StepspanBudgetWarning: 'has used most of its budget',
  StepspanBudgetExceeded: 'is over its budget',
};

/** Not its description: that may count seconds. */
function keyOf({ rule, step }: RunAlert): string {
  return `${rule} ${step ?? ''}`;
}
