// The numbers of the WebSocket tail as metrics: for a hub and for the server of one run.

import { noTail, type TailNumbers } from '../api/index.ts';
import { add, type GaugeSample, gauge, type Measure, metrics } from '../readers/measure/index.ts';

/** Counts what has come since the last call. @returns the gauges of now. @param numbers undefined if no page is served */
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
