// Runs in a real S3 server that is killed, slow, full, refuses and answers with errors, while the run is killed too: what was journaled is
// archived, all of it, once the store is back.
import { cpSync, existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { dataFolder, openJournal } from '../../src/journal/index.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';
import { until } from '../support/until.ts';
import { type ObjectStore, type StoreFault, startObjectStore } from './support/object-store.ts';

let store: ObjectStore;
beforeAll(async () => {
  store = await startObjectStore();
});
afterAll(() => store?.close());
afterEach(() => store.misbehave([]));

/** Three segments, as base64 of random bytes is three quarters of its size after compression. */
const loud = `name: loud
steps:
  - id: print
    run: head -c 27000000 /dev/urandom | base64
  - id: wait
    needs: [print]
    run: touch printed; exec sleep 600
`;

async function rigOf(prefix: string): Promise<CliRig & { readonly archive: string }> {
  const rig = await startCliRig();
  onTestFinished(rig.close);
  const archive = `s3://${store.bucket}/${prefix}`;
  return { ...rig, archive };
}

async function verified(rig: CliRig, archive: string) {
  const [runId] = rig.runIds();
  const env = { ...store.env, STEPSPAN_ARCHIVE: archive };
  const { code, stdout, stderr } = await rig.run(['archive', 'verify', runId!, '--json'], env);
  if (stdout === '') throw new Error(`verify ended with ${code}: ${stderr}`);
  const { nextSeq } = await openJournal(dataFolder(rig.dataDir).runDir(runId as never)).head();
  const { records, problems, segments } = JSON.parse(stdout);
  return { code, problems, segments, share: records / nextSeq };
}

test('what was journaled is archived, whatever the store and the run go through', async () => {
  const rig = await rigOf('faults');
  const env = { ...store.env, STEPSPAN_ARCHIVE: rig.archive };
  const errors: readonly StoreFault[] = [
    { status: 503, code: 'SlowDown' },
    'reset',
    { status: 500, code: 'InternalError' },
    'slow',
    { status: 507, code: 'InsufficientStorage' },
    'none',
    { status: 412, code: 'PreconditionFailed' },
  ];
  store.misbehave(Array.from({ length: 40 }, (_, index) => errors[index % errors.length] ?? 'none'));
  rig.write('loud.yaml', loud);
  const cli = rig.start(['run', 'loud.yaml', '--quiet', '--no-serve'], env);
  await until(() => existsSync(path.join(rig.work, 'printed')));
  await store.kill();
  cli.child.kill('SIGKILL');
  await cli.done;
  const away = await rig.run(['archive', 'latest', '--ship-wait', '1s'], env);
  expect(away.code).toBe(3);
  expect(away.stderr).toMatch(/lines and events are not archived yet.*s3:\/\/runs\/faults/);

  await store.start();
  store.misbehave(Array.from({ length: 12 }, (_, index) => errors[index % errors.length] ?? 'none'));
  // The same run from two places at once.
  const copy = path.join(rig.folder, 'copy');
  cpSync(rig.dataDir, copy, { recursive: true });
  const both = await Promise.all(
    [rig.dataDir, copy].map((dataDir) =>
      rig.run(['archive', 'latest', '--ship-wait', '60s'], { ...env, STEPSPAN_DATA_DIR: dataDir }),
    ),
  );
  expect(both.map(({ code, stderr }) => ({ code, stderr }))).toEqual([
    { code: 0, stderr: '' },
    { code: 0, stderr: '' },
  ]);
  store.misbehave([]);
  const result = await verified(rig, rig.archive);
  expect(result).toMatchObject({ code: 0, problems: [], share: 1 });
  expect(result.segments).toBeGreaterThanOrEqual(3);
});

test('a failure names the object, what is wrong and what to do, and no secret', async () => {
  const rig = await rigOf('refused');
  await rig.runYaml('name: short\nsteps:\n  - id: print\n    run: seq 1 10\n');
  const said = async (env: Readonly<Record<string, string>>, archive = rig.archive): Promise<string> => {
    const { code, stderr } = await rig.run(['archive', 'latest'], { ...store.env, STEPSPAN_ARCHIVE: archive, ...env });
    expect(code).toBe(3);
    expect(stderr).not.toContain(store.env.AWS_SECRET_ACCESS_KEY);
    return stderr;
  };
  expect(await said({}, 's3://nothere/x')).toMatch(/s3:\/\/nothere\/x\/runs\/.*NoSuchBucket.*create the bucket/);
  expect(await said({ AWS_SECRET_ACCESS_KEY: 'wrong' })).toMatch(/s3:\/\/runs\/refused.*403.*AWS_SECRET_ACCESS_KEY/);
  expect(await said({ AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9' })).toMatch(/ECONNREFUSED.*AWS_ENDPOINT_URL_S3/);
  expect(await said({ AWS_ACCESS_KEY_ID: '', AWS_EC2_METADATA_DISABLED: 'true' })).toMatch(/set AWS_ACCESS_KEY_ID/);
  // What is refused is asked for twice.
  store.misbehave(Array.from({ length: 4 }, () => ({ status: 501, code: 'NotImplemented' })));
  expect(await said({})).toMatch(/cannot write on a condition/);
  store.misbehave([]);

  const { code } = await rig.run(['archive', 'latest'], { ...store.env, STEPSPAN_ARCHIVE: rig.archive });
  expect(code).toBe(0);
  expect(await verified(rig, rig.archive)).toMatchObject({ code: 0, share: 1, segments: 1 });
});
