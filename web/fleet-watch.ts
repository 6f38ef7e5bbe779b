// The runs of the server as they are now: asked for while somebody looks at the list, or wants to be notified. One place asks,
// so that the list and the notifications agree. Owns what was told; draws nothing.
import type { RunAnswer, RunList } from '../src/api/schema/run.ts';
import { type ApiFailure, getJson } from './api/http.ts';
import { rowOf, viewOf } from './api/views.ts';
import { app } from './app-state.ts';
import { isOpen, type RunRow, type RunView } from './model/run-view.ts';
import { notify } from './notify.ts';
import { createStore } from './store.ts';

export type FleetState = {
  readonly rows: readonly RunRow[] | undefined;
  /** Where the runs before these go on; undefined where there are none. */
  readonly next: string | undefined;
  readonly failure: ApiFailure | undefined;
};

export const fleet = createStore<FleetState>({ rows: undefined, next: undefined, failure: undefined });

/** A run that has just begun is seen within two seconds. */
const lookMs = 2_000;
/** For notifications alone: soon enough to come back to the desk, and a hidden page is called no more often anyway. */
const notifyMs = 5_000;
/** A screen of rows many times over; older ones come by a click. */
export const pageSize = 200;

type Told = Pick<RunView, 'status' | 'alerts'> & { readonly alertCount: number };

/** How each run stood when it was last looked at; empty while nobody wants to be notified. */
const known = new Map<string, Told>();
/** The newest run that was there when notifications began: what is older is no news, however late it is listed. */
let newestAtFirst: string | undefined;
let lookers = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let asking: 'no' | 'yes' | 'again' = 'no';

/** @returns ends the looking */
export function lookAtFleet(): () => void {
  lookers += 1;
  askSoon(0);
  return () => {
    lookers -= 1;
  };
}

/** Called once. Follows whether notifications are wanted and whether the browser is signed in. */
export function startFleetWatch(): void {
  app.subscribe(() => {
    if (wantsNotices()) {
      if (timer === undefined && asking === 'no') askSoon(0);
    } else {
      known.clear();
      newestAtFirst = undefined;
    }
  });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && lookers > 0) askSoon(0);
  });
}

/** Something has happened to a run that is open, so the list is worth a look before its time. */
export function askSoon(ms: number): void {
  clearTimeout(timer);
  timer = isWanted() ? setTimeout(() => void ask(), ms) : undefined;
}

function wantsNotices(): boolean {
  const { notify: wanted, session } = app.get();
  return wanted && session.kind === 'signed_in';
}

function isWanted(): boolean {
  return wantsNotices() || (lookers > 0 && app.get().session.kind === 'signed_in');
}

async function ask(): Promise<void> {
  timer = undefined;
  if (asking !== 'no') {
    asking = 'again';
    return;
  }
  asking = 'yes';
  // Nobody sees a list in a page that is hidden.
  if (wantsNotices() || !document.hidden) {
    const answer = await getJson<RunList>(`/runs?limit=${pageSize}`);
    if (answer.ok) {
      const { runs, next } = answer.value;
      fleet.set({ rows: runs.map(rowOf), next, failure: undefined });
      if (wantsNotices()) await tell(runs);
    } else fleet.set({ failure: answer.failure });
  }
  const again = isAskedAgain();
  asking = 'no';
  askSoon(again ? 0 : lookers > 0 ? lookMs : notifyMs);
}

/** In a function of its own, as the compiler takes the value for unchanged since it was set. */
function isAskedAgain(): boolean {
  return asking === 'again';
}

/** What is different from the last time is told. A detail is asked for only where something is. */
async function tell(runs: RunList['runs']): Promise<void> {
  const isFirst = newestAtFirst === undefined;
  newestAtFirst ??= runs[0]?.runId ?? '';
  for (const { runId, state, alertCount: alerts } of runs) {
    const before = known.get(runId);
    if (before === undefined && !isFirst && runId <= newestAtFirst) continue;
    if (before?.status === state && before.alertCount === alerts) continue;
    // What was over before anybody wanted to be notified stays as it is.
    if (isFirst && (!isOpen(state) || alerts === 0)) {
      known.set(runId, { status: state, alerts: [], alertCount: alerts });
      continue;
    }
    const answer = await getJson<RunAnswer>(`/runs/${runId}`);
    if (!answer.ok) continue;
    const now = viewOf(answer.value);
    known.set(runId, { status: now.status, alerts: now.alerts, alertCount: alerts });
    if (!isFirst) notify(now, before ?? { status: 'running', alerts: [] });
  }
}
