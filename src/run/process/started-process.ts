// The handle of a running child: its end, its output, its tree. Puts capture, tree and signals together; each has its own
// file. Made by start-process.ts; the engine's supervision uses it.
import type { ChildProcess } from 'node:child_process';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessIdentity } from '../../core/event.ts';
import { type Captured, createCapture } from './capture.ts';
import { type Ended, type EndOptions, endTree } from './end-tree.ts';
import { freezeTree, thawTree } from './freeze-tree.ts';
import { endLeftoverProcesses, type LeftoverProcesses } from './leftover-processes.ts';
import { watchLifeline } from './lifeline.ts';
import type { LineBatch } from './line-splitter.ts';
import type { OutputPipes } from './output-pipes.ts';
import { readStat } from './proc-files.ts';
import type { Marker, ProcessInfo } from './process-info.ts';
import { systemProcesses } from './process-source.ts';
import { createProcessTree, type ProcessTree } from './process-tree.ts';

export type OutputStream = 'stdout' | 'stderr';

export type Exit = {
  /** Undefined if a signal ended the child. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
};

export type StartedProcess = {
  readonly kind: 'started';
  readonly pid: number;
  readonly identity: ProcessIdentity;
  /** Its process, all below it and all that carry its marker. */
  readonly tree: ProcessTree;
  /** Things that a person should know, such as a fallback that was taken. */
  readonly notices: readonly string[];
  /** The child itself has ended; others may still write to its output. Never rejects. */
  readonly ended: Promise<Exit>;
  /** The last line of both streams has been given to `onOutput`. Never rejects. */
  readonly outputEnded: Promise<void>;
  readonly output: () => Readonly<Record<OutputStream, Captured>>;
  /** Back-pressure: nothing is read until `resumeReading`, so a child that writes more than its pipe holds waits. */
  readonly pauseReading: () => void;
  readonly resumeReading: () => void;
  /** Whether the output ends within `ms`; `OUTPUT_GRACE_MS` is a good time after the child has ended. */
  readonly outputEndedWithin: (ms: number) => Promise<boolean>;
  /**
   * Reads what the pipes hold now, passes on the last lines and closes the pipes, even if other processes have them open. To
   * be called when the remaining processes are dead: nothing is lost that was written before. Then resolves `outputEnded`.
   * Also ends a `pauseReading`.
   */
  readonly drain: () => Promise<void>;
  /** Signals the whole tree until it is dead; see `endTree`. */
  readonly end: (options?: EndOptions) => Promise<Ended>;
  /** Ends what is left of the tree after the child has ended; see `endLeftoverProcesses`. */
  readonly endLeftoverProcesses: (options?: Pick<EndOptions, 'killNow' | 'onSignal'>) => Promise<LeftoverProcesses>;
  /** Stops every process of the tree; `thaw` continues those that were stopped by it. */
  readonly freeze: () => Promise<number>;
  readonly thaw: () => Promise<void>;
  /**
   * The child as it was seen when it closed its output, which the kernel does last: its CPU time then is that of its whole
   * life. Undefined before that, and if other processes had the output open until the child was gone.
   */
  readonly lastSeen: () => ProcessInfo | undefined;
  /** Closes the last file descriptor. After that the tree can no longer be searched for processes with our pipes. */
  readonly release: () => void;
};

/** How long the output of an ended child may stay open before its remaining processes are searched: a pipe empties in microseconds. */
export const OUTPUT_GRACE_MS = 250;

export type HandleOptions = {
  /** Entries of `env` that distinguish processes of this child from all others; see `markerOf`. */
  readonly marker?: Marker;
  /** Called synchronously, in order within a stream. `batch.bytes` is valid during the call only. */
  readonly onOutput: (stream: OutputStream, batch: LineBatch) => void;
  /** See `CaptureOptions`. */
  readonly bufferBytes?: number;
};

/**
 * To be called in the same turn in which the child was started: its exit cannot have been noticed yet, so that its pid is
 * still its own.
 * @param pipes undefined if Node's own pipes are used
 */
export async function createProcessHandle(
  child: ChildProcess & { readonly pid: number },
  pipes: OutputPipes | undefined,
  options: HandleOptions,
  notices: readonly string[],
): Promise<StartedProcess> {
  const pid = child.pid;
  const ended = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ exitCode: code ?? undefined, signal: signal ?? undefined }));
  });
  const [first] = await systemProcesses.get([pid]).catch(() => []);
  const identity: ProcessIdentity = { pid, startTime: first?.startTime ?? '', host: hostname() };
  let lastSeen: ProcessInfo | undefined;
  const noteUsage = () => {
    // Node waits for its children after it has read its pipes in a turn, so the child is still there as a zombie at most.
    const info = readStat(pid);
    if (info?.startTime === identity.startTime) lastSeen = info;
  };
  const captureOf = (stream: OutputStream) => {
    const source = pipes?.read[stream] ?? child[stream];
    if (source === null) throw new Error(`the child has no ${stream}`);
    const { bufferBytes } = options;
    return createCapture(source, {
      bufferBytes,
      onBatch: (batch) => options.onOutput(stream, batch),
      onEnd: noteUsage,
    });
  };
  const captures = { stdout: captureOf('stdout'), stderr: captureOf('stderr') };

  // An output that still holds data ends a turn later, when the child has been waited for; the lifeline never holds any.
  const lifeline = pipes && watchLifeline(pipes.read.lifeline, noteUsage);
  const isOpen = (stream: OutputStream) => captures[stream].captured().state === 'open';
  const tree = createProcessTree({
    known: [identity],
    marker: options.marker ?? [],
    reach: 'own_step',
    holding: () => (isOpen('stdout') || isOpen('stderr') || lifeline?.held() ? pipes && `${pipes.folder}/` : undefined),
  });
  const outputEnded = Promise.all([captures.stdout.done, captures.stderr.done]).then(() => undefined);
  let frozen: readonly ProcessInfo[] = [];

  return {
    kind: 'started',
    pid,
    identity,
    tree,
    notices,
    ended,
    outputEnded,
    output: () => ({ stdout: captures.stdout.captured(), stderr: captures.stderr.captured() }),
    pauseReading() {
      captures.stdout.pause();
      captures.stderr.pause();
    },
    resumeReading() {
      captures.stdout.resume();
      captures.stderr.resume();
    },
    outputEndedWithin: (ms) => within(outputEnded, ms),
    async drain() {
      await Promise.all([captures.stdout.cut(), captures.stderr.cut()]);
    },
    end: (endOptions) => endTree(tree, endOptions),
    endLeftoverProcesses: (endOptions) => endLeftoverProcesses(tree, endOptions),
    async freeze() {
      frozen = [...frozen, ...(await freezeTree(tree))];
      return frozen.length;
    },
    async thaw() {
      const stopped = frozen;
      frozen = [];
      await thawTree(tree, stopped);
    },
    lastSeen: () => lastSeen,
    release: () => lifeline?.close(),
  };
}

/** Whether the promise is kept within the time; leaves no timer behind. */
async function within(promise: Promise<void>, ms: number): Promise<boolean> {
  const over = new AbortController();
  const late = delay(ms, false, { signal: over.signal }).catch(() => false);
  const kept = await Promise.race([promise.then(() => true), late]);
  over.abort();
  return kept;
}
