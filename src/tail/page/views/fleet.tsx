// All runs: what runs now, what failed, what it cost. Filter, search, start one, choose two to compare.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { RunList } from '../../api/answers.ts';
import { type ApiFailure, getJson } from '../api/http.ts';
import { rowOf } from '../api/views.ts';
import { app, canControl, go } from '../app-state.ts';
import { countByState, filterRuns, type StateFilter, stateFilters, workflowNames } from '../model/fleet.ts';
import { isOpen, type RunRow } from '../model/run-view.ts';
import { useStore } from '../store.ts';
import { FleetRow } from './fleet-row.tsx';
import { Empty, Failure, Icon, Skeleton } from './parts.tsx';
import { StartDialog } from './start-dialog.tsx';
import { useKeys } from './use-keys.ts';

/** A run that has just begun is seen within two seconds; nothing is asked while the page is hidden. */
const pollMs = 2_000;
/** A screen of rows many times over; older ones come by a click. */
const pageSize = 200;

export function Fleet() {
  const control = useStore(app, canControl);
  const canStart = useStore(app, (s) => s.session.kind === 'signed_in' && s.session.session.canStart);
  const [rows, setRows] = useState<readonly RunRow[]>();
  const [older, setOlder] = useState<{ readonly rows: readonly RunRow[]; readonly next: string | undefined }>();
  const [next, setNext] = useState<string>();
  const [failure, setFailure] = useState<ApiFailure>();
  const [state, setState] = useState<StateFilter>('all');
  const [workflow, setWorkflow] = useState('');
  const [search, setSearch] = useState('');
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [starting, setStarting] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useKeys({ '/': () => field.current?.focus() });
  useEffect(() => {
    document.title = 'Runs · stepspan';
  }, []);

  useEffect(() => {
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      const answer = await getJson<RunList>(`/runs?limit=${pageSize}`, abort.signal);
      if (abort.signal.aborted) return;
      setFailure(answer.ok ? undefined : answer.failure);
      if (!answer.ok) return;
      setRows(answer.value.runs.map(rowOf));
      setNext(answer.value.next);
    };
    void ask();
    const timer = setInterval(() => void (document.hidden ? undefined : ask()), pollMs);
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, []);

  const more = async (): Promise<void> => {
    const before = older?.next ?? next;
    if (before === undefined) return;
    const answer = await getJson<RunList>(`/runs?limit=${pageSize}&before=${encodeURIComponent(before)}`);
    if (answer.ok)
      setOlder({ rows: [...(older?.rows ?? []), ...answer.value.runs.map(rowOf)], next: answer.value.next });
    else setFailure(answer.failure);
  };

  const all = useMemo(() => {
    const known = new Set((rows ?? []).map((row) => row.id));
    return [...(rows ?? []), ...(older?.rows ?? []).filter((row) => !known.has(row.id))];
  }, [rows, older]);
  const shown = filterRuns(all, { state, workflow, search });
  const counts = countByState(all);
  const left = all.find((row) => row.id === chosen[0]);
  const choose = (row: RunRow): void =>
    setChosen(chosen.includes(row.id) ? chosen.filter((id) => id !== row.id) : [...chosen, row.id].slice(-2));

  return (
    <div class="fleet">
      <div class="fleet-head">
        <h1>Runs</h1>
        <span class="muted tabular">
          {counts.active > 0 ? `${counts.active} active` : rows === undefined ? '' : 'nothing is running'}
        </span>
        <span class="grow" />
        {chosen.length === 2 && (
          <button
            type="button"
            onClick={() =>
              go({ view: 'compare', left: [...chosen].sort()[0] ?? '', right: [...chosen].sort()[1] ?? '' })
            }
          >
            Compare two runs
          </button>
        )}
        {control && canStart && (
          <button type="button" class="primary" onClick={() => setStarting(true)}>
            <Icon name="play" /> Start a workflow
          </button>
        )}
      </div>
      <div class="toolbar" role="group" aria-label="Filter runs">
        <div class="segments">
          {stateFilters.map((name) => (
            <button key={name} type="button" aria-pressed={state === name} onClick={() => setState(name)}>
              {name} <span class="badge">{counts[name]}</span>
            </button>
          ))}
        </div>
        <select aria-label="Workflow" value={workflow} onChange={(event) => setWorkflow(event.currentTarget.value)}>
          <option value="">any workflow</option>
          {workflowNames(all).map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
        <label class="search-field">
          <Icon name="search" />
          <input
            ref={field}
            type="search"
            aria-label="Search runs"
            placeholder="Search runs"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
          <kbd>/</kbd>
        </label>
      </div>
      {failure !== undefined && rows !== undefined && (
        <p class="banner bad" role="status">
          {failure.message} {failure.fix}
        </p>
      )}
      {rows === undefined && failure === undefined && <Skeleton rows={8} />}
      {rows === undefined && failure !== undefined && <Failure failure={failure} />}
      {rows !== undefined && all.length === 0 && (
        <Empty title="No runs yet">
          <p>Start one in a terminal, and it shows up here while it runs:</p>
          <pre>stepspan run workflow.yaml</pre>
        </Empty>
      )}
      {all.length > 0 && shown.length === 0 && (
        <Empty title="No run fits the filter">
          <button
            type="button"
            onClick={() => {
              setState('all');
              setWorkflow('');
              setSearch('');
            }}
          >
            Show all runs
          </button>
        </Empty>
      )}
      {shown.length > 0 && (
        <ul class="runs" aria-label="Runs">
          {shown.map((row) => (
            <FleetRow
              key={row.id}
              row={row}
              all={all}
              chosen={chosen.includes(row.id)}
              comparable={left === undefined || left.workflow === row.workflow || chosen.includes(row.id)}
              onChoose={() => choose(row)}
            />
          ))}
        </ul>
      )}
      {(older === undefined ? next : older.next) !== undefined && (
        <button type="button" class="more" onClick={() => void more()}>
          Older runs
        </button>
      )}
      {starting && <StartDialog onClose={() => setStarting(false)} />}
      <p class="sr-only" role="status">
        {shown.filter((row) => isOpen(row.status)).length} runs active
      </p>
    </div>
  );
}
