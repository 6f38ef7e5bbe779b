// Ships one run: takes its `ship` lock, starts the SDK and one pipeline for each signal, and puts their states together.
// Runs in the thread of its caller; worker-client.ts has the one that does not.
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import {
  acquireLock,
  type JournalProblem,
  type JournalReader,
  type LockHolder,
  openCursor,
  openJournal,
  problemText,
  type RunFolder,
} from '../../journal/index.ts';
import { cursorOf } from './counted.ts';
import { openLogExporter, openSpanExporter } from './deliver/exporters.ts';
import { defaultPace, type Pace } from './deliver/pace.ts';
import { type Pipeline, type PipelineOptions, startPipeline } from './deliver/pipeline.ts';
import { openRefused } from './deliver/refused.ts';
import { openTransport } from './deliver/transport.ts';
import { createWholeLines, recordsAsTheyAre } from './deliver/whole-lines.ts';
import { type Content, logLimits, spanLimits } from './encode/batch.ts';
import { createLogBatcher } from './encode/log-batcher.ts';
import { createSpanBatcher } from './encode/readable-batcher.ts';
import type { Env } from './env.ts';
import { bareContext, contextAfter, type RunContext } from './map/run-context.ts';
import { type Origin, type Sdk, startSdk } from './sdk.ts';
import { readSettings, type Settings, type Signal, type SignalSettings } from './settings.ts';
import { type DrainResult, type GiveUp, nothingSent, type ShipperStatus, type SignalStatus } from './status.ts';

export type ShipperOptions = {
  readonly folder: RunFolder;
  /** Where the OTEL_* settings are taken from. */
  readonly env: Env;
  /** Sends everything again, as to a backend that has lost it. */
  readonly again?: boolean;
  /** Called on every change of state and once a second meanwhile. */
  readonly onStatus?: (status: ShipperStatus) => void;
  readonly pace?: Partial<Pace>;
  /** How long a record may wait for others to share its request, in milliseconds. Default 200. */
  readonly lingerMs?: number;
};

export type Shipper = {
  readonly status: () => ShipperStatus;
  /**
   * Waits until what the journal holds now was sent, at most `deadlineMs` milliseconds. Shipping continues after it.
   * @param giveUp when to stop waiting before the deadline. Default: never
   */
  readonly drain: (deadlineMs: number, giveUp?: GiveUp) => Promise<DrainResult>;
  /** When the run has ended and all of it was sent, or after `stop`. */
  readonly done: Promise<void>;
  /** Ends shipping where it is and releases the lock. What was not acknowledged is sent again by the next shipper. */
  readonly stop: () => Promise<void>;
};

export type ShipperStart<S = Shipper> =
  | { readonly kind: 'shipping'; readonly shipper: S }
  /** Another process ships this run. */
  | { readonly kind: 'held'; readonly by: LockHolder }
  /** Settings that cannot be used: one sentence each, with what to write instead. */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

/** Short enough to be live for a person, long enough for a slow program's lines to share a request. */
const defaultLingerMs = 200;
const statusEveryMs = 1000;

export async function createShipper(options: ShipperOptions): Promise<ShipperStart> {
  const settings = readSettings(options.env);
  if (!settings.ok) return { kind: 'invalid', problems: settings.problems };
  const lock = await acquireLock(options.folder, 'ship', `ships run ${options.folder.runId}`);
  if (lock.kind === 'held') return lock;
  // Under the lock: the process that ships is the only one that moves the cursor.
  if (options.again) await startOver(options.folder);
  return { kind: 'shipping', shipper: startShipper(options, settings, lock.release) };
}

/** What was counted stays counted. What was refused comes from the journal, and is kept aside again if it must be. */
async function startOver(folder: RunFolder): Promise<void> {
  for (const signal of ['logs', 'traces'] as const) await openCursor(folder, cursorOf(signal)).save(0);
  rmSync(folder.refusedDir, { recursive: true, force: true });
}

