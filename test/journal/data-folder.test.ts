// Where runs are, who may read them, and how a person names one.
import { mkdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunId } from '../../src/core/ids.ts';
import { createJournal, dataFolder, dataRoot, markProbe } from '../../src/journal/index.ts';
import { tempRoot, tempRun } from './journal-rig.ts';

test('the data folder is where the environment says, in the documented order', () => {
  expect(dataRoot({ STEPSPAN_DATA_DIR: '/data', XDG_STATE_HOME: '/state', HOME: '/home/me' })).toBe('/data');
  expect(dataRoot({ XDG_STATE_HOME: '/state', HOME: '/home/me' })).toBe('/state/stepspan');
  expect(dataRoot({ STEPSPAN_DATA_DIR: '', HOME: '/home/me' })).toBe('/home/me/.local/state/stepspan');
  expect(dataRoot({ XDG_STATE_HOME: 'relative', HOME: '/home/me' })).toBe('/home/me/.local/state/stepspan');
});

test('what is made in it is for its owner only', async () => {
  const folder = tempRun();
  await createJournal(folder).close();
  for (const dir of [join(folder.dir, '..'), folder.dir, folder.journalDir, folder.cursorsDir, folder.locksDir]) {
    expect(statSync(dir).mode & 0o777, dir).toBe(0o700);
  }
  expect(statSync(join(folder.journalDir, '00000000000000000000.seg')).mode & 0o777).toBe(0o600);
});

test('the list of runs is made again when a run comes or goes, however short ago the last one came', () => {
  const data = dataFolder(tempRoot());
  expect(data.listRunIds()).toEqual([]);
  const make = (runId: string) => mkdirSync(join(data.runsDir, runId), { recursive: true });
  make('20261123-120000-aaaaaa');
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(data.runsDir, longAgo, longAgo);
  const first = data.listRunIds();
  expect(first).toEqual(['20261123-120000-aaaaaa']);
  expect(data.listRunIds()).toBe(first);
  make('20261123-130000-bbbbbb');
  // A time that is not long past, however slow the machine is.
  const tick = new Date(Date.now() + 3_600_000);
  utimesSync(data.runsDir, tick, tick);
  expect(data.listRunIds()).toEqual(['20261123-130000-bbbbbb', '20261123-120000-aaaaaa']);
  // Within the same tick of the clock of the file system: the time of the folder stays as it is.
  rmSync(join(data.runsDir, '20261123-130000-bbbbbb'), { recursive: true });
  utimesSync(data.runsDir, tick, tick);
  expect(data.listRunIds()).toEqual(first);
});

describe('finding a run', () => {
  const ids = ['20261123-120000-aaaaaa', '20261123-130000-bbbbbb', '20261124-130000-cccccc'] as RunId[];
  const data = () => {
    const folder = dataFolder(tempRoot());
    for (const name of [...ids, 'not-a-run', '20261125-000000-dddddd.removed']) {
      mkdirSync(join(folder.runsDir, name), { recursive: true });
    }
    return folder;
  };

  test('works by full id, unique start, unique end and `latest`', () => {
    const folder = data();
    expect(folder.listRunIds()).toEqual([...ids].reverse());
    expect(folder.findRun('latest')).toEqual({ kind: 'found', runId: ids[2] });
    markProbe(folder.runDir(ids[2]!));
    expect(folder.findRun('latest')).toEqual({ kind: 'found', runId: ids[1] });
    expect(folder.findRun(ids[2]!)).toEqual({ kind: 'found', runId: ids[2] });
    expect(folder.findRun('20261123-120000-aaaaaa')).toEqual({ kind: 'found', runId: ids[0] });
    expect(folder.findRun('20261124')).toEqual({ kind: 'found', runId: ids[2] });
    expect(folder.findRun('bbb')).toEqual({ kind: 'found', runId: ids[1] });
  });

  test('says which runs an ambiguous name fits, and what there is instead of an unknown one', () => {
    const folder = data();
    const ambiguous = folder.findRun('20261123');
    expect(ambiguous).toMatchObject({ kind: 'ambiguous', candidates: [ids[1], ids[0]] });
    expect(folder.findRun('zzz')).toMatchObject({ kind: 'none', message: expect.stringContaining(ids[2]!) });
    expect(folder.findRun('')).toMatchObject({ kind: 'none' });
    expect(dataFolder(join(tempRoot(), 'nothing')).findRun('latest')).toMatchObject({ kind: 'none' });
  });
});

test('a text that is not a run id cannot become a path', () => {
  for (const text of ['..', '../../etc', '20261123-120000-aaaaaa/../x', '/etc', '', 'latest']) {
    expect(() => dataFolder('/data').runDir(text as RunId), text).toThrow('is not a run id');
  }
});
