// Small parts that several views are made of: the mark of a state, icons, text in colours, copying, empty and error states, a dialog.
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Labels } from '../../src/core/labels.ts';
import type { ApiFailure } from '../api/http.ts';
import { type RunState, type StepState, stateWord } from '../model/run.ts';
import type { Run as TextRun } from '../output/ansi-line.ts';
import { lookOfSgr } from '../output/ansi-look.ts';
import { formatRoute } from '../route.ts';
import { say } from './toasts.tsx';

export function Status({ state, quiet = false }: { state: RunState | StepState; quiet?: boolean }) {
  return (
    <span class={`status s-${state}`}>
      <StatusGlyph state={state} />
      <span class={quiet ? 'sr-only' : ''}>{stateWord(state)}</span>
    </span>
  );
}

/** Beside the state of a run: what ended well may still have lacked something. Nothing if there is no warning. */
export function Warnings({ count }: { count: number }) {
  if (count === 0) return null;
  return <span class="warnings">{count === 1 ? '1 warning' : `${count} warnings`}</span>;
}

/** The labels of a run. @param areLinks whether each leads to the runs with the same one; not inside of another link */
export function LabelChips({ labels, areLinks = false }: { labels: Labels; areLinks?: boolean }) {
  const texts = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  if (texts.length === 0) return null;
  return (
    <span class="labels">
      {texts.map((text) =>
        areLinks ? (
          <a key={text} class="badge" title={`Runs with ${text}`} href={formatRoute({ view: 'fleet', label: text })}>
            {text}
          </a>
        ) : (
          <span key={text} class="badge">
            {text}
          </span>
        ),
      )}
    </span>
  );
}

/** A form for each state, since not everybody sees the colours. */
export function StatusGlyph({ state }: { state: RunState | StepState }) {
  return (
    <svg class={`glyph s-${state}`} viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      {glyphOf(state)}
    </svg>
  );
}

export function glyphOf(state: RunState | StepState) {
  switch (state) {
    case 'success':
      return <path d="M3.5 8.5l3 3 6-7" class="stroke" />;
    case 'failure':
    case 'error':
    case 'timeout':
    case 'abandoned':
    case 'over_budget':
      return <path d="M4.5 4.5l7 7m0-7l-7 7" class="stroke" />;
    case 'running':
    case 'retrying':
    case 'cancelling':
      return <path d="M8 2.5a5.5 5.5 0 1 1-5.5 5.5" class="stroke spin" />;
    case 'waiting_for_you':
      return <path d="M5.5 6a2.5 2.5 0 1 1 3.4 2.3c-.6.3-.9.7-.9 1.4m0 2.3v.2" class="stroke" />;
    case 'waiting':
    case 'stuck':
      return <path d="M8 4v4.5l3 1.5M8 2.5a5.5 5.5 0 1 1-.01 0" class="stroke" />;
    case 'paused':
      return <path d="M5.5 4v8m5-8v8" class="stroke" />;
    case 'cancellation':
      return <path d="M4 4h8v8H4z" class="fill" />;
    case 'skip':
    case 'reused':
      return <path d="M3.5 8h9" class="stroke" />;
    case 'planned':
      return <circle cx="8" cy="8" r="4.5" class="stroke" />;
  }
}

/** A line of output in its colours. */
export function AnsiText({ runs }: { runs: readonly TextRun[] }) {
  return (
    <>
      {runs.map(({ sgr, text }, index) =>
        sgr === '' ? (
          text
        ) : (
          <span key={index} class={lookOfSgr(sgr)}>
            {text}
          </span>
        ),
      )}
    </>
  );
}

