// Which blocks of our own sources an input has reached that no input before it had, as V8 counts them. Knows no target.
import { Session } from 'node:inspector';
import { pathToFileURL } from 'node:url';

type Ranges = { readonly startOffset: number; readonly endOffset: number; readonly count: number };
type Taken = {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly Ranges[] }[];
  }[];
};

export type Coverage = {
  /** How many blocks were reached since the last call that never were before. */
  readonly fresh: () => number;
  readonly stop: () => void;
};

/** @param folder whose sources count, with a slash at its end */
export function startCoverage(folder: string): Coverage {
  const session = new Session();
  session.connect();
  const prefix = pathToFileURL(folder).href;
  const reached = new Set<string>();
  // Node answers these within the call: the inspector of one's own thread is synchronous.
  const post = <T>(method: string, params: object = {}): T => {
    let answer: T | undefined;
    session.post(method as never, params as never, (error: Error | null, result: unknown) => {
      if (error !== null) throw error;
      answer = result as T;
    });
    return answer as T;
  };
  post('Profiler.enable');
  post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  return {
    fresh() {
      let count = 0;
      for (const { url, functions } of post<Taken>('Profiler.takePreciseCoverage').result) {
        if (!url.startsWith(prefix)) continue;
        for (const { ranges } of functions) {
          for (const range of ranges) {
            if (range.count === 0) continue;
            // How often, by powers of two as fuzzers do: a loop that turns a hundred times is another path than one that turns once.
            const key = `${url}:${range.startOffset}-${range.endOffset}:${Math.floor(Math.log2(range.count) / 2)}`;
            if (reached.has(key)) continue;
            reached.add(key);
            count++;
          }
        }
      }
      return count;
    },
    stop() {
      session.disconnect();
    },
  };
}
