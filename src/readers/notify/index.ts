// Delivers the alerts of runs to Alertmanager or a webhook.
//
// Owns: the notifier of one run, what it has saved, when an alert is due and in which form it is sent (deliver/). Which alerts there are is
// decided in src/runs/alerts. Called by the hub, and by a run without one. Records come in from the journal; requests go out, again
// and again until the receiver has taken them.
export { runDashboardLink } from './dashboard-link.ts';
export { findAlert, type KnownAlert, type MessageCounts, messageCounts } from './deliver/ask.ts';
export { originOf } from './deliver/post.ts';
export { createSend, type Outgoing } from './deliver/receiver.ts';
export { type FiringAlert, firingAlerts } from './firing.ts';
export { type Notifier, type NotifierOptions, nextWorkMs, startNotifier } from './notifier.ts';
export { loadNotifierState } from './notifier-state.ts';
export type { NotifySettings } from './settings.ts';
