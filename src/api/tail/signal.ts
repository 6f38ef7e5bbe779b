// A bell for one waiter: raised by many, waited for in a loop that looks again after each ring.

export type Signal = {
  readonly raise: () => void;
  /**
   * Resolves when it was raised since the last wait ended, is raised later, or `timeoutMs` have passed. One waiter at a
   * time. @returns whether it was raised
   */
  readonly wait: (timeoutMs?: number) => Promise<boolean>;
};

export function createSignal(): Signal {
  let raised = false;
  let wakeUp: (() => void) | undefined;
  return {
    raise() {
      raised = true;
      wakeUp?.();
    },
    async wait(timeoutMs) {
      if (!raised) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          wakeUp = resolve;
          if (timeoutMs !== undefined) timer = setTimeout(resolve, timeoutMs);
        });
        clearTimeout(timer);
        wakeUp = undefined;
      }
      const was = raised;
      raised = false;
      return was;
    },
  };
}
