// Which alerts of a run fire at a time, and whether the receiver has them: read from what a notifier has saved. Pure. Called by
// `stepspan alerts`.

import { type Alert, alertKey, firesUntilMs } from '../../runs/alerts/index.ts';
import type { NotifierState } from './notifier-state.ts';

export type FiringAlert = {
  readonly alert: Alert;
  readonly runId: string;
  readonly workflow: string;
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
      const endsMs = firesUntilMs(alert, takenMs ?? nowMs);
      if (endsMs !== undefined && endsMs <= nowMs) return [];
      const delivery: FiringAlert['delivery'] =
        takenMs !== undefined
          ? { kind: 'taken', atMs: takenMs }
          : known !== undefined && 'refused' in known
            ? { kind: 'refused', why: known.refused }
            : { kind: 'waiting' };
      return [{ alert, runId, workflow, delivery }];
    })
    .sort((a, b) => a.alert.startsMs - b.alert.startsMs);
}
