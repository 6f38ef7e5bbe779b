// What the rest of stepspan may use of child processes.
export type { Captured, CaptureState } from './capture.ts';
export {
  cancelSteps,
  type Ended,
  type EndOptions,
  type EndStep,
  endTree,
  HURRY_GRACE_MS,
  INTERRUPT_GRACE_MS,
  KILL_WAIT_MS,
  TERMINATE_GRACE_MS,
} from './end-tree.ts';
export { endLeftOvers, LEFT_OVER_GRACE_MS, type LeftOvers, markerOf } from './left-overs.ts';
export { type LineBatch, MAX_LINE_BYTES } from './line-splitter.ts';
export { createPausableTimer, type PausableTimer } from './pausable-timer.ts';
export type { Marker, ProcessInfo } from './process-info.ts';
export { createProcessStalls, type ProcessStalls } from './process-stalls.ts';
export { createProcessTree, type Identity, type ProcessTree } from './process-tree.ts';
export { createSampler, SAMPLE_INTERVAL_MS, type Sample, type Sampler, type UsageTotals } from './sampler.ts';
export type { SpawnFailure, SpawnFailureReason } from './spawn-failure.ts';
export { createStallWatch, type StallWatch } from './stall-watch.ts';
export { type StartOptions, startProcess } from './start-process.ts';
export { type Exit, OUTPUT_GRACE_MS, type OutputStream, type StartedProcess } from './started-process.ts';
export { systemClock, type TimerClock } from './timer-clock.ts';
