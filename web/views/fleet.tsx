// All runs: what runs now, what failed, what it cost. Filter, search, start one, choose two to compare.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { RunList } from '../../src/api/schema/run.ts';
import { getJson } from '../api/http.ts';
import { app, canControl, go } from '../app-state.ts';
import { fleet, lookAtFleet } from '../fleet.ts';
import { countByState, filterRuns, type StateFilter, stateFilters, workflowNames } from '../model/fleet.ts';
import { isOpen, type RunRow } from '../model/run.ts';
import { useStore } from '../store.ts';
import { SearchField, Toggles } from './fields.tsx';
import { FleetRow } from './fleet-row.tsx';
import { Empty, Failure, Icon, Skeleton } from './parts.tsx';
import { StartDialog } from './start-dialog.tsx';
import { useKeys } from './use-keys.ts';

export function Fleet() {
  const control = useStore(app, canControl);
  const canStart = useStore(app, (s) => s.session.kind === 'signed_in' && s.session.session.canStart);
  const { rows, isComplete, failure } = useStore(fleet, (now) => now);
  const [older, setOlder] = useState<{ readonly rows: readonly RunRow[]; readonly next: string | undefined }>();
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

  useEffect(lookAtFleet, []);

  const more = async (): Promise<void> => {
    const before = older === undefined ? rows?.at(-1)?.runId : older.next;
    if (before === undefined) return;
    const answer = await getJson<RunList>(`/runs?limit=200&before=${encodeURIComponent(before)}`);
    if (answer.ok) setOlder({ rows: [...(older?.rows ?? []), ...answer.value.runs], next: answer.value.next });
    else fleet.set({ failure: answer.failure });
  };

  const all = useMemo(() => {
    const known = new Set((rows ?? []).map((row) => row.runId));
    return [...(rows ?? []), ...(older?.rows ?? []).filter((row) => !known.has(row.runId))];
  }, [rows, older]);
  const shown = filterRuns(all, { state, workflow, search });
  const counts = countByState(all);
  const left = all.find((row) => row.runId === chosen[0]);
  const choose = (row: RunRow): void =>
    setChosen(chosen.includes(row.runId) ? chosen.filter((id) => id !== row.runId) : [...chosen, row.runId].slice(-2));

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
        <Toggles
          name="State"
          options={stateFilters.map((value) => ({ value, count: counts[value] }))}
          isOn={(value) => value === state}
          onPick={setState}
        />
        <select aria-label="Workflow" value={workflow} onChange={(event) => setWorkflow(event.currentTarget.value)}>
          <option value="">any workflow</option>
          {workflowNames(all).map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
        <SearchField field={field} name="Search runs" placeholder="Search runs" value={search} onInput={setSearch}>
          <kbd>/</kbd>
        </SearchField>
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
              key={row.runId}
              row={row}
              all={all}
              chosen={chosen.includes(row.runId)}
              comparable={left === undefined || left.workflow === row.workflow || chosen.includes(row.runId)}
              onChoose={() => choose(row)}
            />
          ))}
        </ul>
      )}
      {(older === undefined ? !isComplete : older.next !== undefined) && (
        <button type="button" class="more" onClick={() => void more()}>
          Older runs
        </button>
      )}
      {starting && <StartDialog onClose={() => setStarting(false)} />}
      <p class="sr-only" role="status">
        {shown.filter((row) => isOpen(row.state)).length} runs active
      </p>
    </div>
  );
}
