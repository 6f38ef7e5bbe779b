// All runs: what runs now, what failed, what it cost. Filter, search, start one, choose two to compare. Called by app.tsx.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { RunList } from '../../src/api/schema/run.ts';
import { getJson } from '../api/http.ts';
import { app, canControl, go } from '../app-state.ts';
import { fleet, lookAtFleet } from '../fleet.ts';
import { countByState, filterRuns, stateFilters, workflowNames } from '../model/fleet.ts';
import { isOpen, type RunRow } from '../model/run.ts';
import { useStore } from '../store.ts';
import { SearchField, Toggles } from './fields.tsx';
import { FleetRow } from './fleet-row.tsx';
import { Empty, Failure, Icon, Skeleton } from './parts.tsx';
import { StartDialog } from './start-dialog.tsx';
import { useKeys } from './use-keys.ts';

export function Fleet() {
  const { rows, failure } = useStore(fleet, (now) => now);
  const { older, hasMore, loadMore } = useOlderRuns();
  const [filter, setFilter] = useState(noFilter);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  useEffect(() => {
    document.title = 'Runs · stepspan';
  }, []);
  useEffect(lookAtFleet, []);

  const all = useMemo(() => {
    const known = new Set((rows ?? []).map((row) => row.runId));
    return [...(rows ?? []), ...older.filter((row) => !known.has(row.runId))];
  }, [rows, older]);
  const shown = filterRuns(all, filter);
  const left = all.find((row) => row.runId === chosen[0]);
  const choose = (row: RunRow): void =>
    setChosen(chosen.includes(row.runId) ? chosen.filter((id) => id !== row.runId) : [...chosen, row.runId].slice(-2));

  return (
    <div class="fleet">
      <FleetHead active={rows === undefined ? undefined : countByState(all).active} chosen={chosen} />
      <FleetFilters all={all} filter={filter} onChange={setFilter} />
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
          <button type="button" onClick={() => setFilter(noFilter)}>
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
      {hasMore && (
        <button type="button" class="more" onClick={() => void loadMore()}>
          Older runs
        </button>
      )}
      <p class="sr-only" role="status">
        {shown.filter((row) => isOpen(row.state)).length} runs active
      </p>
    </div>
  );
}

/** Runs that are older than those that the server sends by itself. */
function useOlderRuns() {
  const { rows, isComplete } = useStore(fleet, (now) => now);
  const [older, setOlder] = useState<{ readonly rows: readonly RunRow[]; readonly next: string | undefined }>();
  const loadMore = async (): Promise<void> => {
    const before = older === undefined ? rows?.at(-1)?.runId : older.next;
    if (before === undefined) return;
    const answer = await getJson<RunList>(`/runs?limit=200&before=${encodeURIComponent(before)}`);
    if (answer.ok) setOlder({ rows: [...(older?.rows ?? []), ...answer.value.runs], next: answer.value.next });
    else fleet.set({ failure: answer.failure });
  };
  const hasMore = older === undefined ? !isComplete : older.next !== undefined;
  return { older: older?.rows ?? noRows, hasMore, loadMore };
}

const noRows: readonly RunRow[] = [];

/** @param props.active undefined before the list was read */
function FleetHead({ active, chosen }: { active: number | undefined; chosen: readonly string[] }) {
  const control = useStore(app, canControl);
  const canStart = useStore(app, (s) => s.session.kind === 'signed_in' && s.session.session.canStart);
  const [starting, setStarting] = useState(false);
  const [left = '', right = ''] = chosen.toSorted();
  return (
    <div class="fleet-head">
      <h1>Runs</h1>
      <span class="muted tabular">
        {active === undefined ? '' : active > 0 ? `${active} active` : 'nothing is running'}
      </span>
      <span class="grow" />
      {chosen.length === 2 && (
        <button type="button" onClick={() => go({ view: 'compare', left, right })}>
          Compare two runs
        </button>
      )}
      {control && canStart && (
        <button type="button" class="primary" onClick={() => setStarting(true)}>
          <Icon name="play" /> Start a workflow
        </button>
      )}
      {starting && <StartDialog onClose={() => setStarting(false)} />}
    </div>
  );
}

type Filter = Parameters<typeof filterRuns>[1];

const noFilter: Filter = { state: 'all', workflow: '', search: '' };

function FleetFilters(props: { all: readonly RunRow[]; filter: Filter; onChange: (filter: Filter) => void }) {
  const { all, filter, onChange } = props;
  const field = useRef<HTMLInputElement>(null);
  useKeys({ '/': () => field.current?.focus() });
  const counts = countByState(all);
  return (
    <div class="toolbar" role="group" aria-label="Filter runs">
      <Toggles
        name="State"
        options={stateFilters.map((value) => ({ value, count: counts[value] }))}
        isOn={(value) => value === filter.state}
        onPick={(state) => onChange({ ...filter, state })}
      />
      <select
        aria-label="Workflow"
        value={filter.workflow}
        onChange={(event) => onChange({ ...filter, workflow: event.currentTarget.value })}
      >
        <option value="">any workflow</option>
        {workflowNames(all).map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      <SearchField
        field={field}
        name="Search runs"
        placeholder="Search runs"
        value={filter.search}
        onInput={(search) => onChange({ ...filter, search })}
      >
        <kbd>/</kbd>
      </SearchField>
    </div>
  );
}
