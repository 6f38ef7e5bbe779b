// The reading side of a pipeline: journal -> whole lines -> batches -> channel. Waits while the channel is full, so what is
// encoded ahead of a slow server is bounded. Called by pipeline.ts.
import type { JournalProblem, JournalReader } from '../../../journal/index.ts';
import type { Batch, Batcher, Content } from '../encode/batch.ts';
import type { Channel } from './channel.ts';
import type { WholeLines } from './whole-lines.ts';

/** A batch with the lines that are open behind it, by their first numbers. */
export type Sendable<C extends Content = Content> = { readonly batch: Batch<C>; readonly open: readonly number[] };

export type FillOptions<C extends Content> = {
  readonly reader: Pick<JournalReader, 'read' | 'head'>;
  readonly lines: WholeLines;
  readonly batcher: Batcher<C>;
  readonly channel: Channel<Sendable<C>>;
  /** How long a record may wait for others to share its request, in milliseconds. */
  readonly lingerMs: number;
  readonly signal: AbortSignal;
  readonly onBatch: (batch: Batch) => void;
  readonly onProblem: (problem: JournalProblem) => void;
};

/** How often lines are looked at that may have been open for too long. */
const expireEveryMs = 1_000;

/** Ends behind the last record of the run, or when `signal` is aborted. */
export async function fillBatches<C extends Content>(options: FillOptions<C>): Promise<void> {
  const { reader, lines, batcher, channel, signal, onProblem } = options;

  /** @param openBefore lines that were open before what the batch ends with, if that may have ended one */
  const put = (batch: Batch<C>, openBefore: readonly number[] = []): Promise<boolean> => {
    options.onBatch(batch);
    const openNow = lines.openSeqs();
    return channel.put({ batch, open: openBefore.length === 0 ? openNow : [...new Set([...openBefore, ...openNow])] });
  };
  const putPartial = (): void => {
    const batch = batcher.take();
    if (batch !== undefined) void put(batch);
  };
  const partial = createPartialBatchTimer(options.lingerMs, channel, putPartial);
  // For a line that is open while nothing else comes.
  const expiring = setInterval(() => {
    if (partial.isPaused() || !channel.hasRoom()) return;
    for (const part of lines.expire(BigInt(Date.now()) * 1_000_000n)) {
      for (const batch of batcher.push(part)) void put(batch);
      partial.putSoon();
    }
  }, expireEveryMs).unref();

  try {
    const { finished } = await reader.head();
    // A follower sees by the last record that a run has ended; one that starts behind it would wait forever.
    for await (const records of reader.read({ from: lines.readFrom, follow: !finished, signal, onProblem })) {
      partial.pause();
      for (const record of records) {
        const openBefore = lines.openSeqs();
        for (const whole of lines.add(record)) {
          for (const batch of batcher.push(whole)) if (!(await put(batch, openBefore))) return;
        }
      }
      partial.resume();
    }
    partial.pause();
    if (signal.aborted) return;
    for (const part of lines.end()) for (const batch of batcher.push(part)) if (!(await put(batch))) return;
    const rest = batcher.take();
    if (rest !== undefined) await put(rest);
  } finally {
    partial.stop();
    clearInterval(expiring);
    channel.end();
  }
}

type PartialBatchTimer = {
  /** Records are being added: a batch that is put now could overtake them. */
  readonly pause: () => void;
  readonly resume: () => void;
  readonly isPaused: () => boolean;
  /** Puts what was added once it has waited long enough. */
  readonly putSoon: () => void;
  readonly stop: () => void;
};

/** Calls `put` when a partial batch has waited long enough and the channel has room, so that no full one can come first. */
function createPartialBatchTimer(
  lingerMs: number,
  channel: Pick<Channel<unknown>, 'hasRoom' | 'onTaken'>,
  put: () => void,
): PartialBatchTimer {
  let isDue = false;
  let isPaused = false;
  let timer: NodeJS.Timeout | undefined;
  const putIfDue = (): void => {
    if (!isDue || isPaused || !channel.hasRoom()) return;
    isDue = false;
    put();
  };
  const putSoon = (): void => {
    if (isDue || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      isDue = true;
      putIfDue();
    }, lingerMs);
  };
  channel.onTaken(putIfDue);
  return {
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
      putIfDue();
      putSoon();
    },
    isPaused: () => isPaused,
    putSoon,
    stop: () => clearTimeout(timer),
  };
}
