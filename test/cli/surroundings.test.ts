// Places that are not as a program expects them: a working folder that was deleted, a HOME that is empty.
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { loadSettings, surroundings } from '../../src/cli/settings.ts';
import { homeFolder } from '../../src/journal/index.ts';
import { cliProgram } from '../support/cli.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-places-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([['ls'], ['validate', 'x.yaml'], ['exec', '--', 'true'], ['doctor']])(
  'in a deleted folder, `stepspan %s` says so in one sentence',
  async (...args) => {
    const script = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"';
    const gone = path.join(folder, `gone-${args[0]}`);
    const { code, stderr } = await promisify(execFile)(
      'sh',
      ['-c', script, gone, process.execPath, cliProgram, ...args],
      {
        env: { PATH: process.env.PATH, HOME: folder },
      },
    ).then(
      () => ({ code: 0, stderr: '' }),
      (error: { readonly code: number; readonly stderr: string }) => error,
    );
    expect([code, stderr]).toEqual([
      2,
      'stepspan: the folder that you are in was deleted; change to one that exists and try again\n',
    ]);
  },
);

test.each([[''], ['relative/home'], [undefined]])('with HOME %o, the home is that of the account', (HOME) => {
  const env = HOME === undefined ? {} : { HOME };
  expect(homeFolder(env)).toBe(userInfo().homedir);
  const loaded = loadSettings(surroundings({ ...env, XDG_CONFIG_HOME: '/none' }, folder));
  expect(loaded.ok && loaded.settings.dataDir).toBe(path.join(userInfo().homedir, '.local/state/stepspan'));
});

test('with an empty HOME nothing is written into the working folder', async () => {
  await promisify(execFile)(process.execPath, [cliProgram, 'ls'], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: '' },
  });
  expect(readdirSync(folder)).toEqual([]);
});
