// The two ways in which any child can hang, whatever it is: it prints nothing, or it closes its output and does not end.
import { createStallWatch } from './stall-watch.ts';
import type { TimerClock } from './timer-clock.ts';

export type ProcessStallCause = 'no_output' | 'output_closed';

export type ProcessStalls = {
  /** Something was printed, on either stream. */
  readonly output: () => void;
  /** Both streams are closed: silence is no longer a stall, but not ending is. */
  readonly outputClosed: () => void;
  readonly ended: () => void;
  readonly pause: () => void;
  readonly resume: () => void;
};

/**
 * Starts counting at once.
 * @param options.noOutputMs longest silence in milliseconds; undefined: any silence is right
 * @param options.outputClosedMs longest life after the output was closed, in milliseconds; undefined: any
 */
export function createProcessStalls(options: {
  readonly noOutputMs: number | undefined;
  readonly outputClosedMs: number | undefined;
  readonly onDetected: (cause: ProcessStallCause, forMs: number) => void;
  readonly onCleared: (cause: ProcessStallCause, forMs: number) => void;
  readonly clock?: TimerClock;
}): ProcessStalls {
  const watch = createStallWatch<ProcessStallCause>(options);
  if (options.noOutputMs !== undefined) watch.start('no_output', options.noOutputMs);
  return {
    output: () => watch.beat('no_output'),
    outputClosed() {
      watch.clear('no_output');
      if (options.outputClosedMs !== undefined) watch.start('output_closed', options.outputClosedMs);
    },
    ended: watch.close,
    pause: watch.pause,
    resume: watch.resume,
  };
}
