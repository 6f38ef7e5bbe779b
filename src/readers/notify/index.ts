// The public face of notify: everything that others may import from it, and nothing else.
export { runDashboardLink } from './dashboard-link.ts';
export { findAlert, type KnownAlert, type MessageCounts, messageCounts } from './deliver/ask.ts';
export { originOf } from './deliver/post.ts';
export { createSend, type Outgoing } from './deliver/receiver.ts';
export { type FiringAlert, firingAlerts } from './firing.ts';
export { type Notifier, type NotifierOptions, nextWorkMs, startNotifier } from './notifier.ts';
export { loadNotifierState } from './notifier-state.ts';
export type { NotifySettings } from './settings.ts';
