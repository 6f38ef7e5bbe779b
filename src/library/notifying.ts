// Sends the alerts of a run while it is written, if no hub does; at the end waits a bounded time for the receiver. What remains is
// reported, and stays in the run's folder for a hub. Called by run-workflow.ts.
import { toError } from '../core/errors.ts';
import type { RunId } from '../core/ids.ts';
import { runningHub } from '../hub/hub-files.ts';
import type { DataFolder, JournalReader, ProblemLog } from '../journal/index.ts';
import { type Notifier, type NotifySettings, originOf, startNotifier } from '../readers/notify/index.ts';
import type { GiveUp } from '../readers/ship/index.ts';
import type { EndWait } from './settings.ts';

export type NotifyingEnd = {
  /** `hub`: a hub sends them. */
  readonly kind: 'off' | 'hub' | 'done' | 'pending';
  /** Alerts that the receiver has not taken. */
  readonly waiting: number;
  /** One sentence if something is left to do, else ''. */
  readonly message: string;
};

export type Notifying = {
  /** Waits for the alerts to be taken, then stops. Never rejects. */
  readonly finish: (wait: EndWait) => Promise<NotifyingEnd>;
};

const off: Notifying = { finish: async () => ({ kind: 'off', waiting: 0, message: '' }) };
const byHub: NotifyingEnd = { kind: 'hub', waiting: 0, message: '' };

/**
 * @param reader the journal of the run as it is open in this process
 * @param problems what is wrong with it, and with those of earlier runs whose alerts it resolves
 */
export async function startNotifying(
  data: DataFolder,
  settings: NotifySettings | undefined,
  reader: JournalReader,
  problems: ProblemLog,
): Promise<Notifying> {
  if (settings === undefined) return off;
  const { runId } = reader.folder;
  const onProblem = problems.note;
  /** Earlier runs of the workflow whose failure this one has resolved: their receivers must learn it. */
  const resolved = new Set<RunId>();
  let problem = '';
  const start = async (): Promise<Notifier | undefined> => {
    if (runningHub(data)?.notifies === true) return undefined;
    const onResolvedEarlier = (runIds: readonly RunId[]) => runIds.forEach((earlier) => void resolved.add(earlier));
    const begun = await startNotifier({ data, runId, settings, reader, onProblem, onResolvedEarlier });
    return begun.kind === 'started' ? begun.notifier : undefined;
  };
  // The run continues if its folder takes no lock; the problem is reported at its end.
  const tryStart = (): Promise<Notifier | undefined> =>
    start().catch((error: unknown) => {
      problem = `no alerts can be sent: ${toError(error).message}`;
      return undefined;
    });
  let notifier = await tryStart();
  return {
    async finish({ ms, giveUp }) {
      // The hub that was to do it may have ended meanwhile.
      notifier ??= await tryStart();
      if (notifier === undefined) return problem === '' ? byHub : { kind: 'pending', waiting: 0, message: problem };
      const deadline = performance.now() + ms;
      const left = [await settle(notifier, deadline, giveUp)];
      for (const earlier of resolved) {
        const begun = await startNotifier({ data, runId: earlier, settings, onProblem });
        if (begun.kind === 'started') left.push(await settle(begun.notifier, deadline, giveUp));
      }
      return endOf(left, settings);
    },
  };
}

type Left = { readonly waiting: number; readonly why: string };

/** How often a receiver is asked whether it has answered, in milliseconds. */
const lookEveryMs = 50;

async function settle(notifier: Notifier, deadline: number, giveUp: GiveUp): Promise<Left> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setInterval(() => {
      const isGivenUp = giveUp === 'unreachable' && notifier.contact() === 'unreachable';
      if (isGivenUp || performance.now() >= deadline) resolve();
    }, lookEveryMs);
  });
  await Promise.race([notifier.delivered, over]);
  clearInterval(timer);
  const waiting = notifier.waiting();
  await notifier.stop();
  const end = await notifier.done;
  return { waiting, why: (end.kind === 'failed' ? end.error.message : notifier.lastFailure()) ?? '' };
}

function endOf(left: readonly Left[], { receiver }: NotifySettings): NotifyingEnd {
  const waiting = left.reduce((sum, each) => sum + each.waiting, 0);
  const why = left.find((each) => each.why !== '')?.why ?? '';
  if (waiting === 0 && why === '') return { kind: 'done', waiting, message: '' };
  const reason = why === '' ? `${originOf(receiver.url)} gave no answer yet` : why;
  if (waiting === 0) return { kind: 'done', waiting, message: `an alert was refused: ${reason}` };
  const alerts = waiting === 1 ? '1 alert is' : `${waiting} alerts are`;
  return {
    kind: 'pending',
    waiting,
    message: `${alerts} not delivered (${reason}); a hub will send them: stepspan serve`,
  };
}
