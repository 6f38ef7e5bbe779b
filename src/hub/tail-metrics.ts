// What the WebSocket tail tells of itself, as metrics: for a hub and for the server of one run.

import { noTail, type TailNumbers } from '../api/index.ts';
import { add, type GaugeSample, gauge, type Measure, metrics } from '../readers/measure/index.ts';

/** Counts what has come since it was last called, and gives what is now. @param numbers undefined where no page is served */
export function createTailMetrics(
  measure: Pick<Measure, 'apply'>,
): (numbers: TailNumbers | undefined) => readonly GaugeSample[] {
  let before = noTail;
  measure.apply(add(metrics.tailSent, {}, 0), add(metrics.tailJumped, {}, 0));
  return (numbers = noTail) => {
    measure.apply(
      add(metrics.tailSent, {}, numbers.sentBytes - before.sentBytes),
      add(metrics.tailJumped, {}, numbers.jumped - before.jumped),
    );
    before = numbers;
    return [gauge(metrics.tailClients, {}, numbers.clients), gauge(metrics.tailBuffered, {}, numbers.bufferedBytes)];
  };
}
