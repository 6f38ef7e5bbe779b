// The settings of a notifier: where alerts go, what alerts.yaml says, and where links lead. Types only.

import type { AlertSettings } from '../../runs/alerts/index.ts';
import type { RunReference } from '../../runs/index.ts';

export type ReceiverKind = 'alertmanager' | 'webhook';

export type RunLink = { readonly label: string; readonly url: string };

export type NotifySettings = {
  /**
   * Where alerts go. The address may hold a user and a password; that of a webhook often is a secret as a whole, so only
   * its origin is ever shown.
   */
  readonly receiver: { readonly kind: ReceiverKind; readonly url: string };
  readonly alerts: AlertSettings;
  /** The hub's address as people reach it; undefined without a hub. */
  readonly hubUrl: string | undefined;
  readonly grafanaUrl: string | undefined;
  /** The links to the trace (`label: 'trace'`) and to the logs (`label: 'logs'`) of a run, if it has any. */
  readonly linksOf: (run: RunReference) => readonly RunLink[];
};

/** What became of alerts that were sent: taken, refused for good, or to be sent again. */
export type SendResult = 'taken' | 'refused' | 'failed';
