// Browser notifications of runs. Permission is asked for on a click and never otherwise.
import { app, go, setNotify } from './app-state.ts';
import { noticesOf } from './model/notices.ts';
import type { Run } from './model/run.ts';

/** Called from a click. @returns a sentence for the person */
export async function toggleNotifications(): Promise<string> {
  if (!('Notification' in globalThis)) return 'This browser has no notifications.';
  if (app.get().notify) {
    setNotify(false);
    return 'Notifications are off.';
  }
  const permission = await Notification.requestPermission();
  setNotify(permission === 'granted');
  return permission === 'granted'
    ? 'You will be notified when a run ends and when one of its alerts fires.'
    : 'The browser does not let this page notify you. Its site settings can change that.';
}

export function notify(now: Run, before: Pick<Run, 'state' | 'alerts'>): void {
  if (!app.get().notify || !('Notification' in globalThis) || Notification.permission !== 'granted') return;
  for (const { title, body } of noticesOf(now, before)) {
    // With the tag, two pages of one browser show it once.
    const notification = new Notification(title, { body, tag: `${now.runId} ${title}` });
    notification.onclick = () => {
      window.focus();
      go({ view: 'run', runId: now.runId, tab: 'output' });
      notification.close();
    };
  }
}
