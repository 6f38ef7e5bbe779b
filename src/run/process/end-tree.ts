// Ends a process tree: a row of signals, each followed by a grace period, the last one SIGKILL. Bounded in time whatever
// the processes do. Called to stop a child, and to end the processes that a step, a run or a killed stepspan left running.
import { freezeTree } from './freeze-tree.ts';
import { isLive, isStopped, type ProcessInfo, processKey } from './process-info.ts';
import type { ProcessTree } from './process-tree.ts';
import { sendSignal } from './send-signal.ts';
import { systemClock } from './timer-clock.ts';

/** Claude Code ends its turn and writes its result line on SIGINT; it was seen to flush telemetry for 2 s at its exit. */
export const INTERRUPT_GRACE_MS = 5_000;
/** What did not react to SIGINT gets the usual request to end. Docker waits for 10 s, but it sends only this one. */
export const TERMINATE_GRACE_MS = 5_000;
/**
 * When the root has ended, what it left gets this much of a grace period that is still running. A shell lets its
 * background jobs ignore SIGINT, so most of these waits end only with the next signal.
 */
export const ORPHAN_GRACE_MS = 1_000;
/** Long enough for a handler that removes its temporary files; short for a person who has pressed Ctrl-C twice. */
export const KILL_NOW_GRACE_MS = 500;
/** A killed process is gone in milliseconds; one that is not by then waits for a device or a dead network file system. */
export const KILL_WAIT_MS = 3_000;

export type EndStep = { readonly signal: NodeJS.Signals; readonly graceMs: number };

/** How a run is cancelled: ask twice, then kill. */
export const cancelSteps: readonly EndStep[] = [
  { signal: 'SIGINT', graceMs: INTERRUPT_GRACE_MS },
  { signal: 'SIGTERM', graceMs: TERMINATE_GRACE_MS },
  { signal: 'SIGKILL', graceMs: KILL_WAIT_MS },
];

export type EndOptions = {
  /** In order. SIGKILL follows if it is not the last one. */
  readonly steps?: readonly EndStep[];
  /** When it fires, the running and all later grace periods end after `KILL_NOW_GRACE_MS`. */
  readonly killNow?: AbortSignal | undefined;
  /** Called for each signal, once for all processes that got it at the same time. */
  readonly onSignal?: ((signal: NodeJS.Signals, processes: readonly ProcessInfo[]) => void) | undefined;
};

export type Ended = {
  readonly signalled: readonly { readonly signal: NodeJS.Signals; readonly pids: readonly number[] }[];
  /** Still there after SIGKILL and its wait: in an uninterruptible sleep (state D), or of another user. */
  readonly survivors: readonly ProcessInfo[];
};

/** Ends every member of the tree and returns when all are dead or every step has been tried. Never rejects for what a process does. */
export async function endTree(tree: ProcessTree, options: EndOptions = {}): Promise<Ended> {
  const signalled: { signal: NodeJS.Signals; pids: number[] }[] = [];
  let members = await livingAfter(tree.search, []);
  for (const step of withKill(options.steps ?? cancelSteps)) {
    if (members.length === 0) members = await livingAfter(tree.search, members);
    if (members.length === 0) break;
    const sent = new Set<string>();
    const send = async (targets: readonly ProcessInfo[]) => {
      const got = await tried(sendSignal(targets, step.signal, tree.source));
      if (got.length === 0) return;
      for (const info of got) sent.add(processKey(info));
      signalled.push({ signal: step.signal, pids: got.map((info) => info.pid) });
      options.onSignal?.(step.signal, got);
    };
    // All are stopped first, so that none forks unseen between the look and the kill.
    if (step.signal === 'SIGKILL') {
      await tried(freezeTree(tree));
      members = await livingAfter(tree.search, members);
    }
    await send(members);
    const onLook = async (left: readonly ProcessInfo[]): Promise<void> => {
      // A handler may start `rm` or `git` to clean up, which must not be interrupted: only SIGKILL goes to new processes too.
      if (step.signal === 'SIGKILL') await send(left.filter((info) => !sent.has(processKey(info))));
      // A stopped process handles nothing but SIGKILL. At each look, as a stop takes effect when the process next gets a
      // processor, which can be after the signal was sent.
      else await tried(sendSignal(left.filter(isStopped), 'SIGCONT', tree.source));
    };
    members = await waitForEnd(tree, members, { graceMs: step.graceMs, killNow: options.killNow, onLook });
  }
  return { signalled, survivors: await livingAfter(tree.search, members) };
}

