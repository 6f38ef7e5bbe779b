// A run in an archive that is a folder: everything arrives, what is damaged is found, two writers harm nothing, and what could not be put
// is reported and put later. test/stack/archive.test.ts has the same of an S3 server.
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { applyRetention, dataFolder, openJournal, savedPosition } from '../../../src/journal/index.ts';
import { hubOf } from '../../hub/hub-rig.ts';
import { type CliRig, startCliRig } from '../../support/cli-rig.ts';
import { until } from '../../support/until.ts';

async function rigOf(): Promise<CliRig & { readonly archive: string }> {
  const rig = await startCliRig();
  onTestFinished(rig.close);
  return { ...rig, archive: path.join(rig.folder, 'archive') };
}

const printing = (lines: number): string => `name: printing\nsteps:\n  - id: print\n    run: seq 1 ${lines}\n`;

function filesOf(archive: string, runId: string): readonly string[] {
  const folder = path.join(archive, 'runs', runId);
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.\w+$/.test(name));
}

async function verified(rig: CliRig, what: string, archive: string) {
  const { code, stdout } = await rig.run(['archive', 'verify', what, '--json'], { STEPSPAN_ARCHIVE: archive });
  return { code, ...JSON.parse(stdout) };
}

test('a run that ends is whole in its archive, and whatever is changed there is found', async () => {
  const rig = await rigOf();
  const { result, stderr } = await rig.runYaml(printing(5_000), [], { STEPSPAN_ARCHIVE: rig.archive });
  const { runId } = result;
  expect(stderr).not.toContain('not archived yet');
  const { nextSeq } = await openJournal(dataFolder(rig.dataDir).runDir(runId as never)).head();
  const whole = await verified(rig, runId, rig.archive);
  expect(whole).toMatchObject({ code: 0, runId, records: nextSeq, ended: true, segments: 1, problems: [] });
  // Also by its address, and without the data folder.
  const elsewhere = { STEPSPAN_DATA_DIR: path.join(rig.folder, 'other') };
  const byAddress = await rig.run(['archive', 'verify', `file://${rig.archive}/runs/${runId}`], elsewhere);
  expect(byAddress).toMatchObject({ code: 0, stdout: expect.stringContaining(whole.chain) });

  const files = filesOf(rig.archive, runId);
  expect(files.map((name) => path.extname(name)).sort()).toEqual(['.json', '.json', '.members', '.zst']);
  for (const name of files) {
    const file = path.join(rig.archive, 'runs', runId, name);
    const bytes = readFileSync(file);
    // One bit in the middle: of the manifest, a digit of a hash or of a number.
    const changed = Buffer.from(bytes);
    changed[Math.floor(bytes.length / 2)]! ^= 1;
    writeFileSync(file, changed);
    const damaged = await verified(rig, runId, rig.archive);
    expect(damaged, name).toMatchObject({ code: 3, problems: [expect.stringContaining(rig.archive)] });
    renameSync(file, `${file}.away`);
    expect((await verified(rig, runId, rig.archive)).code, name).toBe(3);
    rmSync(`${file}.away`);
    writeFileSync(file, bytes);
  }
  expect((await verified(rig, runId, rig.archive)).code).toBe(0);
});

test('what an archive does not take is reported at the end, counted by retention, and put by `archive` or a hub', async () => {
  const rig = await rigOf();
  writeFileSync(rig.archive, 'a file where the folder was to be');
  const { code, stderr, result } = await rig.runYaml(printing(100), [], { STEPSPAN_ARCHIVE: rig.archive });
  expect(code).toBe(0);
  expect(stderr).toMatch(/\d+ lines and events are not archived yet; `stepspan archive \S+` continues/);
  const data = dataFolder(rig.dataDir);
  const folder = data.runDir(result.runId as never);
  const { nextSeq } = await openJournal(folder).head();
  const limits = { maxAgeMs: 0, maxBytes: 0, now: Date.now() + 60_000, isDryRun: true };
  const [removed] = (await applyRetention(data, limits)).removedRuns;
  const lost = removed?.unread.find(({ reader }) => reader === 'archive');
  expect((lost?.lines ?? 0) + (lost?.events ?? 0)).toBe(nextSeq);

  const again = await rig.run(['archive', 'latest'], { STEPSPAN_ARCHIVE: rig.archive });
  expect(again.code).toBe(3);
  expect(again.stderr).toContain(rig.archive);
  rmSync(rig.archive);
  expect(await rig.run(['archive', 'latest'], { STEPSPAN_ARCHIVE: rig.archive })).toMatchObject({ code: 0 });
  expect(savedPosition(folder, 'archive')).toBe(nextSeq);
  expect((await applyRetention(data, limits)).removedRuns[0]?.unread).toEqual([]);

  // A hub takes what no run has put: also a run of a time without an archive, into another one.
  const other = path.join(rig.folder, 'other');
  await rig.runYaml(printing(10), []);
  const location = { kind: 'folder', folder: other } as const;
  const hub = await hubOf(data, { archiveTo: { location, env: {} } });
  await until(async () => (await verified(rig, result.runId, other)).code === 0, { everyMs: 500 });
  await until(() => readdirSync(path.join(other, 'runs')).length === 2, { everyMs: 100 });
  await hub.stop();
});

