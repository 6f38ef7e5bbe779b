// The command `ship`, as a process, against a server that refuses a line at first.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { decodeLogs } from '../readers/ship/support/protobuf.ts';
import { startCliRig } from '../support/cli-rig.ts';

test('what a backend refused is told, can be looked at, and is sent again once the backend takes it', async () => {
  const rig = await startCliRig();
  onTestFinished(rig.close);
  let takesAll = false;
  const server = await startOtlpServer(({ path: route, body }) => {
    const isPoisoned = route.endsWith('/logs') && decodeLogs(body).some((log) => log.body === 'poison');
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
