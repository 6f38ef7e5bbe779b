// The alerts of the run, newest first: stalls, budget, lost lines, remaining processes; with a link to the output of that time.
import { fullTime, timeOfDay } from '../model/format.ts';
import { nsOf, type Run, type RunAlert } from '../model/run.ts';
import { formatRoute } from '../route.ts';
import { Empty } from './parts.tsx';

export function Alerts({ run, names }: { run: Run; names: ReadonlyMap<string, string> }) {
  if (run.alerts.length === 0)
    return (
      <Empty title="No alerts">
        <p>Stalls, budgets used up, lost lines and remaining processes are shown here.</p>
      </Empty>
    );
  return (
    <ul class="alerts">
      {run.alerts.toSorted(newestFirst).map((alert) => (
        <li key={`${alert.rule} ${alert.step ?? ''}`} class={`alert v-${alert.severity}`}>
          <time class="muted tabular" dateTime={alert.since} title={fullTime(Date.parse(alert.since))}>
            {timeOfDay(Date.parse(alert.since))}
          </time>
          <strong title={alert.rule}>{alert.summary}</strong>
          <span class="text">
            {alert.description}{' '}
            {alert.step !== null && <span class="muted">{names.get(alert.step) ?? alert.step}</span>}
          </span>
          <a href={formatRoute({ view: 'run', runId: run.runId, tab: 'output', at: nsOf(alert.since) })}>
            Output at that time
          </a>
        </li>
      ))}
    </ul>
  );
}

function newestFirst(a: RunAlert, b: RunAlert): number {
  return Date.parse(b.since) - Date.parse(a.since);
}
