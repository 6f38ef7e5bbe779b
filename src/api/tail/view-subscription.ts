// The state of one run, or the list of runs, as one watcher gets it: whole at first, then what changed. A watcher that reads slowly
// gets fewer and larger changes; what it has not read costs nothing. Called by watches.ts.
import type { RunId } from '../../core/ids.ts';
import { diffViews } from '../../runs/index.ts';
import type { StateMessage } from '../schema/messages.ts';
import type { RunAnswer } from '../schema/run.ts';
import type { Feed } from './feed.ts';
import { isoNow } from './live-run.ts';
import { encode, type Outbox } from './outbox.ts';
import type { RunList, RunRows } from './run-list.ts';

export type StateSubscription = {
  readonly stop: () => void;
  /** Whether the watcher was sent the end of the run, so that nothing about it follows. */
  readonly hasEndOf: (runId: string) => boolean;
};

export function startViewSubscription(runId: RunId, id: string | null, feed: Feed, outbox: Outbox): StateSubscription {
  let sent: RunAnswer | undefined;
  const update = (): void => {
    const view = feed.run.view();
    if (view === undefined || view === sent || !outbox.hasRoom()) return;
    const common = { executionId: runId, seq: view.nextSeq - 1, timestamp: isoNow() };
    const message: StateMessage =
      sent === undefined
        ? { ...common, type: 'run_view', data: { id, view } }
        : { ...common, type: 'run_patch', data: { patch: diffViews(sent, view) ?? {} } };
    sent = view;
    outbox.send(encode(message));
  };
  feed.watch(update);
  const stops = [() => feed.unwatch(update), outbox.onRoom(update), feed.run.watchView()];
  feed.run.start();
  update();
  return {
    stop() {
      for (const stop of stops) stop();
    },
    hasEndOf: () => hasEnded(sent),
  };
}

function hasEnded(run: { readonly endedAt: string | null } | undefined): boolean {
  return run !== undefined && run.endedAt !== null;
}

export function startListSubscription(list: RunList, outbox: Outbox): StateSubscription {
  let sent: RunRows | undefined;
  const update = (): void => {
    const rows = list.rows();
    if (rows === undefined || rows === sent || !outbox.hasRoom()) return;
    const common = { executionId: null, seq: null, timestamp: isoNow() };
    const before = sent?.runs;
    const all = [...rows.runs.values()];
    if (before === undefined) {
      const data = { runs: all, isComplete: rows.isComplete };
      outbox.send(encode({ ...common, type: 'run_list', data }));
    } else {
      const runs = all.filter((run) => before.get(run.runId) !== run);
      const removed = [...before.keys()].filter((runId) => !rows.runs.has(runId));
      if (runs.length + removed.length > 0)
        outbox.send(encode({ ...common, type: 'run_list_patch', data: { runs, removed } }));
    }
    sent = rows;
  };
  const stops = [list.watch(update), outbox.onRoom(update)];
  update();
  return {
    stop() {
      for (const stop of stops) stop();
    },
    hasEndOf(runId) {
      const run = sent?.runs.get(runId);
      // Only the newest runs are listed.
      return sent !== undefined && (run === undefined || hasEnded(run));
    },
  };
}
