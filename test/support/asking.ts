// Runs that ask a person: started in a rig, with what a test needs to wait for and to answer.
import { onTestFinished } from 'vitest';
import type { EventOf } from '../../src/core/event.ts';
import type { RunId } from '../../src/core/ids.ts';
import { dataFolder } from '../../src/journal/index.ts';
import { readRunState } from '../../src/runs/index.ts';
import { resultOf } from './cli.ts';
import type { CliRig } from './cli-rig.ts';
import { failOnProblem } from './journal.ts';
import { until } from './until.ts';

export type Asking = Awaited<ReturnType<typeof startAsking>>;

export type AskingOptions = {
  readonly env?: Readonly<Record<string, string>>;
  /** Of `stepspan run`, behind the file. */
  readonly args?: readonly string[];
};

/** Starts the workflow; nothing is waited for but the id of the run. */
export async function startAsking(rig: CliRig, yaml: string, { env = {}, args = ['--json'] }: AskingOptions = {}) {
  const before = new Set(rig.runIds());
  const file = rig.write(`flow-${before.size}.yaml`, yaml);
  const cli = rig.start(['run', file, ...args], env);
  onTestFinished(() => void cli.child.kill('SIGKILL'));
  const runId = await until(() => rig.runIds().find((id) => !before.has(id)));
  const folder = dataFolder(rig.dataDir).runDir(runId as RunId);
  const state = () => readRunState(folder, failOnProblem);
  const question = () => until(async () => (await state())?.steps[0]?.questions[0]);
  const events = async <T extends 'claude.asked' | 'claude.answered' | 'claude.told' | 'claude.interrupted'>(
    type: T,
  ): Promise<readonly EventOf<T>[]> => (await rig.journal(runId)).events(type, 'fix');
  return { ...cli, runId, folder, state, question, events };
}

export async function ended({ done }: Asking) {
  const finished = await done;
  return { code: finished.code, stderr: finished.stderr, result: resultOf(finished) };
}
