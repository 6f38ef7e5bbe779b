// Child processes: starting one, reading its output, sampling and freezing its tree, ending all of it. This is what the rest
// of stepspan may use. The engine starts a child (start-process), gets a handle (started-process), and reads batches of lines.
export type { Captured, CaptureState } from './capture.ts';
export type { Ended, EndOptions, EndStep } from './end-tree.ts';
export { endLeftoverProcesses, findMarkedRuns, type LeftoverProcesses, markerOf } from './leftover-processes.ts';
export type { LineBatch } from './line-splitter.ts';
export { openConnections } from './network-use.ts';
export { type OomKills, readOomKills } from './oom-kills.ts';
export { adoptOrphans } from './orphans.ts';
export { createPausableTimer, type PausableTimer, waitMs } from './pausable-timer.ts';
export { readEnvironment } from './proc-files.ts';
export { isLive, type Marker, type ProcessInfo, processKey } from './process-info.ts';
export type { Identity, ProcessTree } from './process-tree.ts';
export { createSampler, type Sample, type Sampler, type UsageTotals } from './sampler.ts';
export type { SpawnFailure, SpawnFailureReason } from './spawn-failure.ts';
export { createStallWatch, type StallWatch } from './stall-watch.ts';
export { type StartOptions, startProcess } from './start-process.ts';
export { type Exit, OUTPUT_GRACE_MS, type OutputStream, type StartedProcess } from './started-process.ts';
export { createStdinWatch, type StdinState, type StdinWatch } from './stdin-watch.ts';
export { type SystemClock, systemClock, type TimerClock } from './timer-clock.ts';
