// Sends what runs that send their metrics themselves have left unsent: one that was killed cannot send its end. A task of the
// supervisor, for a hub that has the same OTEL_METRICS_EXPORTER and endpoint; without them `stepspan ship` does it.
import type { RunId } from '../core/ids.ts';
import { type DataFolder, openJournal, readersOf } from '../journal/index.ts';
import { pushCursor } from '../readers/measure/index.ts';
import { readMetricSettings } from '../readers/ship/index.ts';
import type { PushContext } from './push-run.ts';
import type { RunTask } from './supervisor.ts';

export type PushRests = RunTask & { readonly stop: () => Promise<void> };

const wait = { ms: 10_000, giveUp: 'unreachable' } as const;

/** After an export that was not taken. */
const retryMs = 60_000;

type PushRestsOptions = PushContext & {
  readonly data: DataFolder;
  readonly onError: (runId: RunId, error: unknown) => void;
};

export function createPushRests({ data, onError, ...context }: PushRestsOptions): PushRests {
  const isOn = readMetricSettings(context.env).kind === 'on';
  const sent = new Set<RunId>();
  /** When a run whose export was not taken is tried again, in Unix ms. */
  const dueMs = new Map<RunId, number>();
  let sending: Promise<void> | undefined;

  async function send(runId: RunId): Promise<void> {
    try {
      const { pushRest } = await import('./push-run.ts');
      const note = await pushRest(openJournal(data.runDir(runId)), context, wait, false);
      if (note !== '') throw new Error(note);
      sent.add(runId);
    } catch (error) {
      dueMs.set(runId, Date.now() + retryMs);
      onError(runId, error);
    }
  }

  return {
    name: 'push',
    look({ runs, nowMs, settle }) {
      for (const { runId, kind } of runs) {
        if (kind !== 'ended') continue;
        if (!isOn || sent.delete(runId) || !readersOf(data.runDir(runId)).includes(pushCursor)) {
          dueMs.delete(runId);
          settle(runId);
        } else if (sending === undefined && nowMs >= (dueMs.get(runId) ?? 0)) {
          // One at a time, and beside the look, which must not wait for a server.
          sending = send(runId).finally(() => {
            sending = undefined;
          });
        }
      }
    },
    stop: async () => sending,
  };
}
