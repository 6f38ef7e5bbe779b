// What the whole page shares: the place in it, the session with the server, the theme, and whether notifications are wanted.
import type { SessionAnswer } from '../src/api/schema/answers.ts';
import { type ApiFailure, getJson, postJson } from './api/http.ts';
import { type Destination, formatRoute, parseRoute, type Route } from './route.ts';
import { createStore } from './store.ts';

export type Theme = 'system' | 'light' | 'dark';

export type AppState = {
  readonly route: Route;
  readonly session:
    | { readonly kind: 'asking' }
    | { readonly kind: 'signed_in'; readonly session: SessionAnswer }
    | { readonly kind: 'signed_out'; readonly message: string }
    | { readonly kind: 'failed'; readonly failure: ApiFailure };
  readonly theme: Theme;
  readonly dark: boolean;
  readonly notify: boolean;
  readonly help: boolean;
};

const systemDark = matchMedia('(prefers-color-scheme: dark)');

export const app = createStore<AppState>({
  route: parseRoute(location.hash),
  session: { kind: 'asking' },
  theme: savedTheme(),
  dark: isDark(savedTheme()),
  notify: savedNotify(),
  help: false,
});

export function startApp(): void {
  addEventListener('hashchange', () => {
    app.set({ route: parseRoute(location.hash) });
    const { route } = app.get();
    if (route.view === 'login') void signIn(formatRoute(route));
  });
  systemDark.addEventListener('change', () => setTheme(app.get().theme));
  setTheme(app.get().theme);
  const { route } = app.get();
  void (route.view === 'login' ? signIn(formatRoute(route)) : askSession());
}

export function go(route: Route, replace = false): void {
  const hash = formatRoute(route);
  if (replace) history.replaceState(null, '', hash);
  else history.pushState(null, '', hash);
  app.set({ route });
}

export async function askSession(): Promise<void> {
  const answer = await getJson<SessionAnswer>('/session');
  if (answer.ok) app.set({ session: { kind: 'signed_in', session: answer.value } });
  else if (answer.failure.kind === 'signed_out') app.set({ session: { kind: 'signed_out', message: '' } });
  else app.set({ session: { kind: 'failed', failure: answer.failure } });
}

/** @param text a one-time code, or the whole link that holds one */
export async function signIn(text: string): Promise<void> {
  const { code, to } = readLink(text);
  const answer = await postJson<unknown>('/login', { code });
  // The code is of no more use, and must not stay in the history or in a shared address.
  go(to, true);
  await askSession();
  // A browser that has signed in with a link is not shut out because the link was used already.
  if (!answer.ok && app.get().session.kind === 'signed_out')
    app.set({ session: { kind: 'signed_out', message: `${answer.failure.message} ${answer.failure.fix}`.trim() } });
}

/** A link that leads nowhere in particular leaves one where one is: a shared address is still there after signing in. */
function readLink(text: string): { readonly code: string; readonly to: Destination } {
  const { route } = app.get();
  const here = route.view === 'login' ? route.to : route;
  const link = parseRoute(/#code=\S+/.exec(text)?.[0] ?? '');
  if (link.view !== 'login') return { code: text.trim(), to: here };
  return { code: link.code, to: link.to.view === 'fleet' ? here : link.to };
}

export function canControl(state: AppState): boolean {
  return state.session.kind === 'signed_in' && state.session.session.scope === 'control';
}

export function setTheme(theme: Theme): void {
  remember('stepspan.theme', theme === 'system' ? undefined : theme);
  const dark = isDark(theme);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  app.set({ theme, dark });
}

export function setNotify(notify: boolean): void {
  remember('stepspan.notify', notify ? 'yes' : undefined);
  app.set({ notify });
}

/** From light to dark or back. What the system has is not remembered, so the page follows the system again. */
export function toggleTheme(): void {
  const dark = !app.get().dark;
  setTheme(dark === systemDark.matches ? 'system' : dark ? 'dark' : 'light');
}

function isDark(theme: Theme): boolean {
  return theme === 'system' ? systemDark.matches : theme === 'dark';
}

function savedTheme(): Theme {
  const saved = recall('stepspan.theme');
  return saved === 'light' || saved === 'dark' ? saved : 'system';
}

function savedNotify(): boolean {
  return recall('stepspan.notify') === 'yes' && 'Notification' in globalThis && Notification.permission === 'granted';
}

/** Storage may be switched off in a browser; the page works without. */
export function recall(key: string): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

export function remember(key: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Nothing is lost but a preference.
  }
}
