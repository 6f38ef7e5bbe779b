// Browser notifications of runs. Permission is asked for on a click and never otherwise.
import { app, go, setNotify } from './app-state.ts';
import { noticesOf } from './model/notices.ts';
import type { Run } from './model/run.ts';
import { say } from './views/toasts.tsx';

/** Called from a click. @returns a sentence for the person */
export async function toggleNotifications(): Promise<string> {
  if (!('Notification' in globalThis)) return 'This browser has no notifications.';
  if (app.get().notify) {
    setNotify(false);
    return 'Notifications are off.';
  }
  if (!isSecureContext) return 'Browsers notify over https only, or from the machine that they run on.';
  const permission = await Notification.requestPermission();
  setNotify(permission === 'granted');
  return permission === 'granted'
    ? 'You will be notified when a run ends and when one of its alerts fires.'
    : 'The browser does not let this page notify you. Its site settings can change that.';
}

export function notify(now: Run, before: Pick<Run, 'state' | 'alerts'>): void {
  if (!app.get().notify || !('Notification' in globalThis) || Notification.permission !== 'granted') return;
  for (const { title, body } of noticesOf(now, before)) {
    try {
      show(now.runId, title, body);
    } catch {
      // Browsers of phones show notifications of service workers only.
      say(`${title}: ${body}`);
    }
  }
}

function show(runId: string, title: string, body: string): void {
  // With the tag, two pages of one browser show it once.
  const notification = new Notification(title, { body, tag: `${runId} ${title}` });
  notification.onclick = () => {
    window.focus();
    go({ view: 'run', runId, tab: 'output' });
    notification.close();
  };
}
