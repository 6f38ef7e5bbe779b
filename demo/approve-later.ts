// Approves the step of the demo that waits for a person, if nobody has done so after a while: the demo also runs where nobody is.
import { setTimeout as sleep } from 'node:timers/promises';
import { askRun } from '../src/control/index.ts';
import { dataFolder } from '../src/journal/index.ts';
import { readRunState } from '../src/runs/index.ts';

const lookEveryMs = 200;

/** @param options.afterMs how long people have for it */
export async function approveLater(options: {
  readonly dataDir: string;
  readonly afterMs: number;
  readonly signal: AbortSignal;
}): Promise<void> {
  const data = dataFolder(options.dataDir);
  const before = new Set(data.listRunIds());
  while (!options.signal.aborted) {
    await sleep(lookEveryMs);
    const runId = data.listRunIds().find((id) => !before.has(id));
    if (runId === undefined) continue;
    const folder = data.runDir(runId);
    // What is wrong with its record is reported by the run itself.
    const state = await readRunState(folder, () => undefined).catch(() => undefined);
    const question = state?.steps.flatMap(({ questions }) => questions).find(({ kind }) => kind === 'approval');
    if (question === undefined) continue;
    await sleep(options.afterMs, undefined, { signal: options.signal }).catch(() => undefined);
    const { questionId } = question;
    // Somebody may have been faster.
    await askRun(folder, { verb: 'answer', questionId, answer: { kind: 'allow' }, by: 'demo', from: 'cli' });
    return;
  }
}