function startShipper(
  options: ShipperOptions,
  settings: Extract<Settings, { ok: true }>,
  release: () => void,
): Shipper {
  const { folder } = options;
  const reader = openJournal(folder);
  const stopping = new AbortController();
  const pipelines: Partial<Record<Signal, Pipeline>> = {};
  const listeners = new Set<() => void>();
  let failure: string | undefined;

  const statusOf = (signal: Signal): SignalStatus =>
    pipelines[signal]?.status() ?? idleStatus(signal, settings[signal], stopping.signal.aborted, failure);
  const status = (): ShipperStatus => ({ runId: folder.runId, logs: statusOf('logs'), traces: statusOf('traces') });
  const changed = (): void => {
    options.onStatus?.(status());
    for (const listener of listeners) listener();
  };
  const lookAhead = async (): Promise<void> => {
    await Promise.all([pipelines.logs?.lookAhead(), pipelines.traces?.lookAhead()]);
    changed();
  };

  async function run(): Promise<void> {
    const head = await readHead(reader, stopping.signal);
    if (head === undefined) return;
    const sdk = await startSdk(options.env, head.origin);
    if (sdk === undefined || stopping.signal.aborted) return;
    for (const signal of ['logs', 'traces'] as const) {
      const chosen = settings[signal];
      if (chosen.kind === 'off') continue;
      const start = await startOf[signal]({ settings: chosen, shipper: options, reader, head, sdk, onChange: changed });
      if (stopping.signal.aborted) return;
      pipelines[signal] = start();
    }
    // Unref'd: a program that has nothing else to do but wait for the next second may end.
    const timer = setInterval(() => void lookAhead().catch(() => {}), statusEveryMs).unref();
    await lookAhead().catch(() => {});
    await Promise.all([pipelines.logs?.done, pipelines.traces?.done]);
    clearInterval(timer);
  }

  const done = run()
    .catch((error: unknown) => {
      failure = error instanceof Error ? error.message : String(error);
    })
    .finally(() => {
      release();
      changed();
    });

  return {
    status,
    done,
    drain: (deadlineMs, giveUp = 'never') => drain({ reader, status, listeners, done, deadlineMs, giveUp }),
    async stop() {
      stopping.abort();
      await Promise.all([pipelines.logs?.stop(), pipelines.traces?.stop()]);
      await done;
    },
  };
}

type SignalStart = {
  readonly settings: Extract<SignalSettings, { kind: 'on' }>;
  readonly shipper: ShipperOptions;
  readonly reader: JournalReader;
  readonly head: Head;
  readonly sdk: Sdk;
  readonly onChange: () => void;
};

/** Loads the exporters of a signal, and returns what starts it. */
const startOf: Readonly<Record<Signal, (start: SignalStart) => Promise<() => Pipeline>>> = {
  async logs(start) {
    const { encoding, lines, http } = start.settings;
    const { folder } = start.shipper;
    const transport = await openTransport({
      signal: 'logs',
      options: http,
      open: ({ agent }) => openLogExporter({ agent, encoding, http }, lines),
    });
    return () => {
      const cursor = openCursor(folder, cursorOf('logs'));
      const batcher = createLogBatcher(lines, start.head.context, start.sdk.logOrigin, logLimits);
      return startSignal(start, { signal: 'logs', cursor, lines: createWholeLines(cursor), batcher, transport });
    };
  },
  async traces(start) {
    const { encoding, http } = start.settings;
    const { folder } = start.shipper;
    const transport = await openTransport({
      signal: 'traces',
      options: http,
      open: ({ agent }) => openSpanExporter({ agent, encoding, http }),
    });
    return () => {
      const cursor = openCursor(folder, cursorOf('traces'));
      const { runId } = start.head.context;
      const batcher = createSpanBatcher({ runId, sdk: start.sdk, sendFrom: cursor.position, limits: spanLimits });
      // Spans are folded from the first record on, whatever was sent already.
      return startSignal(start, { signal: 'traces', cursor, lines: recordsAsTheyAre, batcher, transport });
    };
  },
};

type SignalParts<C extends Content> = Pick<PipelineOptions<C>, 'signal' | 'cursor' | 'lines' | 'batcher' | 'transport'>;

function startSignal<C extends Content>(
  { reader, head, shipper, onChange }: SignalStart,
  parts: SignalParts<C>,
): Pipeline {
  return startPipeline({
    ...parts,
    reader,
    refused: openRefused(shipper.folder.refusedDir, parts.signal),
    pace: { ...defaultPace, ...shipper.pace },
    lingerMs: shipper.lingerMs ?? defaultLingerMs,
    random: Math.random,
    headProblems: parts.lines.readFrom > head.firstSeq ? head.problems : [],
    onChange,
  });
}

/** What the first record says. If it is damaged, what is sent lacks the workflow and the host, and `problems` says why. */
type Head = {
  readonly firstSeq: number;
  readonly context: RunContext;
  readonly origin: Origin;
  readonly problems: readonly string[];
};

