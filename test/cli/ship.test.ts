// The command `ship`, as a process, against a server that refuses a line at first.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { logsIn } from '../readers/ship/support/json.ts';
import { startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { newRun, print, runFinished } from '../readers/ship/support/runs.ts';
import { startCliRig } from '../support/cli-rig.ts';

test('a damaged journal is reported, and the exit code says that something is missing', async () => {
  const rig = await startCliRig();
  onTestFinished(rig.close);
  const server = await startOtlpServer();
  onTestFinished(server.close);
  const { folder, journal, root } = newRun({}, { segmentBytes: 1, archive: false });
  for (const text of ['one', 'two', 'three']) print(journal, [text]);
  journal.event(runFinished);
  await journal.close();
  const second =
    readdirSync(folder.journalDir)
      .filter((name) => name.endsWith('.seg'))
      .sort()[2] ?? '';
  const file = path.join(folder.journalDir, second);
  const bytes = readFileSync(file);
  bytes.write('2', bytes.indexOf('two'));
  writeFileSync(file, bytes);
  const env = { STEPSPAN_DATA_DIR: root, OTEL_EXPORTER_OTLP_ENDPOINT: server.url };
  const shipped = await rig.run(['ship', 'latest'], env);
  expect(shipped.code).toBe(3);
  expect(shipped.stderr).toMatch(
    /the journal has \d problems?, and what could not be read was not sent: Records 2 to 2 are missing \(corrupt\)/,
  );
});

test('records that are refused and cannot be kept are not said to be kept', async () => {
  const rig = await startCliRig();
  onTestFinished(rig.close);
  const server = await startOtlpServer(({ path: route }) =>
    route.endsWith('/logs') ? { kind: 'status', status: 400, body: 'no' } : { kind: 'accept' },
  );
  onTestFinished(server.close);
  const { result } = await rig.runYaml("name: refused\nsteps:\n  - {id: a, run: printf 'one\\n'}\n", ['--no-ship']);
  const folder = path.join(rig.dataDir, 'runs', result.runId, 'refused');
  writeFileSync(folder, 'a file where the folder would be');
  const shipped = await rig.run(['ship', 'latest'], { OTEL_EXPORTER_OTLP_ENDPOINT: server.url });
  expect(shipped.stderr).toMatch(/\d+ refused records could not be written to/);
  expect(shipped.stderr).not.toContain('what was refused is in');
});

test('what a backend refused is reported, can be looked at, and is sent again once the backend takes it', async () => {
  const rig = await startCliRig();
  onTestFinished(rig.close);
  let takesAll = false;
  const server = await startOtlpServer(({ path: route, body }) => {
    const isPoisoned = route.endsWith('/logs') && logsIn(body).some((log) => log.body === 'poison');
    return isPoisoned && !takesAll ? { kind: 'status', status: 400, body: 'no poison here' } : { kind: 'accept' };
  });
  onTestFinished(server.close);
  const { result } = await rig.runYaml("name: mixed\nsteps:\n  - {id: a, run: printf 'good\\npoison\\nfine\\n'}\n", [
    '--no-ship',
  ]);
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: server.url };

  const first = await rig.run(['ship', 'latest'], env);
  expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining('the backend refused 1') });
  const folder = path.join(rig.dataDir, 'runs', result.runId, 'refused');
  expect(first.stderr).toContain(`what was refused is in ${folder}`);
  const kept = readFileSync(path.join(folder, 'logs.ndjson'), 'utf8').trimEnd().split('\n');
  expect(kept.map((line) => JSON.parse(line))).toMatchObject([{ status: 400, answer: 'no poison here' }]);
  expect(server.logs.map(({ body }) => body)).toEqual(expect.arrayContaining(['good', 'fine']));
  expect(server.logs.map(({ body }) => body)).not.toContain('poison');

  takesAll = true;
  const again = await rig.run(['ship', 'latest', '--again'], env);
  expect(again).toMatchObject({ code: 0, stderr: '' });
  expect(again.stdout).not.toContain('refused');
  expect(server.logs.map(({ body }) => body)).toContain('poison');
  expect(existsSync(folder)).toBe(false);
});
