// Which alerts of a run fire at a time, and whether the receiver has them: read from what a notifier has saved. Pure.

import type { RuleSeverity } from '../../runs/alerts/index.ts';
import { type Alert, alertKey } from '../../runs/alerts/index.ts';
import type { NotifierState } from './notifier-state.ts';

export type FiringAlert = {
  readonly alert: Alert;
  readonly runId: string;
  readonly workflow: string;
  /** As it was sent; undefined where it was not sent yet. */
  readonly severity: RuleSeverity | undefined;
  /** `refused`: for good; `why` says what the receiver said. */
  readonly delivery:
    | { readonly kind: 'taken'; readonly atMs: number }
    | { readonly kind: 'waiting' }
    | { readonly kind: 'refused'; readonly why: string };
};

/** Oldest first. */
export function firingAlerts({ rules, deliveries }: NotifierState, nowMs: number): readonly FiringAlert[] {
  const { runId, workflow } = rules.run;
  return Object.values(rules.alerts)
    .flatMap((alert): readonly FiringAlert[] => {
      const found = deliveries[alertKey(alert)];
      const known = found?.startsMs === alert.startsMs ? found : undefined;
      const takenMs = known !== undefined && 'takenMs' in known ? known.takenMs : undefined;
      const endsMs =
        alert.endedMs === undefined ? undefined : Math.max(alert.endedMs, (takenMs ?? nowMs) + alert.keepMs);
      if (endsMs !== undefined && endsMs <= nowMs) return [];
      const severity = known !== undefined && 'severity' in known ? known.severity : undefined;
      const delivery: FiringAlert['delivery'] =
        takenMs !== undefined
          ? { kind: 'taken', atMs: takenMs }
          : known !== undefined && 'refused' in known
            ? { kind: 'refused', why: known.refused }
            : { kind: 'waiting' };
      return [{ alert, runId, workflow, severity, delivery }];
    })
    .sort((a, b) => a.alert.startsMs - b.alert.startsMs);
}
