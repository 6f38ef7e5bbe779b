// Samples CPU time and memory of a process tree once a second. Owns the rhythm and the sums; the look at the tree brings what Linux
// says of each process, pidusage asks other systems, and the ledger counts the time of each once.
import { createCpuLedger } from './cpu-ledger.ts';
import { isLive, type ProcessInfo } from './process-info.ts';
import type { ProcessTree } from './process-tree.ts';
import { systemClock, type TimerClock } from './timer-clock.ts';

export type Sample = {
  /** CPU time of the tree since it was started, ended members included, in seconds. */
  readonly cpuSeconds: number;
  /** Cores in use since the sample before: 1 is one core fully used. */
  readonly cpuCores: number;
  /** Resident memory of all members in bytes. Pages that members share count once for each. */
  readonly rssBytes: number;
  readonly processes: number;
};

export type UsageTotals = {
  readonly cpuSeconds: number;
  /** The largest sample; 0 for a process that ended before the first one. */
  readonly maxRssBytes: number;
  /** `complete`: the root was seen at its very end. `sampled`: what ran after the last sample is missing. */
  readonly basis: 'complete' | 'sampled';
};

export type Sampler = {
  /**
   * Stops sampling and returns the totals.
   * @param last the root as it was seen at its end; see `StartedProcess.lastSeen`
   */
  readonly finish: (last?: ProcessInfo) => Promise<UsageTotals>;
};

export const SAMPLE_INTERVAL_MS = 1_000;
/** Most commands are over within a second; this shows the memory of those that live for a blink at least. */
const FIRST_SAMPLE_MS = 50;
/**
 * pidusage keeps the stat file of each pid open, by default for 60 s after it was last asked for. A build that
 * starts thousands of compilers would use up all file descriptors.
 */
const PIDUSAGE_MAX_AGE_MS = 5_000;

/** @param options.tree what to sample; its cheap look is used */
export function createSampler(options: {
  readonly tree: Pick<ProcessTree, 'look'>;
  readonly onSample: (sample: Sample) => void;
  readonly intervalMs?: number;
  readonly clock?: TimerClock;
}): Sampler {
  const { tree, onSample, intervalMs = SAMPLE_INTERVAL_MS, clock = systemClock } = options;
  const ledger = createCpuLedger();
  let before = { at: clock.now(), cpuSeconds: 0 };
  let maxRssBytes = 0;
  let running: Promise<void> | undefined;
  let cancel: () => void = () => {};
  let finished = false;

  const look = async () => {
    const members = await tree.look();
    const usage = await usageOf(members);
    // Zombies stay in: their time is not yet in their parent's, and would count twice if they were taken for ended.
    const cpuSeconds = ledger.observe(members.map((info) => withUsage(info, usage)));
    const live = members.filter(isLive);
    const rssBytes = live.reduce((sum, { pid }) => sum + (usage[pid]?.memory ?? 0), 0);
    maxRssBytes = Math.max(maxRssBytes, rssBytes);
    return { cpuSeconds, rssBytes, processes: live.length };
  };
  const sample = async () => {
    const seen = await look();
    if (finished || seen.processes === 0) return;
    const at = clock.now();
    const cpuCores = (seen.cpuSeconds - before.cpuSeconds) / Math.max((at - before.at) / 1000, 0.001);
    before = { at, cpuSeconds: seen.cpuSeconds };
    onSample({ ...seen, cpuCores });
  };
  // Each sample is planned when the one before is done, so that a slow machine gets fewer and not a queue of them.
  const plan = (ms: number) => {
    cancel = clock.after(ms, () => {
      running = sample()
        // A look can fail for lack of file descriptors: the next one counts what this one missed.
        .catch(() => {})
        .then(() => {
          if (!finished) plan(intervalMs);
        });
    });
  };
  plan(Math.min(FIRST_SAMPLE_MS, intervalMs));

  return {
    async finish(last) {
      finished = true;
      cancel();
      await running;
      if (last !== undefined) ledger.update(last);
      const { cpuSeconds } = await look().catch(() => before);
      return { cpuSeconds, maxRssBytes, basis: last === undefined ? 'sampled' : 'complete' };
    },
  };
}

type Usage = Readonly<Record<number, { readonly memory: number; readonly ctime: number } | undefined>>;

/** pidusage leaves out who has ended since, and fails when that was all of them. */
async function usageOf(members: readonly ProcessInfo[]): Promise<Usage> {
  const live = members.filter(isLive);
  if (live.every(({ residentBytes }) => residentBytes !== undefined))
    return Object.fromEntries(
      live.map(({ pid, residentBytes = 0, ownSeconds }) => [pid, { memory: residentBytes, ctime: ownSeconds * 1000 }]),
    );
  const pids = live.map((info) => info.pid);
  // Here, as Linux never needs it: it would start two programs for the size of a page and of a clock tick.
  const { default: pidusage } = await import('pidusage');
  return pidusage(pids, { maxage: PIDUSAGE_MAX_AGE_MS }).catch(() => ({}));
}

/**
 * pidusage's `ctime` is user and system time of the process alone, in milliseconds, read a moment after the look; what it
 * has reaped is not in it, and comes from the look.
 */
function withUsage(info: ProcessInfo, usage: Usage): ProcessInfo {
  return { ...info, ownSeconds: Math.max(info.ownSeconds, (usage[info.pid]?.ctime ?? 0) / 1000) };
}
