// The `command` of `expect`: a script that must pass after its step. It runs as the step does, in its folder and with its
// environment, its output is the step's, and it can be stopped and frozen like an attempt.

import { formatSetDuration } from '../../core/duration.ts';
import { messageOf } from '../../core/outcome.ts';
import type { Append, Stream, Subject } from '../../core/record.ts';
import { bashShell } from '../../workflow/defaults.ts';
import {
  createPausableTimer,
  type LineBatch,
  OUTPUT_GRACE_MS,
  type StartedProcess,
  startProcess,
} from '../process/index.ts';
import type { StepSetting } from './step-context.ts';
import { exitOutcome } from './supervise.ts';
import type { SystemLog } from './system-log.ts';
import { createTreeFreezer } from './tree-freezer.ts';

export type CheckCommand = {
  /** Why it did not pass, as a clause; undefined if it passed. Never rejects. */
  readonly done: Promise<string | undefined>;
  readonly stop: () => void;
  readonly killNow: () => void;
  readonly freeze: () => void;
  readonly thaw: () => void;
};

type Ports = {
  readonly append: Append;
  readonly log: SystemLog;
  readonly subject: Subject;
  readonly onOutput: (stream: Stream, batch: LineBatch) => void;
};

export function startCheckCommand(
  { script, timeoutMs }: { readonly script: string; readonly timeoutMs: number },
  setting: Pick<StepSetting, 'cwd' | 'env' | 'marker'>,
  ports: Ports,
): CheckCommand {
  const { append, log, subject } = ports;
  const killNow = new AbortController();
  let child: StartedProcess | undefined;
  let state: 'running' | 'stopped' | 'timed_out' = 'running';
  const freezer = createTreeFreezer(
    () => child,
    (text) => log('warning', text, subject),
  );
  const timer = createPausableTimer(timeoutMs, () => end('timed_out'));

  function end(as: 'stopped' | 'timed_out'): void {
    if (state !== 'running') return;
    state = as;
    endChild();
  }

  function endChild(): void {
    const why = state === 'timed_out' ? 'timeout of the expected command' : 'the step is ended';
    void child?.end({
      killNow: killNow.signal,
      onSignal: (signal) => append.event({ type: 'process.signalled', signal, reason: why }, subject),
    });
  }

  async function run(): Promise<string | undefined> {
    const [file = '', ...args] = [...bashShell, script];
    const started = await startProcess({ ...setting, file, args, onOutput: ports.onOutput });
    if (started.kind === 'failed') {
      timer.cancel();
      return started.message;
    }
    child = started;
    freezer.apply();
    if (state !== 'running') endChild();
    const exit = await started.ended;
    timer.cancel();
    await started.outputEndedWithin(OUTPUT_GRACE_MS);
    await started.endLeftoverProcesses({ killNow: killNow.signal });
    await started.drain();
    await started.outputEnded;
    started.release();
    if (state === 'timed_out') return `it took longer than ${formatSetDuration(timeoutMs)}`;
    return messageOf(exitOutcome({ kind: 'exited', exit })) || undefined;
  }

  return {
    done: run(),
    stop: () => end('stopped'),
    killNow: () => killNow.abort(),
    freeze() {
      timer.pause();
      freezer.freeze();
    },
    thaw() {
      timer.resume();
      freezer.thaw();
    },
  };
}
