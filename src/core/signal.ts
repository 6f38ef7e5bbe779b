// A bell: raised by many, waited for in loops that look again after each ring. The one way to wait for a change that nobody hands
// over: of a journal, a channel, a subscription. No IO.

export type Signal = {
  readonly raise: () => void;
  /** How often it was raised. Take it before you look, and pass it to `wait`: then nothing is missed in between. */
  readonly count: () => number;
  /** Resolves once it was raised more than `seen` times, or after `timeoutMs`. @returns whether it was raised */
  readonly wait: (seen: number, timeoutMs?: number) => Promise<boolean>;
};

export function createSignal(): Signal {
  let count = 0;
  let waiting: (() => void)[] = [];
  return {
    raise() {
      count += 1;
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake();
    },
    count: () => count,
    async wait(seen, timeoutMs) {
      if (count !== seen) return true;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (timeoutMs === undefined) return;
        timer = setTimeout(() => {
          waiting = waiting.filter((each) => each !== resolve);
          resolve();
        }, timeoutMs);
      });
      clearTimeout(timer);
      return count !== seen;
    },
  };
}