export function CopyButton({ label, text, icon = 'copy' }: { label: string; text: string; icon?: 'copy' | 'link' }) {
  const copy = (): void => void navigator.clipboard?.writeText(text).then(() => say('Copied.'));
  return (
    <button type="button" class="icon" aria-label={label} title={label} onClick={copy}>
      <Icon name={icon} />
    </button>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Failure({ failure, retry }: { failure: ApiFailure; retry?: () => void }) {
  return (
    <div class="empty" role="alert">
      <h2>{failure.message}</h2>
      {failure.kind === 'not_found' ? (
        // What the server says to do about it is for programs.
        <p>
          It may have been removed, as old runs are. <a href="#/">All runs</a>
        </p>
      ) : (
        failure.fix !== '' && <p>{failure.fix}</p>
      )}
      {retry !== undefined && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Placeholder rows of the size of what comes, so that nothing jumps when it does. */
export function Skeleton({ rows = 6 }: { rows?: number }) {
  return (
    <div class="skeleton" aria-hidden="true">
      {Array.from({ length: rows }, (_, index) => (
        <span key={index} />
      ))}
    </div>
  );
}

/** A modal of the browser's own: it keeps the focus inside, closes on Escape and returns the focus. */
export function Dialog(props: { title: string; onClose: () => void; class?: string; children: ComponentChildren }) {
  const ref = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (dialog !== null && !dialog.open) dialog.showModal();
  }, []);
  return (
    <dialog ref={ref} class={`dialog ${props.class ?? ''}`} aria-labelledby="dialog-title" onClose={props.onClose}>
      <header>
        <h2 id="dialog-title">{props.title}</h2>
        <button type="button" class="icon" aria-label="Close" onClick={() => ref.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      {props.children}
    </dialog>
  );
}

const icons = {
  close: 'M4 4l8 8m0-8l-8 8',
  search: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.5 10.5l3 3',
  up: 'M4 10l4-4 4 4',
  down: 'M4 6l4 4 4-4',
  bottom: 'M8 3v8m-4-4l4 4 4-4M3.5 13.5h9',
  download: 'M8 2.5v7m-3-3l3 3 3-3M3 13h10',
  wrap: 'M2.5 4h11M2.5 8h9a2 2 0 0 1 0 4H8m2-2l-2 2 2 2M2.5 12h3',
  clock: 'M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zM8 5v3.2l2.2 1.3',
  braces:
    'M6.5 2.500H6A1.500 1.500 0 0 0 4.500 4v2.500L3 8l1.500 1.500V12A1.500 1.500 0 0 0 6 13.500h.5M9.500 2.500h.5A1.500 1.500 0 0 1 11.500 4v2.500L13 8l-1.500 1.500V12a1.500 1.500 0 0 1-1.500 1.500h-.5',
  clear: 'M4 4.5h8M6 4.5V3h4v1.5M5 4.5l.5 8.5h5l.5-8.5',
  pause: 'M5.5 3.5v9m5-9v9',
  play: 'M5 3.5l7.5 4.5L5 12.5z',
  stop: 'M4 4h8v8H4z',
  bell: 'M4 11.5V7a4 4 0 0 1 8 0v4.5M2.5 11.5h11M6.8 13.5h2.4',
  sun: 'M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6zM8 1.5v1.6M8 12.9v1.6M1.5 8h1.6M12.9 8h1.6M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M12.6 3.4l-1.1 1.1M4.5 11.5l-1.1 1.1',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z',
  copy: 'M5.5 5.5h7v7h-7zM3.5 10.5v-7h7',
  link: 'M6.5 9.5l3-3M7 4.5l1.5-1.5a3 3 0 0 1 4.5 4.5L11.5 9M9 11.5L7.500 13a3 3 0 0 1-4.500-4.500L4.500 7',
  out: 'M6 3.500H3.500v9h9V10M9 3h4v4M13 3L7.500 8.500',
  zoomIn: 'M8 4v8M4 8h8',
  zoomOut: 'M4 8h8',
} as const;

export function Icon({ name }: { name: keyof typeof icons }) {
  return (
    <svg class="i" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={icons[name]} class="stroke" />
    </svg>
  );
}
