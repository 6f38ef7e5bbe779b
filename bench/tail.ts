// Watching a run live: how late a line is, what a stalled watcher costs, whether a thousand miss anything, how soon one who
// comes late has the first line. Server, writer and watchers are processes of their own, as in life.
import type { Bench } from './support/bench.ts';
import { late } from './tail/late.ts';
import { latency } from './tail/latency.ts';
import { stalled } from './tail/stalled.ts';
import { thousand } from './tail/thousand.ts';
import { hasPeer } from './tail/websocketd.ts';

export const tail: Bench = {
  name: 'tail',
  async run(setting) {
    const parts = [
      await latency(setting, hasPeer()),
      await stalled(setting),
      await thousand(setting),
      await late(setting),
    ];
    return {
      title: 'Watching a run live',
      how:
        'A process appends lines of 100 bytes to a journal, each with the time at which it was made; another serves the WebSocket tail; the watchers are in a third and take ' +
        'the time at which a line has come. At 1,000 lines/s the same writer also appends each line to a plain file, before or after in turn, which `websocketd tail -n +1 -F FILE` ' +
        'hands to a watcher of its own beside ours. Processor time is of the server, of websocketd with its tail. A stalled watcher asks for 30 MB and takes nothing; memory is what is in use ' +
        'on and off the heap after a collection at the end, and the ratio is about how much more that is than with nobody stalled over the same lines. A late joiner asks for a run ' +
        'of 1 GB (0.3 GB in short mode) on an open connection. Every watcher checks that every number comes once and in order, the stalled one too once it reads again. If a number is missing or comes twice, ' +
        'the benchmark fails.',
      tables: parts.flatMap(({ tables }) => tables),
      ratios: parts.flatMap(({ ratios }) => ratios),
      notes: parts.flatMap(({ notes }) => notes),
    };
  },
};
