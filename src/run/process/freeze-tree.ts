// Stops every process of a tree and lets it go on: pause "now". Also the first half of killing a tree that forks.
import { isLive, isStopped, type ProcessInfo, processKey } from './process-info.ts';
import type { ProcessTree } from './process-tree.ts';
import { sendSignal } from './send-signal.ts';

/**
 * A look can miss a child that is forked meanwhile, so looks go on until one finds nobody new. A stopped process forks no
 * more, so each round has fewer that can; a tree that still grows after so many is a fork bomb.
 */
const MAX_ROUNDS = 20;

/**
 * Stops all members that run.
 * @returns those that were stopped here; one that had stopped itself before is not among them and must not be woken
 */
export async function freezeTree(tree: ProcessTree): Promise<readonly ProcessInfo[]> {
  const frozen = new Map<string, ProcessInfo>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const awake = (await tree.look()).filter((info) => isLive(info) && !isStopped(info));
    const running = awake.filter((info) => !frozen.has(processKey(info)));
    // One that has the signal stops a moment later, on its own processor; who is to wake it must find it stopped.
    if (awake.length === 0) break;
    for (const info of await sendSignal(running, 'SIGSTOP', tree.source)) frozen.set(processKey(info), info);
  }
  return [...frozen.values()];
}

/** Lets processes go on that `freezeTree` stopped; children first, so that no parent finds its child still stopped. */
export async function thawTree(tree: ProcessTree, frozen: readonly ProcessInfo[]): Promise<void> {
  await sendSignal(frozen.toReversed(), 'SIGCONT', tree.source);
}
