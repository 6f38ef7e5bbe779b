// The runs of the server as they are now, while somebody looks at the list or wants to be notified. The list and the notifications
// share one connection, so that they agree; the server sends what changes.
import { createTailClient, type TailClient, type TailStatus, type WatchedRuns } from '../src/api/tail/client.ts';
import { type ApiFailure, getJson, tailUrl, unreachable } from './api/http.ts';
import { app } from './app-state.ts';
import { type LostContact, lostContact } from './model/contact.ts';
import { isOpen, type Run, type RunRow } from './model/run.ts';
import { notify } from './notify.ts';
import { createStore } from './store.ts';

export type FleetState = {
  readonly rows: readonly RunRow[] | undefined;
  /** False if there are older runs. */
  readonly isComplete: boolean;
  readonly failure: ApiFailure | undefined;
  readonly lost: LostContact | undefined;
};

export const fleet = createStore<FleetState>({
  rows: undefined,
  isComplete: true,
  failure: undefined,
  lost: undefined,
});

type Known = Pick<Run, 'state' | 'alerts' | 'alertCount'>;

/** Each run when it was last looked at; empty while nobody wants to be notified. */
const known = new Map<string, Known>();
/** The newest run when notifications began: what is older is not news, however late it is listed. */
let newestAtFirst: string | undefined;
let lookers = 0;
let client: TailClient | undefined;
/** Changes are compared one after the other. */
let comparing: Promise<void> = Promise.resolve();

/** @returns ends the looking */
export function lookAtFleet(): () => void {
  lookers += 1;
  update();
  return () => {
    lookers -= 1;
    update();
  };
}

/** Called once. Follows whether notifications are wanted and whether the browser is signed in. */
export function startFleet(): void {
  app.subscribe(update);
}

function wantsNotices(): boolean {
  const { notify: isWanted, session } = app.get();
  return isWanted && session.kind === 'signed_in';
}

function update(): void {
  const isWanted = wantsNotices() || (lookers > 0 && app.get().session.kind === 'signed_in');
  if (!wantsNotices()) {
    known.clear();
    newestAtFirst = undefined;
  } else if (newestAtFirst === undefined) compareSoon();
  if (isWanted === (client !== undefined)) return;
  client?.close();
  client = undefined;
  if (!isWanted) return;
  client = createTailClient({
    url: tailUrl(location),
    onStatus: showStatus,
    retry: { firstMs: 300, longestMs: 5_000 },
  });
  client.watchRuns(take);
}

function showStatus(status: TailStatus): void {
  fleet.set(({ lost }) => ({ lost: lostContact(status, lost) }));
  if (status.kind === 'open') fleet.set({ failure: undefined });
  else if (status.kind === 'waiting' || status.kind === 'refused') fleet.set({ failure: unreachable });
}

function take({ runs, isComplete }: WatchedRuns): void {
  fleet.set({ rows: runs, isComplete, failure: undefined });
  compareSoon();
}

function compareSoon(): void {
  if (!wantsNotices()) return;
  comparing = comparing.then(() => compare(fleet.get().rows));
}

/** What is different from the last time is shown. The alerts of a run are asked for only if their number has changed. */
async function compare(rows: readonly RunRow[] | undefined): Promise<void> {
  if (rows === undefined || !wantsNotices()) return;
  const isFirst = newestAtFirst === undefined;
  newestAtFirst ??= rows[0]?.runId ?? '';
  for (const { runId, state, alertCount } of rows) {
    const before = known.get(runId);
    if (before === undefined && !isFirst && runId <= newestAtFirst) continue;
    if (before?.state === state && before.alertCount === alertCount) continue;
    // What ended before anybody wanted to be notified stays as it is.
    if (isFirst && (!isOpen(state) || alertCount === 0)) {
      known.set(runId, { state, alerts: [], alertCount });
      continue;
    }
    const answer = await getJson<Run>(`/runs/${runId}`);
    if (!answer.ok) continue;
    known.set(runId, answer.value);
    if (!isFirst) notify(answer.value, before ?? { state: 'running', alerts: [] });
  }
}
