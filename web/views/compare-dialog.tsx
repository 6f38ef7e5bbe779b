// Which run of the same workflow a run is compared with. Called by run-header.tsx.
import { useEffect, useState } from 'preact/hooks';
import type { RunList } from '../../src/api/schema/run.ts';
import { type ApiFailure, getJson } from '../api/http.ts';
import { differences } from '../model/compare.ts';
import { age, fullTime } from '../model/format.ts';
import { msOf, nameOf, type Run, type RunRow } from '../model/run.ts';
import { formatRoute } from '../route.ts';
import { Dialog, Failure, Skeleton, Status } from './parts.tsx';

/** As many as fit a screen; older ones are chosen in the list of runs. */
const offered = 20;

function comparison(run: Run, row: RunRow): string {
  const found = differences(run, row);
  return found.length === 0 ? '' : `this run: ${found.join(', ')}`;
}

export function CompareDialog({ run, onClose }: { run: Run; onClose: () => void }) {
  const [rows, setRows] = useState<readonly RunRow[]>();
  const [failure, setFailure] = useState<ApiFailure>();
  useEffect(() => {
    const abort = new AbortController();
    const query = new URLSearchParams({ workflow: run.workflow, limit: String(offered + 1) });
    void getJson<RunList>(`/runs?${query}`, abort.signal).then((answer) => {
      if (abort.signal.aborted) return;
      if (answer.ok) setRows(answer.value.runs.filter(({ runId }) => runId !== run.runId).slice(0, offered));
      else setFailure(answer.failure);
    });
    return () => abort.abort();
  }, [run.runId]);
  return (
    <Dialog title={`Compare with another run of ${nameOf(run)}`} onClose={onClose} class="compare-with">
      {failure !== undefined && <Failure failure={failure} />}
      {rows === undefined && failure === undefined && <Skeleton rows={4} />}
      {rows?.length === 0 && <p class="muted">It is the only one.</p>}
      <ul>
        {rows?.map((row) => {
          // The older one is on the left.
          const [left = '', right = ''] = [row.runId, run.runId].toSorted();
          return (
            <li key={row.runId}>
              <a href={formatRoute({ view: 'compare', left, right })}>
                <Status state={row.state} />
                <span class="muted mono">{row.runId}</span>
                <span class="grow muted small clip">{comparison(run, row)}</span>
                <span class="muted small" title={fullTime(msOf(row.startedAt))}>
                  {age(msOf(row.startedAt), Date.now())}
                </span>
              </a>
            </li>
          );
        })}
      </ul>
    </Dialog>
  );
}
