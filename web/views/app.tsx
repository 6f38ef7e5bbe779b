// The frame around every view: the bar at the top, the view that the address names, and what lies above it.
import { useEffect, useRef, useState } from 'preact/hooks';
import { app, askSession, go, toggleTheme } from '../app-state.ts';
import { useCommands } from '../commands.ts';
import { toggleNotifications } from '../notify.ts';
import { useStore } from '../store.ts';
import { Compare } from './compare.tsx';
import { Fleet, noFilter } from './fleet.tsx';
import { Help } from './help.tsx';
import { Login } from './login.tsx';
import { Palette } from './palette.tsx';
import { Failure, Icon } from './parts.tsx';
import { Run } from './run.tsx';
import { Search } from './search.tsx';
import { say, Toasts } from './toasts.tsx';
import { useKeys } from './use-keys.ts';

export function App() {
  const session = useStore(app, (state) => state.session);
  const help = useStore(app, (state) => state.help);
  const [isPaletteOpen, setIsPaletteOpen] = useState(false);
  const openPalette = (): void => setIsPaletteOpen(session.kind === 'signed_in');
  useKeys({ '?': () => app.set({ help: true }) });
  usePaletteKey(openPalette);
  return (
    <>
      <a class="skip-link" href="#main" onClick={focusMain}>
        Skip to content
      </a>
      <TopBar onPalette={session.kind === 'signed_in' ? openPalette : undefined} />
      <main id="main" tabIndex={-1}>
        {session.kind === 'signed_in' && <View />}
        {session.kind === 'signed_out' && <Login message={session.message} />}
        {session.kind === 'failed' && <Failure failure={session.failure} retry={() => void askSession()} />}
      </main>
      <Toasts />
      {isPaletteOpen && <Palette onClose={() => setIsPaletteOpen(false)} />}
      {help && <Help onClose={() => app.set({ help: false })} />}
    </>
  );
}

/** The part of the address behind # is the route, so the link focuses instead of going there. */
function focusMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function View() {
  const route = useStore(app, (state) => state.route);
  const place = `${route.view} ${route.view === 'run' ? route.runId : ''}`;
  const placeBefore = useRef(place);
  useEffect(() => {
    const isNew = placeBefore.current !== place;
    placeBefore.current = place;
    // What had the focus is gone with the view before: keys and screen readers continue in the new one, and not at the top of the page.
    if (isNew && document.activeElement === document.body) document.getElementById('main')?.focus();
  }, [place]);
  switch (route.view) {
    case 'login':
      return <Fleet filter={noFilter} />;
    case 'fleet':
      return <Fleet filter={{ ...noFilter, ...route }} />;
    case 'search':
      return <Search text={route.text} workflow={route.workflow} />;
    case 'compare':
      return <Compare left={route.left} right={route.right} />;
    case 'run':
      return <Run key={route.runId} route={route} />;
  }
}

/** Also while somebody writes into a field, but not over a dialog that asks something. */
function usePaletteKey(onOpen: () => void): void {
  const latest = useRef(onOpen);
  latest.current = onOpen;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== 'k' || event.ctrlKey === event.metaKey || event.altKey || event.shiftKey) return;
      event.preventDefault();
      if (document.querySelector('dialog[open]') === null) latest.current();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}

/** @param props.onPalette left out for somebody who is not signed in */
function TopBar({ onPalette }: { onPalette: (() => void) | undefined }) {
  const dark = useStore(app, (state) => state.dark);
  const notify = useStore(app, (state) => state.notify);
  const switchNotifications = (): void => void toggleNotifications().then(say);
  useCommands([
    { name: 'All runs', run: () => go({ view: 'fleet' }) },
    { name: 'Search the output of all runs', run: () => go({ view: 'search', text: '', workflow: '' }) },
    { name: dark ? 'Light theme' : 'Dark theme', run: toggleTheme },
    { name: notify ? 'Notifications off' : 'Notifications on', run: switchNotifications },
    { name: 'Keyboard help', keys: '?', run: () => app.set({ help: true }) },
  ]);
  return (
    <header class="topbar">
      <a class="brand" href="#/">
        <svg viewBox="0 0 20 16" width="20" height="16" aria-hidden="true">
          <rect x="0" y="1" width="11" height="3.600" rx="1.800" />
          <rect x="4" y="6.200" width="15" height="3.600" rx="1.800" opacity=".65" />
          <rect x="10" y="11.400" width="8" height="3.600" rx="1.800" />
        </svg>
        stepspan
      </a>
      <span class="grow" />
      {onPalette !== undefined && (
        <button type="button" class="go-to" title="Runs, workflows, actions, and all output" onClick={onPalette}>
          <Icon name="search" /> <span class="label">Go to or search</span>{' '}
          <kbd>{/^(Mac|iP)/.test(navigator.platform) ? '⌘ K' : 'Ctrl K'}</kbd>
        </button>
      )}
      <button
        type="button"
        class="icon"
        aria-pressed={notify}
        aria-label="Notifications"
        title="Notify me when a run ends and when one of its alerts fires"
        onClick={switchNotifications}
      >
        <Icon name="bell" />
      </button>
      <button
        type="button"
        class="icon"
        aria-label={dark ? 'Light theme' : 'Dark theme'}
        title={dark ? 'Light theme' : 'Dark theme'}
        onClick={toggleTheme}
      >
        <Icon name={dark ? 'sun' : 'moon'} />
      </button>
      <button
        type="button"
        class="icon"
        aria-label="Keyboard help"
        title="Keyboard (?)"
        onClick={() => app.set({ help: true })}
      >
        <kbd>?</kbd>
      </button>
    </header>
  );
}
