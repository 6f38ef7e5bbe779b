// How the time of a line is shown beside it. Pure, but for the choice that the browser remembers.
import { formatElapsed } from '../../src/core/duration.ts';
import { recall } from '../app-state.ts';
import { timeOfDay } from '../model/format.ts';

const choices = ['local', 'relative', 'utc', 'none'] as const;

export type Times = (typeof choices)[number];

export const timesNames: Readonly<Record<Times, string>> = {
  local: 'local time',
  relative: 'since the start of the run',
  utc: 'UTC',
  none: 'no times',
};

export function savedTimes(): Times {
  const saved = recall('stepspan.times');
  return choices.find((choice) => choice === saved) ?? 'local';
}

export function nextTimes(times: Times): Times {
  return choices[(choices.indexOf(times) + 1) % choices.length] ?? 'local';
}

/** @param startedMs of the run */
export function lineTime(times: Times, ms: number, startedMs: number | undefined): string {
  switch (times) {
    case 'local':
      return timeOfDay(ms);
    case 'utc':
      return `${new Date(ms).toISOString().slice(11, 19)}Z`;
    case 'relative':
      return startedMs === undefined ? '' : `+${formatElapsed(ms - startedMs)}`;
    case 'none':
      return '';
  }
}
