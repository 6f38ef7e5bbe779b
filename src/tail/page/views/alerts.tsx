// What somebody should know of the run: stalls, budget, lost lines, processes left over.
import type { RunView } from '../model/run-view.ts';
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
      {run.alerts.map((alert, index) => (
        <li key={index} class={`alert v-${alert.severity}`}>
          <strong>{alert.kind.replaceAll('_', ' ')}</strong>
          <span>{alert.message}</span>
          {alert.step !== undefined && <span class="muted">{names.get(alert.step) ?? alert.step}</span>}
        </li>
      ))}
    </ul>
  );
}
