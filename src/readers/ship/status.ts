// What the shipper says of itself: plain data, for the summary of a run, for `measure` and for people.
import type { Contact } from '../../core/contact.ts';
import type { Signal } from './settings.ts';

export type PipelineState =
  /** Not sent at all, by a setting. */
  | { readonly kind: 'off'; readonly why: string }
  /** Everything there is was sent; waiting for more. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'sending' }
  /** The last request failed; the next one goes out at `untilMs` (Unix milliseconds). */
  | { readonly kind: 'waiting'; readonly untilMs: number; readonly why: string }
  /** The server says that we are not allowed, or that it is the wrong place. Tried again slowly; nothing is given up. */
  | { readonly kind: 'misconfigured'; readonly untilMs: number; readonly why: string }
  /** The run has ended and all of it was sent. */
  | { readonly kind: 'finished' }
  | { readonly kind: 'stopped' }
  /** The journal could not be read, or a defect of ours. */
  | { readonly kind: 'failed'; readonly why: string };

/** What a pipeline counts, before it has sent anything. */
export const nothingSent = {
  sent: 0,
  rejected: 0,
  refused: 0,
  refusedNotKept: 0,
  journalProblems: 0,
  requests: 0,
  retries: 0,
  bytes: 0,
};

export type SignalStatus = {
  readonly signal: Signal;
  readonly state: PipelineState;
  readonly contact: Contact;
  /** The cursor: everything below this sequence number was acknowledged, or refused for good. */
  readonly shippedSeq: number;
  /** The end of the journal when it was last looked at. */
  readonly headSeq: number;
  /** `headSeq - shippedSeq`: lines and events that are still to come. */
  readonly pendingSeqs: number;
  /** Log records or spans that are encoded and not acknowledged yet. */
  readonly pendingItems: number;
  /** Age of the newest acknowledged record while something is pending, in seconds; 0 when nothing is. */
  readonly lagSeconds: number;
  /** Log records or spans that were acknowledged. A resend counts again. */
  readonly sent: number;
  /** Of those acknowledged, what a server said it did not take (partial success). Never sent again. */
  readonly rejected: number;
  /** Records that a server refused on their own; kept aside in the run's `refused` folder. */
  readonly refused: number;
  /** Of the refused, those that could not be kept aside: the disk failed, or the folder is at its bound. */
  readonly refusedNotKept: number;
  /** Damaged places and gaps of the journal that were read over, and records of a kind that this version does not know. */
  readonly journalProblems: number;
  /** The last of them in words. */
  readonly lastJournalProblem: string | undefined;
  readonly requests: number;
  /** Requests that failed and were made again. */
  readonly retries: number;
  /** Bytes of request bodies as they went over the wire. */
  readonly bytes: number;
  /** The last failure in words, kept until the next one; undefined if there was none. */
  readonly lastError: string | undefined;
};

export type ShipperStatus = {
  readonly runId: string;
  readonly logs: SignalStatus;
  readonly traces: SignalStatus;
};

/**
 * When a drain gives up before its deadline. `never`: somebody asked for this wait. `unreachable`: the endpoint has not answered
 * once, so waiting is not likely to help.
 */
export type GiveUp = 'never' | 'unreachable';

export type DrainResult =
  | { readonly kind: 'drained'; readonly status: ShipperStatus }
  /** The time was up, or shipping ended for good before everything was sent. */
  | { readonly kind: 'pending'; readonly status: ShipperStatus; readonly message: string };
