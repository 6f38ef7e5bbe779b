// Stops every process of a tree and lets it continue: pause "now". Also the first half of killing a tree that forks.
import { setTimeout as delay } from 'node:timers/promises';
import { isLive, isStopped, type ProcessInfo, processKey } from './process-info.ts';
import type { ProcessTree } from './process-tree.ts';
import { sendSignal } from './send-signal.ts';
import { systemClock } from './timer-clock.ts';

/**
 * A look can miss a child that is forked meanwhile, so looks are repeated until one finds no new process. A stopped process
 * cannot fork, so each round has fewer that can; a tree that still grows after so many is a fork bomb.
 */
const MAX_ROUNDS = 20;

/** How long to wait for stops to take effect. On a busy machine a process waits for its processor for a few 100 ms. */
const STOP_WAIT_MS = 1_000;
const STOP_POLL_MS = 5;

/**
 * Stops all members that run, and waits until they have stopped, for `STOP_WAIT_MS` at most.
 * @returns those that were stopped here; one that had stopped itself before is not among them and must not be woken
 */
export async function freezeTree(tree: ProcessTree): Promise<readonly ProcessInfo[]> {
  const frozen = new Map<string, ProcessInfo>();
  const endAt = systemClock.now() + STOP_WAIT_MS;
  for (let round = 0; round < MAX_ROUNDS; ) {
    const awake = (await tree.look()).filter((info) => isLive(info) && !isStopped(info));
    const running = awake.filter((info) => !frozen.has(processKey(info)));
    if (running.length > 0) {
      for (const info of await sendSignal(running, 'SIGSTOP', tree.source)) frozen.set(processKey(info), info);
      round++;
      continue;
    }
    // One in state D, such as a shell in vfork(2), stops before it runs its own code again, whenever that is.
    if (awake.every(({ state }) => state === 'D') || systemClock.now() >= endAt) break;
    // The caller may wake the tree at once, and must find it stopped.
    await delay(STOP_POLL_MS);
  }
  return [...frozen.values()];
}

/** Continues the processes that `freezeTree` stopped; children first, so that no parent finds its child still stopped. */
export async function thawTree(tree: ProcessTree, frozen: readonly ProcessInfo[]): Promise<void> {
  await sendSignal(frozen.toReversed(), 'SIGCONT', tree.source);
}
