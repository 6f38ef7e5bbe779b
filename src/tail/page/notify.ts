// Browser notifications of a run that is being watched. Permission is asked for on a click and never otherwise.
import { app, setNotify } from './app-state.ts';
import { isOpen, type RunView, statusWord } from './model/run-view.ts';

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
export function noticesOf(now: RunView, before: RunView | undefined): readonly Notice[] {
  if (before === undefined) return [];
  const notices: Notice[] = [];
  const ended = isOpen(before.status) && !isOpen(now.status);
  if (ended) notices.push({ title: `${now.workflow} ${statusWord(now.status)}`, body: now.message || now.id });
  const known = new Set(before.alerts.map((alert) => alert.kind + alert.message));
  for (const alert of now.alerts) {
    if (known.has(alert.kind + alert.message) || (alert.kind !== 'stall' && alert.kind !== 'budget')) continue;
    const title = alert.kind === 'stall' ? `${now.workflow} is stuck` : `${now.workflow}: budget`;
    notices.push({ title, body: alert.message });
  }
  return notices;
}

export function notify(now: RunView, before: RunView | undefined): void {
  if (!app.get().notify || !('Notification' in globalThis) || Notification.permission !== 'granted') return;
  for (const { title, body } of noticesOf(now, before)) new Notification(title, { body, tag: `${now.id} ${title}` });
}
