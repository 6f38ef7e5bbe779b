// examples/tail.py is what docs/tail-protocol.md says it is: a client in another language that prints a run.
import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { newRunId } from '../../../src/core/ids.ts';
import { createJournal, dataFolder } from '../../../src/journal/index.ts';
import { output, runFinished, tempRoot } from '../../journal/journal-rig.ts';
import { serveTail } from './tail-rig.ts';

const example = fileURLToPath(new URL('../../../examples/tail.py', import.meta.url));

function hasPython(): boolean {
  try {
    // The example needs `:=`, of Python 3.8.
    execFileSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test.skipIf(!hasPython())('the example in Python prints a run, long messages and all', async () => {
  const root = tempRoot();
  const journal = createJournal(dataFolder(root).runDir(newRunId()));
  const lines = Array.from({ length: 2_000 }, (_, at) => `line ${at} ${'.'.repeat(at % 120)}`);
  for (const line of ['first', 'z'.repeat(70_000), ...lines, 'ümläut']) journal.output(output(`${line}\n`));
  journal.event(runFinished);
  await journal.close();
  const seen: unknown[] = [];
  const { url } = await serveTail(root, {
    authorize({ headers }) {
      seen.push(headers.authorization);
      return { ok: true, scope: 'read' };
    },
  });
  const run = promisify(execFile);
  const options = { env: { PATH: process.env.PATH, PYTHONIOENCODING: 'utf-8' } };
  const { stdout } = await run('python3', [example, url, 'secret', journal.folder.runId], options);
  expect(stdout.split('\n')).toEqual(['first', 'z'.repeat(70_000), ...lines, 'ümläut', '']);
  expect(seen).toEqual(['Bearer secret']);
  const unknown = run('python3', [example, url, 'secret', newRunId()], options);
  await expect(unknown).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(/There is no run/) });
});