test('a killed run is whole after `archive`, and two writers at once leave one whole archive', async () => {
  const rig = await rigOf();
  rig.write('slow.yaml', 'name: slow\nsteps:\n  - id: print\n    run: seq 1 40000; exec sleep 600\n');
  const cli = rig.start(['run', 'slow.yaml', '--no-serve'], { STEPSPAN_ARCHIVE: rig.archive });
  await cli.said('40000');
  cli.child.kill('SIGKILL');
  await cli.done;
  const [runId] = rig.runIds();
  const early = await verified(rig, runId!, rig.archive);
  expect(early.code).toBe(3);

  const copy = path.join(rig.folder, 'copy');
  const env = { STEPSPAN_ARCHIVE: rig.archive };
  // Closes it as abandoned, so that both copies are the same run.
  await rig.run(['archive', runId!], { STEPSPAN_ARCHIVE: path.join(rig.folder, 'first') });
  cpSync(rig.dataDir, copy, { recursive: true });
  const writers = await Promise.all(
    [rig.dataDir, copy].map((dataDir) => rig.run(['archive', runId!], { ...env, STEPSPAN_DATA_DIR: dataDir })),
  );
  expect(writers.map(({ code, stderr }) => ({ code, stderr }))).toEqual([
    { code: 0, stderr: '' },
    { code: 0, stderr: '' },
  ]);
  const { nextSeq } = await openJournal(dataFolder(rig.dataDir).runDir(runId as never)).head();
  expect(await verified(rig, runId!, rig.archive)).toMatchObject({ code: 0, records: nextSeq });
});

test('a bundle and an address show what the data folder shows, and a damaged one is refused', async () => {
  const rig = await rigOf();
  const { result } = await rig.runYaml(printing(3_000), [], { STEPSPAN_ARCHIVE: rig.archive });
  const bundle = path.join(rig.work, 'run.stepspan');
  expect(await rig.run(['bundle', 'latest', '-o', bundle])).toMatchObject({ code: 0 });
  const elsewhere = { STEPSPAN_DATA_DIR: path.join(rig.folder, 'nothing') };
  const here = await rig.run(['export', 'latest', '--format', 'ndjson', '--events']);
  for (const named of ['run.stepspan', bundle, `file://${rig.archive}/runs/${result.runId}`]) {
    const { code, stdout, stderr } = await rig.run(['export', named, '--format', 'ndjson', '--events'], elsewhere);
    expect({ code, stdout, stderr }, named).toEqual({ code: 0, stdout: here.stdout, stderr: '' });
  }
  const shown = await rig.run(['show', 'latest', '--json']);
  expect(JSON.parse((await rig.run(['show', bundle, '--json'], elsewhere)).stdout).steps).toEqual(
    JSON.parse(shown.stdout).steps,
  );
  expect((await rig.run(['tail', bundle, '-n', '2'], elsewhere)).stdout).toBe('2999\n3000\n');

  const bytes = readFileSync(bundle);
  // In a name, the manifest, the heads of members, and a segment; then cut off, and another kind of file.
  const magic = Buffer.from([0x50, 0x2a, 0x4d, 0x18]);
  for (const at of [8, 700, bytes.indexOf(magic) + 20, bytes.lastIndexOf(magic) + 200]) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    writeFileSync(bundle, changed);
    expect((await rig.run(['show', bundle], elsewhere)).code, `byte ${at}`).toBe(3);
  }
  writeFileSync(bundle, bytes.subarray(0, bytes.length - 1024));
  expect((await rig.run(['show', bundle], elsewhere)).stderr).toContain('ends too early');
  writeFileSync(bundle, 'name: a workflow\n');
  expect((await rig.run(['show', bundle], elsewhere)).stderr).toContain('is not a bundle of stepspan');
});

test('the setting still says on and off, and a message names what it can be', async () => {
  const rig = await rigOf();
  const refused = async (value: string): Promise<string> => {
    const { code, stderr } = await rig.run(['archive', 'latest'], { STEPSPAN_ARCHIVE: value });
    expect(code, value).not.toBe(0);
    return stderr;
  };
  mkdirSync(rig.archive);
  await rig.runYaml(printing(10), [], { STEPSPAN_ARCHIVE: 'off' });
  expect(await refused('on')).toContain('nobody said where the archive is');
  expect(await refused('achive')).toContain('write `on`, `off`, `s3://bucket/prefix`');
  expect(await refused('https://example.com/runs')).toContain('s3://bucket/prefix');
  expect(await refused('s3://key:secret@bucket/runs')).toContain('AWS_ACCESS_KEY_ID');
});
