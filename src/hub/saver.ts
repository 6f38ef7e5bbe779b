// Saves a state that changes all the time: one save at a time, none when nothing has changed, and whoever asks waits for
// one that began after it asked. A failed save is told and made up for by the next.

export type Saver = { readonly save: () => Promise<void> };

export type SaverOptions = {
  /** Changes with every change of the state. */
  readonly version: () => number;
  readonly save: () => Promise<void>;
  readonly onError: (error: Error) => void;
};

export function createSaver({ version, save, onError }: SaverOptions): Saver {
  let saved: number | undefined;
  let last: Promise<void> = Promise.resolve();

  async function once(): Promise<void> {
    const current = version();
    if (current === saved) return;
    try {
      // What is to be saved is taken on the spot, before anything is waited for.
      await save();
      saved = current;
    } catch (error) {
      onError(error as Error);
    }
  }
  return {
    save() {
      last = last.then(once);
      return last;
    },
  };
}
