// The orders that `drain.ts` passes to its programs as JSON, and their answers.

/** To `programs/ship-journal.ts`. */
export type DrainOrder = {
  /** URLs of the built modules. */
  readonly modules: { readonly shipper: string; readonly journal: string };
  readonly dataDir: string;
};

/** To `programs/send-by-sdk.ts`; OTEL_* variables say the rest. */
export type SdkOrder = {
  /** Lines, each a record. */
  readonly file: string;
  /** How many records are emitted before they are waited for. */
  readonly queueSize: number;
};

export type Drained = { readonly ms: number };

/** `events`: log records beside the lines; samples of resources among them, so how many depends on the time. */
export type Shipped = Drained & { readonly events: number };
