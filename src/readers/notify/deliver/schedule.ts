// When an alert is to be sent, and with which end. Pure: decided from the alert, from what the receiver has of it, and from the time.
// docs/alerts.md explains how it follows Alertmanager's rules. Called by outbox.ts.
//
// Alertmanager identifies an alert by its labels and forgets it at its `endsAt`. So an alert that lasts is sent again and again with an
// end a little in the future: if the sender dies, it resolves. An alert about an event that is over is sent with its real end at once,
// and needs no sender afterwards. An end in the future never replaces a later one that Alertmanager has: an earlier end is sent when
// it has come. A webhook is a message to people: one when an alert begins, one when it ends.
import { type Alert, firesUntilMs } from '../../../runs/alerts/index.ts';
import type { ReceiverKind } from '../settings.ts';

/** What the receiver has of one alert. */
export type Delivery = {
  /** The `startsMs` of the alert that this is about: one that begins again is a new one. */
  readonly startsMs: number;
  /** When it was taken first, and when last. Unix ms. */
  readonly takenMs: number;
  readonly sentMs: number;
  readonly sentText: string;
  /** The end that was sent last, and whether it is final or will be moved again. */
  readonly sentEndMs: number;
  readonly isEndSent: boolean;
};

/** Why an alert is not sent again: the receiver refused its content. */
export type Refusal = { readonly startsMs: number; readonly refused: string };

/** What is to be sent or was sent: to which kind of receiver, with which text, at which Unix ms. */
export type Sending = { readonly text: string; readonly kind: ReceiverKind; readonly nowMs: number };

export type Due = {
  /** Not before. Unix ms. */
  readonly atMs: number;
  readonly endsMs: number;
  /** Whether the end is final. */
  readonly isEnd: boolean;
};

/** An alert that lasts is sent again after this time. Prometheus does the same every minute (`rules.alert.resend-delay`). */
export const resendMs = 60_000;

/** The end of an alert that lasts: five times as far away, so that a slow or restarted sender does not resolve it. */
export const leaseMs = 5 * resendMs;

/**
 * Alertmanager holds alerts in memory only: one that it took and sent to nobody before its restart is gone. So a final state is
 * sent again too, for as long as any `group_wait` may be.
 */
export const confirmMs = 10 * resendMs;

/** @returns undefined if nothing is to be sent, now or ever, unless the alert changes */
export function dueOf(
  alert: Alert,
  known: Delivery | Refusal | undefined,
  { text, kind, nowMs }: Sending,
): Due | undefined {
  const before = known?.startsMs === alert.startsMs ? known : undefined;
  if (before !== undefined && 'refused' in before) return undefined;
  const endMs = firesUntilMs(alert, before?.takenMs ?? nowMs);
  const isEnd = endMs !== undefined;
  const endsMs = endMs ?? nowMs + leaseMs;
  if (before === undefined) {
    // It was over before anybody could be notified, and nobody has to know of it.
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
export function taken(alert: Alert, known: Delivery | Refusal | undefined, due: Due, sent: Sending): Delivery {
  const before = known?.startsMs === alert.startsMs && !('refused' in known) ? known : undefined;
  // A webhook has got the beginning; the end, though known, is sent when it comes.
  const isEndSent = due.isEnd && (sent.kind === 'alertmanager' || before !== undefined);
  return {
    startsMs: alert.startsMs,
    takenMs: before?.takenMs ?? sent.nowMs,
    sentMs: sent.nowMs,
    sentText: sent.text,
    sentEndMs: due.endsMs,
    isEndSent,
  };
}
