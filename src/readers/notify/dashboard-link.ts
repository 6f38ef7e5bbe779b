// Where a run is in Grafana: its dashboard, at the time in which it went on. Knows neither settings nor alerts.
import { type RunReference, timeOfRun } from '../../runs/index.ts';

/** The address of the Run dashboard, as grafana/names.ts gives it, with the variables that it opens the run and trace by. */
export function runDashboardLink(grafanaUrl: string | undefined, run: RunReference): string | undefined {
  if (grafanaUrl === undefined) return undefined;
  const query = new URLSearchParams({ 'var-run': run.runId, 'var-trace': run.traceId });
  const time = timeOfRun(run);
  if (time !== undefined) for (const [name, value] of Object.entries(time)) query.set(name, value);
  return `${grafanaUrl.replace(/\/$/, '')}/d/stepspan-run?${query}`;
}
