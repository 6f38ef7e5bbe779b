// What the main thread and the shipper's worker say to each other. Types only.
import type { LockHolder, RunFolder } from '../../journal/index.ts';
import type { Pace } from './deliver/pace.ts';
import type { Env } from './env.ts';
import type { DrainResult, GiveUp, ShipperStatus } from './status.ts';

/** Given to the worker when it is made. */
export type WorkerInput = {
  readonly folder: RunFolder;
  readonly env: Env;
  readonly pace: Partial<Pace>;
  readonly lingerMs: number | undefined;
};

export type ToWorker =
  | { readonly kind: 'drain'; readonly id: number; readonly deadlineMs: number; readonly giveUp: GiveUp }
  | { readonly kind: 'stop' };

export type FromWorker =
  | { readonly kind: 'shipping'; readonly status: ShipperStatus }
  | { readonly kind: 'held'; readonly by: LockHolder }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }
  | { readonly kind: 'status'; readonly status: ShipperStatus }
  | { readonly kind: 'drained'; readonly id: number; readonly result: DrainResult };
