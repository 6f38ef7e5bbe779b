// Which changes of a run are worth telling somebody who looks elsewhere. Pure.
import { type AlertView, isOpen, type RunView, statusWord } from './run-view.ts';

export type Notice = { readonly title: string; readonly body: string };

/** What is to be told of the way from one state of a run to the next. */
export function noticesOf(now: RunView, before: Pick<RunView, 'status' | 'alerts'>): readonly Notice[] {
  const notices: Notice[] = [];
  const known = new Set(before.alerts.map(keyOf));
  for (const alert of now.alerts) {
    if (known.has(keyOf(alert)) || !['RunStuck', 'BudgetWarning', 'BudgetExceeded'].includes(alert.kind)) continue;
    notices.push({ title: `${now.workflow} ${wordOf(alert)}`, body: alert.message });
  }
  if (isOpen(before.status) && !isOpen(now.status))
    notices.push({ title: `${now.workflow} ${statusWord(now.status)}`, body: now.message || now.id });
  return notices;
}

function wordOf(alert: AlertView): string {
  if (alert.kind === 'RunStuck') return 'is stuck';
  return alert.kind === 'BudgetExceeded' ? 'is over its budget' : 'has used most of its budget';
}

/** Not its message: that may count seconds. */
function keyOf({ kind, severity, step }: AlertView): string {
  return `${kind} ${severity} ${step ?? ''}`;
}
