// What somebody should know of the run, newest first: stalls, budget, lost lines, processes left over; and where in the output.
import { fullTime, timeOfDay } from '../model/format.ts';
import type { RunView } from '../model/run-view.ts';
import { formatRoute } from '../route.ts';
import { Empty } from './parts.tsx';

export function Alerts({ run, names }: { run: RunView; names: ReadonlyMap<string, string> }) {
  if (run.alerts.length === 0)
    return (
      <Empty title="No alerts">
        <p>Stalls, budgets used up, lost lines and processes left behind are shown here.</p>
      </Empty>
    );
  return (
    <ul class="alerts">
      {run.alerts.map((alert) => (
        <li key={`${alert.kind} ${alert.step ?? ''}`} class={`alert v-${alert.severity}`}>
          <time class="muted tabular" dateTime={new Date(alert.timeMs).toISOString()} title={fullTime(alert.timeMs)}>
            {timeOfDay(alert.timeMs)}
          </time>
          <strong>{alert.kind.replaceAll('_', ' ')}</strong>
          <span class="text">
            {alert.message}{' '}
            {alert.step !== undefined && <span class="muted">{names.get(alert.step) ?? alert.step}</span>}
          </span>
          <a href={formatRoute({ view: 'run', runId: run.id, tab: 'output', at: alert.ns })}>Output at that time</a>
        </li>
      ))}
    </ul>
  );
}
