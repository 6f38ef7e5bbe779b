// The public face of notify: everything that others may import from it, and nothing else. (`rules/` is read by alerting/ too.)
export { type AlertsState, loadAlertsState } from './alerts-state.ts';
export { credentialsOf, originOf, type PostResult } from './deliver/post.ts';
export { alertsUrl, createSend, type Outgoing } from './deliver/receiver.ts';
export { render } from './deliver/render.ts';
export type { Delivery, Refusal } from './deliver/schedule.ts';
export { alertKey, isOpen, type RunAlert } from './evaluate/alert.ts';
export {
  type Notifier,
  type NotifierEnd,
  type NotifierOptions,
  type NotifierStart,
  parkAfterMs,
  startNotifier,
} from './notifier.ts';
export { type AlertSettings, defaultAlerts, type ReadAlerts, readAlerts } from './rules/alerts-file.ts';
export { allRules, type RunRuleName, runRules } from './rules/catalogue.ts';
export { type RuleSeverity, ruleSeverities } from './rules/rule.ts';
export { thresholdText } from './rules/threshold.ts';
export {
  type NotifySettings,
  type ReceiverKind,
  type RunLink,
  receiverKinds,
  type SendResult,
  sendResults,
} from './settings.ts';
