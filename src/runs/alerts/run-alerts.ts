// The alerts of the runs of a data folder, as page, API and tail show them. An active run is evaluated record by record, from
// where it was left; of one that has ended the state says everything, so that no journal is read again for it.
import type { RunId } from '../../core/ids.ts';
import { isRunId } from '../../core/ids.ts';
import { isoOfNs, nsOfMs } from '../../core/time.ts';
import { type DataFolder, openJournal } from '../../journal/index.ts';
import type { History } from '../estimate.ts';
import type { RunState } from '../run-state.ts';
import type { ActiveAlert } from '../run-view.ts';
import { type Alert, type Alerts, recordAlert } from './alert.ts';
import { evaluateEnd } from './end-rules.ts';
import { type AlertEvaluation, emptyEvaluation, withHistory } from './evaluation.ts';
import { foldAlerts, tickAlerts } from './fold-alerts.ts';
import { recordedFindings } from './record-rules.ts';
import type { AlertSettings } from './rule.ts';

/** An evaluation takes some 20 KB for each step; 200 active runs take some MB. */
const keptEvaluations = 200;

export type RunAlertsOptions = {
  readonly data: DataFolder;
  readonly settings: AlertSettings;
  readonly now?: () => number;
};

/** The alerts of a run that fire, newest first. @param historyOf how long its steps took in earlier runs */
export type ReadRunAlerts = (
  run: RunState,
  historyOf: (run: RunState) => Promise<History>,
) => Promise<readonly ActiveAlert[]>;

export function createRunAlerts({ data, settings, now = Date.now }: RunAlertsOptions): ReadRunAlerts {
  const kept = new Map<RunId, Promise<AlertEvaluation>>();

  async function evaluate(
    before: Promise<AlertEvaluation> | undefined,
    runId: RunId,
    historyOf: Parameters<ReadRunAlerts>[1],
    run: RunState,
  ): Promise<AlertEvaluation> {
    const reader = openJournal(data.runDir(runId));
    const { nextSeq } = await reader.head();
    let evaluation = (await before?.catch(() => undefined)) ?? withHistory(emptyEvaluation(), await historyOf(run));
    // A journal that a power cut has shortened is evaluated again.
    if (evaluation.run.nextSeq > nextSeq) evaluation = { ...emptyEvaluation(), history: evaluation.history };
    const from = evaluation.run.nextSeq;
    for await (const records of reader.read({ from, reuseMemory: true, onProblem: () => undefined }))
      for (const record of records) evaluation = foldAlerts(evaluation, record, settings);
    return tickAlerts(evaluation, now(), settings);
  }

  return async (run, historyOf) => {
    if (run.phase.kind === 'finished' || !isRunId(run.runId)) return viewAlerts(alertsOfEndedRun(run, settings));
    const { runId } = run;
    const evaluation = evaluate(kept.get(runId), runId, historyOf, run);
    kept.delete(runId);
    kept.set(runId, evaluation);
    for (const oldest of kept.keys()) {
      if (kept.size <= keptEvaluations) break;
      kept.delete(oldest);
    }
    return viewAlerts((await evaluation).alerts);
  };
}

/** What was recorded of a run and how it ended. Conditions that lasted have ended with it. */
function alertsOfEndedRun(run: RunState, settings: AlertSettings): Alerts {
  const findings = recordedFindings(run, Math.max(0, run.nextSeq - 1));
  const alerts = findings.reduce((before, finding) => recordAlert(before, finding, settings), {});
  if (run.phase.kind !== 'finished') return alerts;
  const { outcome, endedNs } = run.phase;
  return evaluateEnd({ ...emptyEvaluation(), run, alerts }, outcome, Number(endedNs / 1_000_000n), settings).alerts;
}

/** Those whose condition lasts and those about an event that cannot end, newest first. */
function viewAlerts(alerts: Alerts): readonly ActiveAlert[] {
  return Object.values(alerts)
    .filter(({ startsMs, endedMs }) => endedMs === undefined || endedMs === startsMs)
    .sort((a, b) => b.startsMs - a.startsMs)
    .map(viewAlert);
}

function viewAlert({ rule, severity, step, startsMs, summary, description, seq }: Alert): ActiveAlert {
  return { rule, severity, step: step ?? null, since: isoOfNs(nsOfMs(startsMs)), summary, description, seq };
}
