// A hand-over of a fixed size between one producer and one consumer: the producer waits while it is full, so that what is
// encoded ahead of a slow server is bounded. Nothing in it is ever dropped but by `close`, whose items are sent again later.

import { createSignal } from '../../../core/signal.ts';

export type Channel<T> = {
  /** False when the channel was closed meanwhile. */
  readonly put: (item: T) => Promise<boolean>;
  readonly hasRoom: () => boolean;
  /** undefined after `close`, and after `end` once all is taken. */
  readonly take: () => Promise<T | undefined>;
  /** No more items will come. */
  readonly end: () => void;
  /** Drops what is in it, and wakes everybody who waits. */
  readonly close: () => void;
  /** Called whenever an item was taken. */
  readonly onTaken: (listener: () => void) => void;
};

export function createChannel<T>(capacity: number): Channel<T> {
  const items: T[] = [];
  let phase: 'open' | 'ended' | 'closed' = 'open';
  let taken = (): void => {};
  const changed = createSignal();
  const isClosed = (): boolean => phase === 'closed';

  return {
    async put(item) {
      while (items.length >= capacity && !isClosed()) await changed.wait(changed.count());
      if (isClosed()) return false;
      items.push(item);
      changed.raise();
      return true;
    },
    hasRoom: () => items.length < capacity,
    async take() {
      while (items.length === 0 && phase === 'open') await changed.wait(changed.count());
      if (isClosed()) return undefined;
      const item = items.shift();
      changed.raise();
      if (item !== undefined) taken();
      return item;
    },
    end() {
      if (phase === 'open') phase = 'ended';
      changed.raise();
    },
    close() {
      phase = 'closed';
      items.length = 0;
      changed.raise();
    },
    onTaken(listener) {
      taken = listener;
    },
  };
}
