// One run in the list: state, what it does now or how it ended, how long, what it cost, and the runs of its workflow before it.
import { formatElapsed } from '../../src/core/duration.ts';
import { formatStepCounts } from '../../src/core/units.ts';
import { isFree, paramsText, sparkline } from '../model/fleet.ts';
import { age, cost, duration, fullTime, timeOfDay } from '../model/format.ts';
import { elapsedMs, isOpen, msOf, nameOf, type RunRow, stateWord } from '../model/run.ts';
import { formatRoute, type Tab } from '../route.ts';
import { LabelChips, Status, Warnings } from './parts.tsx';

const costTitles = {
  known: 'cost',
  estimated: 'cost, estimated',
  unknown: 'cost; a part of it was not reported',
} as const;

export function FleetRow(props: {
  row: RunRow;
  all: readonly RunRow[];
  chosen: boolean;
  comparable: boolean;
  onChoose: () => void;
}) {
  const { row } = props;
  const open = isOpen(row.state);
  const now = Date.now();
  const took = elapsedMs(row, now);
  const params = paramsText(row);
  return (
    <li class={`run-row s-${row.state} ${props.chosen ? 'chosen' : ''}`}>
      <input
        type="checkbox"
        aria-label={`Compare ${row.workflow} ${row.runId}`}
        title={
          props.comparable
            ? 'Choose two runs of one workflow to compare'
            : 'Only runs of the same workflow can be compared'
        }
        checked={props.chosen}
        disabled={!props.comparable}
        onChange={props.onChoose}
      />
      <a class="run-link" href={formatRoute({ view: 'run', runId: row.runId, tab: firstTab(row) })}>
        <span class="run-name">
          <strong>{nameOf(row)}</strong>
          <span class="muted mono">{row.runId}</span>
        </span>
        <Status state={row.state} />
        <span class="run-where">
          {open ? <Now row={row} nowMs={now} /> : <Ended row={row} />}
          <LabelChips labels={row.labels} />
          {params !== '' && (
            <span class="muted small clip" title={params}>
              {params}
            </span>
          )}
        </span>
        <span class="num steps" title={`${formatStepCounts(row)} steps`}>
          {row.completedSteps}/{row.totalSteps}
        </span>
        <span class="num" title="time">
          {open ? formatElapsed(took ?? 0) : duration(took)}
        </span>
        <span class="num" title={costTitles[row.costBasis]}>
          {isFree(row) ? '' : cost(row)}
        </span>
        <span class="num muted" title={fullTime(msOf(row.startedAt))}>
          {age(msOf(row.startedAt), now)}
        </span>
        <Spark row={row} all={props.all} />
      </a>
    </li>
  );
}

/** What Claude has done in a run that ended well is asked for more often than what was printed. */
export function firstTab(row: RunRow): Tab {
  return row.state === 'success' && !isFree(row) ? 'summary' : 'output';
}

/** What an active run does, in one line; of one that makes no progress why, for how long, and what it said last. */
function Now({ row, nowMs }: { row: RunRow; nowMs: number }) {
  const { activity, cause } = row;
  const doing = activity === null ? '' : `${activity.stepName}${activity.text === '' ? '' : `: ${activity.text}`}`;
  const sinceMs = msOf(row.state === 'running' ? (activity?.since ?? null) : row.since);
  const forHow = sinceMs === undefined ? '' : formatElapsed(nowMs - sinceMs);
  const untilMs = msOf(row.until);
  const until = untilMs === undefined ? '' : `until ${timeOfDay(untilMs)}`;
  return (
    <>
      <progress max={100} value={row.progress} aria-label={`Progress of ${row.runId}`} />
      {row.state !== 'running' && (
        <span class="cause clip" title={cause}>
          {[cause, forHow, until].filter((part) => part !== '').join(', ')}
        </span>
      )}
      <span class="doing muted clip" title={doing}>
        {[doing, row.state === 'running' ? forHow : ''].filter((part) => part !== '').join(', ')}
      </span>
    </>
  );
}

function Ended({ row }: { row: RunRow }) {
  return (
    <>
      <Warnings count={row.warnings} />
      <span class="muted clip" title={row.message}>
        {row.message}
      </span>
    </>
  );
}

const sparkHeight = 20;

function Spark({ row, all }: { row: RunRow; all: readonly RunRow[] }) {
  const bars = sparkline(all, row, Date.now());
  return (
    <svg
      class="spark"
      width="84"
      height={sparkHeight}
      role="img"
      aria-label={`Last ${bars.length} runs of ${row.workflow}`}
    >
      {bars.map((bar, index) => {
        const height = Math.max(2, bar.height * sparkHeight);
        const x = 84 - (bars.length - index) * 7;
        return (
          <rect
            key={bar.id}
            class={`bar s-${bar.state} ${bar.self ? 'self' : ''}`}
            x={x}
            y={sparkHeight - height}
            width="5"
            height={height}
            rx="1"
          >
            <title>{stateWord(bar.state)}</title>
          </rect>
        );
      })}
    </svg>
  );
}
