// One that watches a run: checks that every number comes once and in order, and remembers how late each line was.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { TailMessage } from '../../src/api/schema/messages.ts';

export type Watcher = {
  readonly socket: WebSocket;
  readonly lines: () => number;
  /** From when a line was written to when it came, in milliseconds, in order. Lines of a history are as old as the machine. */
  readonly lateMs: readonly number[];
  /** How often a number came that was not the next one. */
  readonly wrong: () => number;
  readonly subscribe: (fromSeq: number | 'end') => void;
};

/**
 * Resolves when it has caught up with the writer.
 * @param timed only the oldest line of each message if so many watch that reading the clock would be the load
 */
export async function watchRun(
  url: string,
  runId: string,
  fromSeq: number | 'end',
  timed: 'every line' | 'oldest of a message',
): Promise<Watcher> {
  const socket = new WebSocket(url);
  const lateMs: number[] = [];
  let lines = 0;
  let next = 0;
  let wrong = 0;
  let caughtUp = (): void => undefined;
  const done = new Promise<void>((resolve, reject) => {
    caughtUp = resolve;
    socket.on('error', reject);
  });
  socket.on('message', (data) => {
    const now = process.hrtime.bigint();
    const message = JSON.parse(data.toString()) as TailMessage;
    if (message.type === 'subscribed') {
      next = message.data.fromSeq;
      lines = 0;
    }
    if (message.type === 'caught_up') caughtUp();
    if (message.type !== 'output_stream') return;
    for (const [index, { seq, text }] of message.data.lines.entries()) {
      if (seq !== next) wrong += 1;
      next = seq + 1;
      lines += 1;
      if (timed === 'every line' || index === 0) lateMs.push(ageMs(text, now));
    }
  });
  const subscribe = (from: number | 'end'): void =>
    socket.send(JSON.stringify({ type: 'subscribe_execution', executionId: runId, fromSeq: from }));
  await once(socket, 'open');
  subscribe(fromSeq);
  await done;
  return { socket, lines: () => lines, lateMs, wrong: () => wrong, subscribe };
}

/** A line begins with when it was written, on the clock that all processes share. */
export function ageMs(line: string, now: bigint): number {
  return Number(now - BigInt(line.slice(0, line.indexOf(' ')))) / 1e6;
}

/** Waits until each has so many lines. Throws if one has lost a line, or got one twice. */
export async function expectAll(watchers: readonly Watcher[], lines: number): Promise<void> {
  const end = performance.now() + 60_000;
  while (watchers.some((one) => one.lines() < lines) && performance.now() < end) await delay(5);
  const bad = watchers.filter((one) => one.lines() !== lines || one.wrong() > 0);
  if (bad.length === 0) return;
  const [first] = bad;
  throw new Error(
    `${bad.length} of ${watchers.length} watchers have not each of ${lines} lines once; one has ${first?.lines()}, ${first?.wrong()} out of order`,
  );
}

/** @param share 0.99 for the 99th percentile */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
}

export function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} ms`;
}
