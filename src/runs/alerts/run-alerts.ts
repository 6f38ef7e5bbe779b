// The alerts of a run as page, API, tail and metrics show them: which of them are shown, and those of a run that has ended, whose
// state alone says everything, so that no journal is read again for it. Called by the catalogue. Pure.
import { isoOfNs, msOfNs, nsOfMs } from '../../core/time.ts';
import type { RunState } from '../run-state.ts';
import type { ActiveAlert } from '../run-view.ts';
import { type Alert, type Alerts, recordAlert } from './alert.ts';
import { evaluateEnd } from './end-rules.ts';
import { emptyEvaluation } from './evaluation.ts';
import { recordedFindings } from './record-rules.ts';
import type { AlertSettings } from './rule.ts';

/** What was recorded of a run and how it ended. Conditions that lasted have ended with it. */
export function alertsOfEndedRun(run: RunState, settings: AlertSettings): Alerts {
  const findings = recordedFindings(run, Math.max(0, run.nextSeq - 1));
  const alerts = findings.reduce((before, finding) => recordAlert(before, finding, settings), {});
  if (run.phase.kind !== 'finished') return alerts;
  const { outcome, endedNs } = run.phase;
  return evaluateEnd({ ...emptyEvaluation(), run, alerts }, outcome, msOfNs(endedNs), settings).alerts;
}

/** Those that are shown, newest first. */
export function viewAlerts(alerts: Alerts): readonly ActiveAlert[] {
  return Object.values(alerts)
    .filter(isShown)
    .sort((a, b) => b.startsMs - a.startsMs)
    .map(viewAlert);
}

/** If its condition lasts, or if it is about an event that cannot end. */
export function isShown({ startsMs, endedMs }: Pick<Alert, 'startsMs' | 'endedMs'>): boolean {
  return endedMs === undefined || endedMs === startsMs;
}

function viewAlert({ rule, severity, step, startsMs, summary, description, seq }: Alert): ActiveAlert {
  return { rule, severity, step: step ?? null, since: isoOfNs(nsOfMs(startsMs)), summary, description, seq };
}
