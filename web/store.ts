// State that views share: a value, a way to change it, and hooks that render again when the part they read has changed.
import { useEffect, useState } from 'preact/hooks';

export type Store<T> = {
  readonly get: () => T;
  readonly set: (change: Partial<T> | ((now: T) => Partial<T>)) => void;
  readonly subscribe: (listener: () => void) => () => void;
};

export function createStore<T extends object>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(change) {
      const part = typeof change === 'function' ? change(value) : change;
      value = { ...value, ...part };
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** @param select must give the same object for the same state, or the view renders at every change */
export function useStore<T, S>(store: Store<T>, select: (value: T) => S): S {
  const [selected, setSelected] = useState(() => select(store.get()));
  useEffect(() => {
    const update = (): void => setSelected(() => select(store.get()));
    update();
    return store.subscribe(update);
  }, [store]);
  return selected;
}

/** The time, once a second while something is active. */
export function useNow(isActive: boolean): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!isActive) return;
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [isActive]);
  return now;
}
