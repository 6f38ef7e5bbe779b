// A hand-over of a fixed size between one producer and one consumer: the producer waits while it is full, so that what is
// encoded ahead of a slow server is bounded. Nothing in it is ever dropped but by `close`, whose items are sent again later.

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
  let wake: (() => void)[] = [];
  let taken = (): void => {};

  const changed = (): void => {
    const waiting = wake;
    wake = [];
    for (const resume of waiting) resume();
  };
  const change = (): Promise<void> => new Promise((resolve) => wake.push(resolve));
  const isClosed = (): boolean => phase === 'closed';

  return {
    async put(item) {
      while (items.length >= capacity && !isClosed()) await change();
      if (isClosed()) return false;
      items.push(item);
      changed();
      return true;
    },
    hasRoom: () => items.length < capacity,
    async take() {
      while (items.length === 0 && phase === 'open') await change();
      if (isClosed()) return undefined;
      const item = items.shift();
      changed();
      if (item !== undefined) taken();
      return item;
    },
    end() {
      if (phase === 'open') phase = 'ended';
      changed();
    },
    close() {
      phase = 'closed';
      items.length = 0;
      changed();
    },
    onTaken(listener) {
      taken = listener;
    },
  };
}
