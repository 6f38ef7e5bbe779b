// Where a run is in Grafana: its dashboard, over the time of the run. Pure. Called by render.ts, and by the CLI for its own links.
import { type RunReference, timeOfRun } from '../../runs/index.ts';

/** The address of the Run dashboard, named as in grafana/names.ts, with the variables by which it opens the run and its trace. */
export function runDashboardLink(grafanaUrl: string | undefined, run: RunReference): string | undefined {
  if (grafanaUrl === undefined) return undefined;
  const query = new URLSearchParams({ 'var-run': run.runId, 'var-trace': run.traceId });
  const time = timeOfRun(run);
  if (time !== undefined) for (const [name, value] of Object.entries(time)) query.set(name, value);
  return `${grafanaUrl.replace(/\/$/, '')}/d/stepspan-run?${query}`;
}
