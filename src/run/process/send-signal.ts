// Sends one signal to members of a tree and to no other process: each pid is checked against its start time just before.
import { errorCode } from '../../core/errors.ts';
import type { ProcessSource } from './process-info.ts';
import { isLive, type ProcessInfo, processKey } from './process-info.ts';
import { protectedPids } from './process-tree.ts';

/**
 * Each live process gets the signal exactly once: programs take a second SIGINT for "now at once".
 * Between check and signal a pid could only change hands if its process ended and all other pids were used up within
 * microseconds.
 * @param source where the targets were looked up
 * @returns those that got it; the others were gone, or are not ours to signal (another user, our own ancestors)
 */
export async function sendSignal(
  targets: readonly ProcessInfo[],
  signal: NodeJS.Signals,
  source: ProcessSource,
): Promise<readonly ProcessInfo[]> {
  const protectedOnes = await protectedPids(source);
  const wanted = new Set(targets.map(processKey));
  const there = await source.get(targets.map((target) => target.pid));
  return there.filter(
    (info) => wanted.has(processKey(info)) && isLive(info) && !protectedOnes.has(info.pid) && kill(info.pid, signal),
  );
}

function kill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    const code = errorCode(error);
    // Gone since the check, or run as another user by sudo or a setuid program: the next look shows which.
    if (code === 'ESRCH' || code === 'EPERM') return false;
    throw error;
  }
}
