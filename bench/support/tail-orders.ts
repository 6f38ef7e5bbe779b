// The orders that the tail benchmark passes to its programs as JSON, and their answers.

/** To `programs/serve-tail.ts`, which prints its port, and then a `ServerState` for each line on stdin, after a collection where it says `collect`. */
export type ServeOrder = {
  /** URLs of the built modules. */
  readonly modules: { readonly tail: string; readonly api: string; readonly journal: string; readonly runs: string };
  readonly dataDir: string;
};

export type ServerState = {
  /** In use on and off the heap, in bytes. */
  readonly usedBytes: number;
  readonly rssBytes: number;
  /** Processor time since its start, of all its threads. */
  readonly cpuMs: number;
  /** Read from files since its start; NaN if the system does not report it. */
  readonly readBytes: number;
};

/** To `programs/write-lines.ts`, which answers how many numbers the journal has then. */
export type WriteOrder = {
  /** URL of the built module. */
  readonly journal: string;
  readonly dataDir: string;
  readonly runId: string;
  readonly lines: /** What was printed long before anybody watches: so many bytes of journal at once. */
    | { readonly kind: 'history'; readonly bytes: number; readonly archive: boolean }
    /** Lines of 100 bytes that begin with the monotonic clock; into a file too, where one is named. */
    | { readonly kind: 'paced'; readonly perSecond: number; readonly count: number; readonly file: string | undefined };
};
