// The alerts of runs: the one place that decides what an alert is, with which threshold, when it begins and when it ends.
//
// `catalogue.ts` lists the rules that stepspan evaluates itself, `backend-rules.ts` those that Prometheus and Loki evaluate
// (alerting/ makes their rule files from it). `alerts-file.ts` reads the user's alerts.yaml over both.
// `fold-alerts.ts` evaluates: `foldAlerts` takes one record after the other, `tickAlerts` the clock, and both return an
// `AlertEvaluation`, the state of the run with its alerts. Pure: the same journal always results in the same alerts.
//
// Called by the API and the page (what they show), by readers/notify (what is sent) and by `stepspan alerts`.
export {
  type Alert,
  type Alerts,
  alertKey,
  awaitsSuccess,
  firesUntilMs,
  resolveBySuccess,
} from './alert.ts';
export { defaultAlerts, readAlerts } from './alerts-file.ts';
export { allRules } from './catalogue.ts';
export {
  type AlertEvaluation,
  emptyEvaluation,
  restoreEvaluation,
  storeEvaluation,
  withHistory,
} from './evaluation.ts';
export { foldAlerts, tickAlerts } from './fold-alerts.ts';
export { type AlertSettings, type RuleSettings, type RuleSeverity, ruleSeverities, runbookLink } from './rule.ts';
export { viewAlerts } from './run-alerts.ts';
export { thresholdText } from './threshold.ts';
