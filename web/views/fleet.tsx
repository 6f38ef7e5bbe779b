// All runs: what runs now, what failed, what it cost. Filter, search, start one, choose two to compare. Called by app.tsx.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { RunList, RunTotals } from '../../src/api/schema/run.ts';
import { getJson } from '../api/http.ts';
import { app, canControl, go } from '../app-state.ts';
import { useCommands } from '../commands.ts';
import { fleet, lookAtFleet } from '../fleet.ts';
import {
  countByState,
  type Day,
  filterRuns,
  groupByDay,
  labelsIn,
  startOfDay,
  startOfWeek,
  stateFilters,
  workflowNames,
} from '../model/fleet.ts';
import { cost } from '../model/format.ts';
import { isOpen, type RunRow } from '../model/run.ts';
import { type FleetChoice, formatRoute } from '../route.ts';
import { useStore } from '../store.ts';
import { Contact } from './contact.tsx';
import { SearchField, Toggles } from './fields.tsx';
import { FleetRow } from './fleet-row.tsx';
import { Empty, Failure, Icon, Skeleton } from './parts.tsx';
import { StartDialog } from './start-dialog.tsx';
import { useKeys } from './use-keys.ts';

export function Fleet({ filter }: { filter: FleetChoice }) {
  const { rows, failure, lost } = useStore(fleet, (now) => now);
  const { older, hasMore, loadMore } = useOlderRuns();
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
      <FleetFilters all={all} filter={filter} onChange={chooseRuns} />
      {rows !== undefined && lost !== undefined && <Contact lost={lost} />}
      {rows !== undefined && lost === undefined && failure !== undefined && (
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
      {filter.search.trim() !== '' && (
        <p class="elsewhere">
          <a href={formatRoute({ view: 'search', text: filter.search.trim(), workflow: filter.workflow })}>
            Search the output of all runs for “{filter.search.trim()}”
          </a>
        </p>
      )}
      {all.length > 0 && shown.length === 0 && (
        <Empty title="No run fits the filter">
          <button type="button" onClick={() => chooseRuns(noFilter)}>
            Show all runs
          </button>
        </Empty>
      )}
      {shown.length > 0 && <Heads />}
      {groupByDay(shown, Date.now()).map((day) => (
        <section key={day.name} class="day" aria-label={day.name}>
          <DayHead day={day} />
          <ul class="runs">
            {day.rows.map((row) => (
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
        </section>
      ))}
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

/** Names of the columns, for who sees them; each cell has its name as a title. */
function Heads() {
  return (
    <div class="run-heads run-link muted small" aria-hidden="true">
      <span>Workflow</span>
      <span>State</span>
      <span>Now, or how it ended</span>
      <span class="num">Steps</span>
      <span class="num">Time</span>
      <span class="num">Cost</span>
      <span class="num">Started</span>
      <span class="spark">Last runs</span>
    </div>
  );
}

function DayHead({ day: { name, rows } }: { day: Day }) {
  const failed = countByState(rows).failed;
  const parts = [rows.length === 1 ? '1 run' : `${rows.length} runs`, ...(failed > 0 ? [`${failed} failed`] : [])];
  return (
    <h2>
      {name} <span class="muted small">{parts.join(', ')}</span>
    </h2>
  );
}

/** Over all runs, also those that are not listed. Asked for again when a listed run has ended. */
function useTotals(rows: readonly RunRow[] | undefined) {
  const [totals, setTotals] = useState<{ readonly today: RunTotals; readonly week: RunTotals }>();
  const ended = rows?.filter((row) => !isOpen(row.state)).length;
  useEffect(() => {
    if (ended === undefined) return;
    const abort = new AbortController();
    const ask = (sinceMs: number) =>
      getJson<RunTotals>(`/totals?since=${new Date(sinceMs).toISOString()}`, abort.signal);
    void Promise.all([ask(startOfDay(Date.now())), ask(startOfWeek(Date.now()))]).then(([today, week]) => {
      if (today.ok && week.ok && !abort.signal.aborted) setTotals({ today: today.value, week: week.value });
    });
    return () => abort.abort();
  }, [ended]);
  return totals;
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
  const totals = useTotals(useStore(fleet, (now) => now.rows));
  const [left = '', right = ''] = chosen.toSorted();
  useCommands(control && canStart ? [{ name: 'Start a workflow', run: () => setStarting(true) }] : []);
  return (
    <div class="fleet-head">
      <h1>Runs</h1>
      <span class="totals muted tabular">
        <span>{active === undefined ? '' : active > 0 ? `${active} active` : 'nothing is running'}</span>
        {totals !== undefined && (
          <>
            <span class={totals.today.failed > 0 ? 'bad' : ''}>{totals.today.failed} failed today</span>
            <span>{spent(totals.today)} today</span>
            <span>{spent(totals.week)} this week</span>
          </>
        )}
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

function spent(totals: RunTotals): string {
  return totals.costBasis === 'unknown' && totals.costAtLeastUsd === 0 ? 'an unknown cost' : cost(totals);
}

export const noFilter: FleetChoice = { state: 'all', workflow: '', label: '', search: '' };

/** Words are typed letter by letter, which are not each a place to go back to. */
function chooseRuns({ search, ...choice }: FleetChoice): void {
  const { route } = app.get();
  const isTyped = route.view === 'fleet' && search !== '' && (route.search ?? '') !== search;
  go({ view: 'fleet', ...choice, search }, isTyped);
}

function FleetFilters(props: { all: readonly RunRow[]; filter: FleetChoice; onChange: (filter: FleetChoice) => void }) {
  const { all, filter, onChange } = props;
  const field = useRef<HTMLInputElement>(null);
  useKeys({ '/': () => field.current?.focus() });
  const counts = countByState(all);
  const labels = labelsIn(all);
  return (
    <div class="toolbar" role="group" aria-label="Filter runs">
      <Toggles
        name="State"
        options={stateFilters.map((value) => ({ value, count: counts[value] }))}
        isOn={(value) => value === filter.state}
        onPick={(state) => onChange({ ...filter, state })}
      />
      <Choice
        name="Workflow"
        any="any workflow"
        values={workflowNames(all)}
        value={filter.workflow}
        onChange={(workflow) => onChange({ ...filter, workflow })}
      />
      {(labels.length > 0 || filter.label !== '') && (
        <Choice
          name="Label"
          any="any label"
          values={labels.includes(filter.label) || filter.label === '' ? labels : [filter.label, ...labels]}
          value={filter.label}
          onChange={(label) => onChange({ ...filter, label })}
        />
      )}
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

type ChoiceProps = {
  readonly name: string;
  /** What is shown while nothing is chosen. */
  readonly any: string;
  readonly values: readonly string[];
  readonly value: string;
  readonly onChange: (value: string) => void;
};

function Choice({ name, any, values, value, onChange }: ChoiceProps) {
  return (
    <select aria-label={name} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
      <option value="">{any}</option>
      {values.map((each) => (
        <option key={each} value={each}>
          {each}
        </option>
      ))}
    </select>
  );
}
