// How long to wait before alerts are sent again. Pure but for the random share, which is given.
import { backoffMs, withJitter } from '../../../core/backoff.ts';

/** The first wait: an Alertmanager that is being restarted is back within a few of them. */
const firstMs = 500;
/** An Alertmanager that was down for hours gets its alerts within half a minute of coming back. */
const maxMs = 30_000;
/** Only a person changes it: a wrong address, a missing password. */
const misconfiguredMs = 60_000;

/**
 * @param failures in a row, from 1
 * @param random from 0 up to 1; spreads runs that failed together
 */
export function waitMs(failures: number, isMisconfigured: boolean, random: number): number {
  return withJitter(isMisconfigured ? misconfiguredMs : backoffMs(failures, { firstMs, maxMs }), random);
}
