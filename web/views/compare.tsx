// Two runs of one workflow, step by step: what ended otherwise, what took longer, what cost more.
import { useEffect, useState } from 'preact/hooks';
import { type ApiFailure, getJson } from '../api/http.ts';
import { compareSteps, costDelta } from '../model/compare.ts';
import { duration, fullTime, money } from '../model/format.ts';
import { elapsedMs, msOf, type Run, stepState } from '../model/run.ts';
import { formatRoute } from '../route.ts';
import { Failure, Skeleton, Status } from './parts.tsx';

export function Compare({ left, right }: { left: string; right: string }) {
  const [pair, setPair] = useState<readonly [Run, Run]>();
  const [failure, setFailure] = useState<ApiFailure>();
  useEffect(() => {
    document.title = 'Compare · stepspan';
    void Promise.all([getJson<Run>(`/runs/${left}`), getJson<Run>(`/runs/${right}`)]).then(([a, b]) => {
      if (a.ok && b.ok) setPair([a.value, b.value]);
      else setFailure(a.ok ? (b.ok ? undefined : b.failure) : a.failure);
    });
  }, [left, right]);
  if (failure !== undefined) return <Failure failure={failure} />;
  if (pair === undefined) return <Skeleton rows={8} />;
  const [a, b] = pair;
  const longest = Math.max(1, ...pair.flatMap((run) => run.steps.map((step) => step.durationMs ?? 0)));
  return (
    <div class="compare">
      <h1>{a.workflow}: two runs</h1>
      <div class="table-wrap" tabIndex={0} role="region" aria-label="Comparison">
        <table>
          <thead>
            <tr>
              <th scope="col">Step</th>
              {pair.map((run) => (
                <th key={run.runId} scope="col" colSpan={2}>
                  <a href={formatRoute({ view: 'run', runId: run.runId, tab: 'output' })} class="mono">
                    {run.runId}
                  </a>
                  <span class="muted small block">{fullTime(msOf(run.startedAt))}</span>
                </th>
              ))}
              <th scope="col" class="num">
                Time
              </th>
              <th scope="col" class="num">
                Cost
              </th>
            </tr>
          </thead>
          <tbody>
            {compareSteps(a, b).map((step) => (
              <tr key={step.id} class={step.changed ? 'changed' : ''}>
                <th scope="row">{step.name}</th>
                {[step.left, step.right].map((side, index) => [
                  <td key={`${index} state`}>{side === undefined ? '–' : <Status state={stepState(side)} />}</td>,
                  <td key={`${index} time`} class="num with-bar">
                    <span
                      class={`bar s-${side === undefined ? 'planned' : stepState(side)}`}
                      style={{ width: `${(100 * (side?.durationMs ?? 0)) / longest}%` }}
                    />
                    {duration(side?.durationMs)}
                  </td>,
                ])}
                <td class="num">{delta(step.durationDelta, duration)}</td>
                <td class="num">{delta(step.costDelta, money)}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">Run</th>
              {pair.map((run) => [
                <td key={`${run.runId} state`}>
                  <Status state={run.state} />
                </td>,
                <td key={`${run.runId} time`} class="num">
                  {duration(elapsedMs(run, Date.now()))}
                </td>,
              ])}
              <td class="num">{delta((elapsedMs(b, Date.now()) ?? 0) - (elapsedMs(a, Date.now()) ?? 0), duration)}</td>
              <td class="num">{delta(costDelta(a, b), money)}</td>
            </tr>
          </tfoot>
        </table>
      </div>
    </div>
  );
}

function delta(value: number | undefined, format: (value: number) => string): string {
  if (value === undefined) return '';
  if (format(Math.abs(value)) === format(0)) return '±0';
  return `${value < 0 ? '−' : '+'}${format(Math.abs(value))}`;
}