/** Waits for the first record if the run is only just starting. Undefined if stopped before it came. */
async function readHead(reader: JournalReader, signal: AbortSignal): Promise<Head | undefined> {
  const { firstSeq } = await reader.head();
  const problems: string[] = [];
  const onProblem = (problem: JournalProblem): void => void problems.push(problemText(problem));
  for await (const [first] of reader.read({ from: firstSeq, follow: true, signal, onProblem })) {
    if (first === undefined) continue;
    const started = first.kind === 'event' && first.event.type === 'run.started' ? first.event : undefined;
    const context = contextAfter(bareContext(reader.folder.runId), first);
    return {
      firstSeq,
      context,
      origin: { host: started?.writer.host, version: started?.stepspanVersion, run: context },
      problems,
    };
  }
  return undefined;
}

type Draining = {
  readonly reader: JournalReader;
  readonly status: () => ShipperStatus;
  readonly listeners: Set<() => void>;
  readonly done: Promise<void>;
  readonly deadlineMs: number;
  readonly giveUp: GiveUp;
};

/**
 * How long an endpoint that has said nothing yet may take for its first answer before `unreachable` stops waiting for it, in
 * milliseconds. A Collector on this machine answers within 10, one behind a slow link within some hundred.
 */
const firstAnswerMs = 2_000;

async function drain({ reader, status, listeners, done, deadlineMs, giveUp }: Draining): Promise<DrainResult> {
  const { nextSeq } = await reader.head();
  const pending = (): readonly SignalStatus[] => {
    const { logs, traces } = status();
    return [logs, traces].filter(({ state, shippedSeq }) => state.kind !== 'off' && shippedSeq < nextSeq);
  };
  const isDrained = (): boolean => pending().length === 0;
  const deadlineAtMs = Date.now() + deadlineMs;
  /** No pending signal is sent before the deadline, or none of them has an endpoint that answers. */
  const isHopeless = (): boolean => {
    if (giveUp === 'never') return false;
    return pending().every(
      ({ contact, state }) =>
        contact === 'unreachable' || (state.kind === 'misconfigured' && state.untilMs > deadlineAtMs),
    );
  };
  const stopWaiting = new AbortController();
  const reached = new Promise<void>((resolve) => {
    const look = (): void => {
      if (isDrained() || isHopeless()) resolve();
    };
    listeners.add(look);
    stopWaiting.signal.addEventListener('abort', () => listeners.delete(look));
    look();
  });
  const options = { signal: stopWaiting.signal };
  const timeUp = delay(deadlineMs, undefined, options).catch(() => {});
  const staysSilent = async (): Promise<void> => {
    await delay(firstAnswerMs, undefined, options).catch(() => {});
    if (giveUp === 'never' || pending().some(({ contact }) => contact === 'answered')) await timeUp;
  };
  await Promise.race([reached, timeUp, staysSilent(), done]);
  stopWaiting.abort();
  const now = status();
  if (isDrained()) return { kind: 'drained', status: now };
  return { kind: 'pending', status: now, message: pendingMessage(now, nextSeq) };
}

function pendingMessage({ logs, traces }: ShipperStatus, nextSeq: number): string {
  const pending = [logs, traces].filter(({ state, shippedSeq }) => state.kind !== 'off' && shippedSeq < nextSeq);
  const texts = pending.map(({ signal, shippedSeq, lastError }) => {
    // Both signals mostly go to one place, which fails for both in the same way: report it once.
    const why = lastError === undefined ? '' : ` (${lastError.replace(`/v1/${signal}`, '')})`;
    return { what: `${nextSeq - shippedSeq} lines and events are still to be sent`, signal, why };
  });
  const [first, second] = texts;
  if (first !== undefined && second !== undefined && first.what === second.what && first.why === second.why)
    return `${first.what}${first.why}`;
  return texts.map(({ what, signal, why }) => `${what} as ${signal}${why}`).join('; ');
}

function idleStatus(
  signal: Signal,
  settings: SignalSettings,
  stopped: boolean,
  failure: string | undefined,
): SignalStatus {
  const running =
    failure === undefined
      ? ({ kind: stopped ? 'stopped' : 'idle' } as const)
      : ({ kind: 'failed', why: failure } as const);
  return {
    signal,
    state: settings.kind === 'off' ? settings : running,
    contact: 'none',
    shippedSeq: 0,
    headSeq: 0,
    pendingSeqs: 0,
    pendingItems: 0,
    lagSeconds: 0,
    ...nothingSent,
    lastError: failure,
    lastJournalProblem: undefined,
  };
}
