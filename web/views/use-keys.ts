// Keys that act anywhere on the page, but not while somebody writes into a field or answers a dialog.
import { useLayoutEffect } from 'preact/hooks';

export function useKeys(keys: Readonly<Record<string, () => void>>): void {
  // Before the view is painted: what a person sees, its keys already do.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector('dialog[open]') !== null) return;
      const act = keys[event.key];
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  });
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  // xterm keeps a hidden field that takes no input.
  if (target.closest('.xterm') !== null) return false;
  if (target instanceof HTMLInputElement && target.type === 'checkbox') return false;
  return target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName);
}
