// Brings the alerts of one run to the receiver: what is due is sent, what was taken is remembered, what failed is sent
// again until it is taken. Its queue is the alerts themselves, one for each rule and step, so it cannot grow.

import type { Contact } from '../../../core/contact.ts';
import { type Alert, type Alerts, alertKey } from '../../../runs/alerts/index.ts';
import type { RunReference } from '../../../runs/index.ts';
import type { NotifySettings, SendResult } from '../settings.ts';
import { waitMs } from './pace.ts';
import type { PostResult } from './post.ts';
import type { Outgoing, Send } from './receiver.ts';
import { render } from './render.ts';
import { type Delivery, type Due, dueOf, type Refusal, taken } from './schedule.ts';

export type Deliveries = Readonly<Record<string, Delivery | Refusal>>;

export type OutboxOptions = {
  readonly settings: NotifySettings;
  readonly send: Send;
  /** Unix ms. */
  readonly now: () => number;
  readonly onSent: (result: SendResult, count: number) => void;
  /** For tests: how long to wait, instead of `waitMs` of pace.ts. */
  readonly wait?: typeof waitMs;
};

export type Outbox = {
  /**
   * Sends what is due, unless the receiver failed a moment ago.
   * @param keep saves the deliveries; nothing is sent before what was evaluated is on the disk
   */
  readonly sendDue: (
    alerts: Alerts,
    run: RunReference,
    signal: AbortSignal,
    keep: (deliveries: Deliveries) => Promise<void>,
  ) => Promise<void>;
  /** Alerts that are due and were not taken. */
  readonly waiting: (alerts: Alerts, run: RunReference) => number;
  /** When something is to be sent next, in Unix ms; undefined if nothing is unless an alert changes. */
  readonly nextMs: (alerts: Alerts, run: RunReference) => number | undefined;
  readonly lastFailure: () => string | undefined;
  /** Whether the receiver has answered yet. `unreachable`: every request so far failed to reach it. */
  readonly contact: () => Contact;
};

/** The alerts of a run, and what the receiver has of them. */
export type Mail = { readonly alerts: Alerts; readonly run: RunReference; readonly deliveries: Deliveries };

type Item = { readonly key: string; readonly alert: Alert; readonly due: Due };

/** When the first of the alerts is due, in Unix ms; undefined if none is unless it changes. */
export function firstDueMs(mail: Mail, settings: NotifySettings, nowMs: number): number | undefined {
  const all = itemsOf(mail, settings, nowMs).map(({ due }) => due.atMs);
  return all.length === 0 ? undefined : Math.min(...all);
}

function itemsOf({ alerts, run, deliveries }: Mail, settings: NotifySettings, nowMs: number): readonly Item[] {
  const { kind } = settings.receiver;
  return Object.values(alerts).flatMap((alert) => {
    const key = alertKey(alert);
    const due = dueOf(alert, deliveries[key], { text: textOf(alert, run, settings), kind, nowMs });
    return due === undefined ? [] : [{ key, alert, due }];
  });
}

function textOf(alert: Alert, run: RunReference, settings: NotifySettings): string {
  return render(alert, run, settings).annotations.description ?? '';
}

export function createOutbox(options: OutboxOptions, before: Deliveries): Outbox {
  const { settings, send, now, onSent, wait = waitMs } = options;
  const { kind } = settings.receiver;
  let deliveries = before;
  let failures = 0;
  let retryAtMs = 0;
  let lastFailure: string | undefined;
  let contact: Contact = 'none';

  function note({ key, alert, due }: Item, result: PostResult, run: RunReference, nowMs: number): void {
    if (result.kind === 'failed') return;
    const known = deliveries[key];
    const text = textOf(alert, run, settings);
    const after =
      result.kind === 'taken'
        ? taken(alert, known, due, { text, kind, nowMs })
        : { startsMs: alert.startsMs, refused: result.message };
    deliveries = { ...deliveries, [key]: after };
  }

  return {
    async sendDue(alerts, run, signal, keep) {
      const nowMs = now();
      if (nowMs < retryAtMs) return;
      const ready = itemsOf({ alerts, run, deliveries }, settings, nowMs).filter(({ due }) => due.atMs <= nowMs);
      if (ready.length === 0) return;
      await keep(deliveries);
      const results = await send(
        ready.map((item) => outgoing(item, run, settings, nowMs)),
        signal,
      );
      for (const [index, item] of ready.entries()) {
        const result = results[index];
        if (result !== undefined) note(item, result, run, nowMs);
      }
      for (const result of ['taken', 'refused', 'failed'] as const) {
        const count = results.filter((each) => each.kind === result).length;
        if (count > 0 && !signal.aborted) onSent(result, count);
      }
      const hasAnswered = results.some((result) => result.kind !== 'failed' || result.cause !== 'unreachable');
      if (contact !== 'answered') contact = hasAnswered ? 'answered' : 'unreachable';
      const failed = results.find((result) => result.kind === 'failed');
      lastFailure = results.find((result) => result.kind !== 'taken')?.message;
      failures = failed === undefined ? 0 : failures + 1;
      retryAtMs = failed === undefined ? 0 : now() + wait(failures, failed.cause === 'misconfigured', Math.random());
      if (results.some((result) => result.kind !== 'failed')) await keep(deliveries);
    },
    waiting(alerts, run) {
      const nowMs = now();
      return itemsOf({ alerts, run, deliveries }, settings, nowMs).filter(({ due }) => due.atMs <= nowMs).length;
    },
    nextMs(alerts, run) {
      const dueMs = firstDueMs({ alerts, run, deliveries }, settings, now());
      return dueMs === undefined ? undefined : Math.max(retryAtMs, dueMs);
    },
    lastFailure: () => lastFailure,
    contact: () => contact,
  };
}

function outgoing({ key, alert, due }: Item, run: RunReference, settings: NotifySettings, nowMs: number): Outgoing {
  return {
    ...render(alert, run, settings),
    key,
    startsMs: alert.startsMs,
    endsMs: due.endsMs,
    status: due.isEnd && due.endsMs <= nowMs ? 'resolved' : 'firing',
  };
}
