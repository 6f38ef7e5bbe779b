// When a run started, by its id alone. Pure.
import type { RunId } from '../event/ids.ts';

/** Unix ms: an id begins with `YYYYMMDD-HHMMSS-`, UTC. */
export function startedMsOf(runId: RunId): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-/.exec(runId)?.map(Number) ?? [];
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}
