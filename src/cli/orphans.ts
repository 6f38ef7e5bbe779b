// What becomes of processes whose parent has ended: stepspan adopts and collects them, so that a run finds everything that its
// steps left. Called by the commands that run steps, and by the hub if it is process 1 of a container.
import { adoptOrphans } from '../run/index.ts';
import type { CliContext } from './context.ts';

/** Warns if stepspan cannot collect processes although it has to: process 1 becomes the parent of those that nobody adopts. */
export function adoptOrphansOrWarn(context: Pick<CliContext, 'stderr'>): void {
  if (adoptOrphans() || process.pid !== 1) return;
  context.stderr.write(
    'stepspan runs as process 1, which has to collect processes that have ended, and cannot without the package koffi; start the container with an init (docker run --init, tini)\n',
  );
}
