// The public face of notify: everything that others may import from it, and nothing else. (`rules/` is read by alerting/ too.)
export { type AlertsState, loadAlertsState } from './alerts-state.ts';
export { runDashboardLink } from './dashboard-link.ts';
export { findAlert, type KnownAlert, type MessageCounts, messageCounts } from './deliver/ask.ts';
export { originOf, type PostResult } from './deliver/post.ts';
export { createSend, type Outgoing } from './deliver/receiver.ts';
export type { RunAlert } from './evaluate/alert.ts';
export { type FiringAlert, firingAlerts } from './firing.ts';
export {
  type Notifier,
  type NotifierEnd,
  type NotifierOptions,
  type NotifierStart,
  nextWorkMs,
  startNotifier,
} from './notifier.ts';
export { type AlertSettings, defaultAlerts, type ReadAlerts, readAlerts } from './rules/alerts-file.ts';
export { allRules } from './rules/catalogue.ts';
export { type RuleSettings, type RuleSeverity, ruleSeverities } from './rules/rule.ts';
export { thresholdText } from './rules/threshold.ts';
export type { NotifySettings, ReceiverKind, RunLink, SendResult } from './settings.ts';
