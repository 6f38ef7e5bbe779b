// Which processes below a step count as Claude Code that answers a prompt. The list of processes is made by hand: what is between two
// programs, or has just ended, exists for some microseconds.
import { expect, test } from 'vitest';
import { createClaudeFinder } from '../../src/run/engine/nested-claude.ts';
import type { ProcessInfo } from '../../src/run/process/process-info.ts';
import type { ProcessTree } from '../../src/run/process/process-tree.ts';
import { until } from '../support/until.ts';

const child = { pid: 20, startTime: '1', parentPid: 10, name: 'claude', state: 'S' } as ProcessInfo;

/** @param commands of the child, one for each look; the last one stays */
async function foundWith(commands: readonly string[]): Promise<readonly string[]> {
  let looks = 0;
  const tree = {
    root: undefined,
    look: async () => {
      looks += 1;
      return [child];
    },
    source: { command: async (pid: number) => (pid === 10 ? 'sh run.sh' : (commands[looks - 1] ?? commands.at(-1))) },
  } as unknown as ProcessTree;
  const finder = createClaudeFinder(false, 'run');
  finder.watch(tree);
  await until(() => looks > commands.length + 1);
  finder.stop();
  return finder.found();
}

test.runIf(process.platform === 'linux')('what has ended, or is becoming another program, is not counted', async () => {
  expect(await foundWith(['[claude]', '[unknown]'])).toEqual([]);
  expect(await foundWith(['[claude]', 'git --version'])).toEqual([]);
  expect(await foundWith(['[claude]', 'claude -p hello'])).toEqual(['20']);
  // Versions that are JavaScript put their name in place of their arguments.
  expect(await foundWith(['claude'])).toEqual(['20']);
});
