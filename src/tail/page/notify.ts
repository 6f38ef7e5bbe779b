// Browser notifications of runs. Permission is asked for on a click and never otherwise.
import { app, go, setNotify } from './app-state.ts';
import { type AlertView, isOpen, type RunView, statusWord } from './model/run-view.ts';

export type Notice = { readonly title: string; readonly body: string };

/** Called from a click. @returns what to tell the person, '' where there is nothing to tell */
export async function toggleNotifications(): Promise<string> {
  if (!('Notification' in globalThis)) return 'This browser has no notifications.';
  if (app.get().notify) {
    setNotify(false);
    return 'Notifications are off.';
  }
  const permission = await Notification.requestPermission();
  setNotify(permission === 'granted');
  return permission === 'granted'
    ? 'You will be told when a run ends, gets stuck or goes over its budget.'
    : 'The browser does not let this page notify you. Its site settings can change that.';
}

/** What is worth telling of the step from one state of a run to the next. Pure. */
export function noticesOf(now: RunView, before: Pick<RunView, 'status' | 'alerts'>): readonly Notice[] {
  const notices: Notice[] = [];
  const known = new Set(before.alerts.map(keyOf));
  for (const alert of now.alerts) {
    if (known.has(keyOf(alert)) || (alert.kind !== 'stall' && alert.kind !== 'budget')) continue;
    notices.push({ title: `${now.workflow} ${wordOf(alert)}`, body: alert.message });
  }
  if (isOpen(before.status) && !isOpen(now.status))
    notices.push({ title: `${now.workflow} ${statusWord(now.status)}`, body: now.message || now.id });
  return notices;
}

function wordOf(alert: AlertView): string {
  if (alert.kind === 'stall') return 'is stuck';
  return alert.severity === 'error' ? 'is over its budget' : 'has used most of its budget';
}

/** Not its message: that may count seconds. */
function keyOf({ kind, severity, step }: AlertView): string {
  return `${kind} ${severity} ${step ?? ''}`;
}

export function notify(now: RunView, before: Pick<RunView, 'status' | 'alerts'>): void {
  if (!app.get().notify || !('Notification' in globalThis) || Notification.permission !== 'granted') return;
  for (const { title, body } of noticesOf(now, before)) {
    // The tag lets two pages of one browser tell it once.
    const notification = new Notification(title, { body, tag: `${now.id} ${title}` });
    notification.onclick = () => {
      window.focus();
      go({ view: 'run', runId: now.id, tab: 'output' });
      notification.close();
    };
  }
}