type WaitOptions = Pick<EndOptions, 'killNow'> & {
  readonly graceMs: number;
  /** Called after each look, with the members that still run. */
  readonly onLook: (left: readonly ProcessInfo[]) => Promise<void>;
};

/** Polls until all are dead or the grace period is over. */
async function waitForEnd(
  tree: ProcessTree,
  members: readonly ProcessInfo[],
  { graceMs, killNow, onLook }: WaitOptions,
): Promise<readonly ProcessInfo[]> {
  const end = deadline(graceMs, killNow);
  let left = members;
  for (let pauseMs = FIRST_POLL_MS; ; pauseMs = Math.min(pauseMs * 2, LAST_POLL_MS)) {
    left = await livingAfter(tree.look, left);
    await onLook(left);
    if (tree.root !== undefined && !left.some((info) => info.pid === tree.root?.pid)) end.atMost(ORPHAN_GRACE_MS);
    if (left.length === 0 || end.remainingMs() <= 0) return left;
    await end.pause(pauseMs);
  }
}

/** Most processes are gone within milliseconds of a signal; one that takes seconds must not be polled 500 times. */
const FIRST_POLL_MS = 5;
const LAST_POLL_MS = 100;

/** A grace period that `killNow` shortens, whether it fires before or during it. */
function deadline(graceMs: number, killNow: AbortSignal | undefined) {
  let endAt = systemClock.now() + graceMs;
  let orphaned = false;
  const shorten = () => {
    endAt = Math.min(endAt, systemClock.now() + KILL_NOW_GRACE_MS);
  };
  if (killNow?.aborted) shorten();
  return {
    /** The first call sets the bound; later calls must not postpone it. */
    atMost: (ms: number) => {
      if (!orphaned) endAt = Math.min(endAt, systemClock.now() + ms);
      orphaned = true;
    },
    remainingMs: () => endAt - systemClock.now(),
    pause: (ms: number) =>
      new Promise<void>((resolve) => {
        const done = () => {
          cancel();
          killNow?.removeEventListener('abort', onKillNow);
          resolve();
        };
        const onKillNow = () => {
          shorten();
          done();
        };
        const cancel = systemClock.after(Math.min(ms, endAt - systemClock.now()), done);
        killNow?.addEventListener('abort', onKillNow, { once: true });
      }),
  };
}

/**
 * Live members by the given look. A look can fail for lack of file descriptors or memory, above all on a machine that is in
 * trouble. The members of the look before then count, so that no process is taken for dead unseen.
 */
async function livingAfter(
  look: () => Promise<readonly ProcessInfo[]>,
  before: readonly ProcessInfo[],
): Promise<readonly ProcessInfo[]> {
  const found = await look().catch(() => before);
  return found.filter(isLive);
}

/** The processes that got the signal; none if they could not be identified. The next step, or the next look, tries again. */
function tried(signalling: Promise<readonly ProcessInfo[]>): Promise<readonly ProcessInfo[]> {
  return signalling.catch(() => []);
}

function withKill(steps: readonly EndStep[]): readonly EndStep[] {
  return steps.at(-1)?.signal === 'SIGKILL' ? steps : [...steps, { signal: 'SIGKILL', graceMs: KILL_WAIT_MS }];
}
