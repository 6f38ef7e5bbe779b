// When which alert is to be sent, and with which end. Pure: decided from the alert, from what the receiver has taken of it,
// and from the time. docs/alerts.md explains what it makes of Alertmanager's rules.
//
// Alertmanager knows an alert by its labels and forgets it at its `endsAt`. So what goes on is sent again and again with
// an end a little in the future: should the sender die, it resolves. What happened and is over gets its real end at once
// and needs no sender. An end that is still to come never takes the place of a later one that Alertmanager has: whoever
// wants an earlier end has to wait for it, and say then that it is over. A webhook is a message to people: one when it
// begins, one when it ends.
import { type Alert, firesUntilMs } from '../../../runs/alerts/index.ts';
import type { ReceiverKind } from '../settings.ts';

/** What the receiver has of one alert. */
export type Delivery = {
  /** The `startsMs` of the alert that this is about: one that begins again is a new one. */
  readonly startsMs: number;
  /** When it was first taken, and when lastly. Unix ms. */
  readonly takenMs: number;
  readonly sentMs: number;
  readonly sentText: string;
  /** The end that was sent lastly, and whether it is the last one or one that is put off again and again. */
  readonly sentEndMs: number;
  readonly isEndSent: boolean;
};

/** Why an alert is not sent again: the receiver took offence at what it says. */
export type Refusal = { readonly startsMs: number; readonly refused: string };

export type Due = {
  /** Not before. Unix ms. */
  readonly atMs: number;
  readonly endsMs: number;
  /** Whether the end is final. */
  readonly isEnd: boolean;
};

/** What goes on is sent again so often. Prometheus does the same every minute (`rules.alert.resend-delay`). */
export const resendMs = 60_000;

/** The end of what goes on: five times as far off, so that a slow or restarted sender does not resolve it. */
export const leaseMs = 5 * resendMs;

/**
 * Alertmanager holds alerts in memory only: one that it took and that was not told to anybody when it was restarted is
 * gone. So also what is final is sent again for as long as any `group_wait` may be.
 */
export const confirmMs = 10 * resendMs;

/** @returns undefined where nothing is to be sent, now or ever, unless the alert changes */
export function dueOf(
  alert: Alert,
  known: Delivery | Refusal | undefined,
  text: string,
  kind: ReceiverKind,
  nowMs: number,
): Due | undefined {
  const before = known?.startsMs === alert.startsMs ? known : undefined;
  if (before !== undefined && 'refused' in before) return undefined;
  const endMs = firesUntilMs(alert, before?.takenMs ?? nowMs);
  const isEnd = endMs !== undefined;
  const endsMs = endMs ?? nowMs + leaseMs;
  if (before === undefined) {
    // It was over before anybody could be told, and it leaves nothing that anybody should know.
    return isEnd && alert.keepMs === 0 ? undefined : { atMs: nowMs, endsMs, isEnd };
  }
  if (kind === 'webhook') {
    return isEnd && !before.isEndSent ? { atMs: endMs, endsMs, isEnd } : undefined;
  }
  if (isEnd && !(before.isEndSent && before.sentEndMs === endMs)) {
    return { atMs: endMs >= before.sentEndMs ? nowMs : endMs, endsMs, isEnd };
  }
  const again = before.sentMs + resendMs;
  if (isEnd && again >= endMs) return undefined;
  if (isEnd && before.sentText === text && again > before.takenMs + confirmMs) return undefined;
  return { atMs: again, endsMs, isEnd };
}

/** What is known once the receiver has taken what was due at `nowMs`. */
export function taken(
  alert: Alert,
  known: Delivery | Refusal | undefined,
  due: Due,
  sent: { readonly text: string; readonly kind: ReceiverKind; readonly nowMs: number },
): Delivery {
  const before = known?.startsMs === alert.startsMs && !('refused' in known) ? known : undefined;
  // A webhook was told of the beginning; its end, though known, is told when it comes.
  const toldEnd = due.isEnd && (sent.kind === 'alertmanager' || before !== undefined);
  return {
    startsMs: alert.startsMs,
    takenMs: before?.takenMs ?? sent.nowMs,
    sentMs: sent.nowMs,
    sentText: sent.text,
    sentEndMs: due.endsMs,
    isEndSent: toldEnd,
  };
}
