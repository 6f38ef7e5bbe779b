// Which blocks of our own sources were reached, as V8 counts them.
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
  /** The blocks that were reached since the last call, each with how often by order of magnitude. */
  readonly read: () => readonly string[];
  readonly stop: () => void;
};

/** @param folder whose sources count, with a slash at its end */
export function startCoverage(folder: string): Coverage {
  const session = new Session();
  session.connect();
  const prefix = pathToFileURL(folder).href;
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
    read() {
      const reached: string[] = [];
      for (const { url, functions } of post<Taken>('Profiler.takePreciseCoverage').result) {
        if (!url.startsWith(prefix)) continue;
        for (const { startOffset, endOffset, count } of functions.flatMap(({ ranges }) => ranges)) {
          // By powers of four: a loop that turns a hundred times is another path than one that turns once.
          if (count > 0) reached.push(`${url}:${startOffset}-${endOffset}:${Math.floor(Math.log2(count) / 2)}`);
        }
      }
      return reached;
    },
    stop() {
      session.disconnect();
    },
  };
}
