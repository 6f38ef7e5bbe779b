// Short words at the edge of the page that go away by themselves: what an action did, or why it did not.
import { createStore, useStore } from '../store.ts';

type Toast = { readonly id: number; readonly text: string };

/** Long enough to read two sentences. */
const shownMs = 6_000;

const toasts = createStore<{ readonly list: readonly Toast[] }>({ list: [] });
let lastId = 0;

export function say(text: string): void {
  if (text === '') return;
  lastId += 1;
  const id = lastId;
  toasts.set(({ list }) => ({ list: [...list.slice(-2), { id, text }] }));
  setTimeout(() => toasts.set(({ list }) => ({ list: list.filter((toast) => toast.id !== id) })), shownMs);
}

export function Toasts() {
  const list = useStore(toasts, (state) => state.list);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {list.map((toast) => (
        <p key={toast.id}>{toast.text}</p>
      ))}
    </div>
  );
}
