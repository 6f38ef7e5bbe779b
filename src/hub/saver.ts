// Saves a state that changes all the time: one save at a time, and none if nothing has changed. A caller waits for a save that began
// after its call. A failed save is reported, and the next one includes its changes.

export type Saver = { readonly save: () => Promise<void> };

export type SaverOptions = {
  /** Changes with every change of the state. */
  readonly version: () => number;
  readonly save: () => Promise<void>;
  readonly onError: (error: unknown) => void;
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
      onError(error);
    }
  }
  return {
    save() {
      last = last.then(once);
      return last;
    },
  };
}
