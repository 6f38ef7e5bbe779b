// Whether the server of the page still answers, and what its silence means for who looks at a run. Pure.
import type { SessionAnswer } from '../../src/api/schema/answers.ts';
import { closeCodes, type TailStatus } from '../../src/api/tail/client.ts';

/** Nothing comes from the server: since when, and whether it had said that it stops. */
export type LostContact = { readonly sinceMs: number; readonly isStopped: boolean };

/** @param before what was known before the tail was in this state */
export function lostContact(status: TailStatus, before: LostContact | undefined): LostContact | undefined {
  if (status.kind === 'open') return undefined;
  if (status.kind !== 'waiting') return before;
  // Only the first of the closed connections says why; those after it find nobody.
  return before ?? { sinceMs: status.sinceMs, isStopped: status.code === closeCodes.goingAway };
}

type Silence = {
  readonly servedBy: SessionAnswer['servedBy'];
  readonly isStopped: boolean;
  /** Whether the run that is shown has ended; undefined if none is shown. */
  readonly isEnded: boolean | undefined;
  /** Since when, as a time of the day. */
  readonly since: string;
};

/** What happened, with since when at its end, and what that means and what a person can do. */
export function contactText({ servedBy, isStopped, isEnded, since }: Silence): { fact: string; advice: string } {
  if (servedBy === 'hub')
    return {
      fact: isStopped ? `The hub was stopped at ${since}` : `The hub has not answered since ${since}`,
      advice: '. A run does not need it. This page continues by itself when it is back.',
    };
  if (isEnded === true)
    return {
      fact: 'The run has ended, and with it the stepspan that served this page',
      advice: '. `stepspan serve --open` shows all of it.',
    };
  return {
    fact: `The stepspan of this run, which serves this page, has not answered since ${since}`,
    advice: ': it may have been killed. `stepspan serve --open` shows how far it came.',
  };
}
