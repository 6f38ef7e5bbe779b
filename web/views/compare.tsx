// Two runs of one workflow, step by step: what ended otherwise, what took longer, what cost more.
import { useEffect, useState } from 'preact/hooks';
import type { RunAnswer } from '../../src/api/schema/run.ts';
import { type ApiFailure, getJson } from '../api/http.ts';
import { viewOf } from '../api/views.ts';
import { compareSteps, costDelta } from '../model/compare.ts';
import { duration, fullTime, money } from '../model/format.ts';
import type { RunView } from '../model/run-view.ts';
import { formatRoute } from '../route.ts';
import { Failure, Skeleton, Status } from './parts.tsx';

export function Compare({ left, right }: { left: string; right: string }) {
  const [pair, setPair] = useState<readonly [RunView, RunView]>();
  const [failure, setFailure] = useState<ApiFailure>();
  useEffect(() => {
    document.title = 'Compare · stepspan';
    void Promise.all([getJson<RunAnswer>(`/runs/${left}`), getJson<RunAnswer>(`/runs/${right}`)]).then(([a, b]) => {
      if (a.ok && b.ok) setPair([viewOf(a.value), viewOf(b.value)]);
      else setFailure(a.ok ? (b.ok ? undefined : b.failure) : a.failure);
    });
  }, [left, right]);
  if (failure !== undefined) return <Failure failure={failure} />;
  if (pair === undefined) return <Skeleton rows={8} />;
  const [a, b] = pair;
  const longest = Math.max(1, ...pair.flatMap((run) => run.stepList.map((step) => step.durationMs ?? 0)));
  return (
    <div class="compare">
      <h1>{a.workflow}: two runs</h1>
      <div class="table-wrap" tabIndex={0} role="region" aria-label="Comparison">
        <table>
          <thead>
            <tr>
              <th scope="col">Step</th>
              {pair.map((run) => (
                <th key={run.id} scope="col" colSpan={2}>
                  <a href={formatRoute({ view: 'run', runId: run.id, tab: 'output' })} class="mono">
                    {run.id}
                  </a>
                  <span class="muted small block">{fullTime(run.startedMs)}</span>
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
                  <td key={`${index} state`}>{side === undefined ? '–' : <Status status={side.status} />}</td>,
                  <td key={`${index} time`} class="num with-bar">
                    <span
                      class={`bar s-${side?.status ?? 'planned'}`}
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
                <td key={`${run.id} state`}>
                  <Status status={run.status} />
                </td>,
                <td key={`${run.id} time`} class="num">
                  {duration(run.durationMs)}
                </td>,
              ])}
              <td class="num">{delta(b.durationMs - a.durationMs, duration)}</td>
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
