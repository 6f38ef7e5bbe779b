// Pause, continue and cancel through the command line, on real runs: what is frozen, what continues, and which messages people get.

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { askRun } from '../../src/control/index.ts';
import { tempData } from '../hub/hub-rig.ts';
import { readRecords } from '../support/journal.ts';
import { until, untilStill } from '../support/until.ts';
import { counter, eventsOf, readCount, startRun, stateOf, stepspan } from './control-rig.ts';

function write(folder: string, steps: string): string {
  const file = join(folder, 'flow.yaml');
  writeFileSync(file, `name: flow\nsteps:\n${steps}`);
  return file;
}

const counting = (folder: string, more = '') =>
  `  - id: count\n    run: sh ${counter} ${join(folder, 'count')}\n${more}`;

async function controlOf(folder: string): Promise<{ socket: string; token: string }> {
  const file = join(folder, 'control.json');
  await until(() => existsSync(file));
  return JSON.parse(readFileSync(file, 'utf8')) as { socket: string; token: string };
}

test('pause --now stops the whole tree, and continue wakes it', async () => {
  const data = tempData();
  const file = write(data.root, counting(data.root));
  const { runId, done } = await startRun(data, file);
  await until(() => readCount(data.root) > 3);
  const folder = data.runDir(runId);
  expect(await askRun(folder, { verb: 'pause', now: true, by: 'cli' })).toEqual({ ok: true });
  expect((await stateOf(data, runId)).phase).toMatchObject({ kind: 'paused', by: 'cli', now: true });
  // The freeze goes round the tree once more after the answer; then nothing moves.
  const frozenAt = await untilStill(() => readCount(data.root));
  expect((await stateOf(data, runId)).phase.kind).toBe('paused');

  expect(await askRun(folder, { verb: 'resume', by: 'cli' })).toEqual({ ok: true });
  await until(() => readCount(data.root) > frozenAt);
  expect(await askRun(folder, { verb: 'cancel', now: true, by: 'cli' })).toEqual({ ok: true });
  expect((await done).code).toBe(130);
  const { phase, steps, pauses } = await stateOf(data, runId);
  expect(phase).toMatchObject({ kind: 'finished', outcome: { kind: 'cancellation' } });
  expect(pauses).toMatchObject({ count: 1 });
  expect(steps[0]?.attempts[0]?.phase).toMatchObject({ kind: 'finished', outcome: { kind: 'cancellation' } });
});

test('a plain pause holds the next step and lets the running one end', async () => {
  const data = tempData();
  const flag = join(data.root, 'go');
  const file = write(
    data.root,
    `  - id: first\n    run: while [ ! -e ${flag} ]; do sleep 0.02; done\n  - id: second\n    needs: first\n    run: echo done\n`,
  );
  const { runId, done } = await startRun(data, file);
  await controlOf(data.runDir(runId).dir);
  expect((await stepspan(data, 'pause', runId)).code).toBe(0);
  writeFileSync(flag, '');
  await until(async () => (await stateOf(data, runId)).steps[0]?.phase.kind === 'finished');
  expect((await stateOf(data, runId)).steps[1]?.phase.kind).toBe('planned');
  const again = await stepspan(data, 'pause', runId);
  expect(again).toMatchObject({ code: 3, stderr: `stepspan: Run ${runId}: the run is paused already.\n` });
  expect(await stepspan(data, 'continue', runId)).toMatchObject({ code: 0, stdout: `Run ${runId}: continues.\n` });
  expect((await done).code).toBe(0);
  const types = (await eventsOf(data, runId)).map(({ type }) => type);
  expect(types.indexOf('run.resumed')).toBeLessThan(types.lastIndexOf('step.started'));
});

test('freezing a step that holds a network connection says so in the journal', async () => {
  const server = createServer((socket) => socket.on('error', () => undefined));
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const data = tempData();
  const connected = new Promise((resolve) => server.once('connection', resolve));
  const file = write(
    data.root,
    `  - id: talk\n    run: exec ${process.execPath} -e "require('net').connect(${port}, '127.0.0.1'); setInterval(() => {}, 1000)"\n`,
  );
  const { runId, done } = await startRun(data, file);
  await connected;
  const paused = await stepspan(data, 'pause', runId, '--now');
  expect(paused).toMatchObject({ code: 0, stdout: `Run ${runId}: paused, its processes are frozen.\n` });
  const said = async () => {
    const records = await readRecords(data.runDir(runId));
    return records
      .flatMap((record) => (record.kind === 'output' && record.stream === 'system' ? [record.bytes.toString()] : []))
      .join('');
  };
  await until(async () => (await said()).includes(`frozen with open network connections (127.0.0.1:${port})`));
  await stepspan(data, 'cancel', runId, '--now');
  expect((await done).code).toBe(130);
});

test('the channel is for who has the token, and is gone when the run has ended', async () => {
  const data = tempData();
  const { runId, done } = await startRun(data, write(data.root, counting(data.root)));
  const folder = data.runDir(runId);
  const { socket, token } = await controlOf(folder.dir);
  expect(statSync(join(folder.dir, 'control.json')).mode & 0o777).toBe(0o600);
  expect(statSync(join(socket, '..')).mode & 0o777).toBe(0o700);
  const send = (text: string) =>
    new Promise<string>((resolve) => {
      let answer = '';
      const connection = connect(socket, () => void connection.write(text));
      connection.on('data', (bytes) => {
        answer += bytes.toString();
      });
      connection.on('error', () => undefined);
      connection.on('close', () => resolve(answer));
    });
  const wrong = [
    `{"token":"${'0'.repeat(64)}","verb":"cancel","by":"x"}\n`,
    '{"verb":"cancel","by":"x"}\n',
    `{"token":"${token}","verb":"stop","by":"x"}\n`,
    `{"token":"${token}","verb":"cancel","by":"\\u001b[31m"}\n`,
    'null\n',
    '[]\n',
    `${'x'.repeat(200_000)}`,
    '\0\0\n',
  ];
  for (const text of wrong) expect(await send(text), text.slice(0, 100)).toContain('"ok":false');
  expect(await send(`{"token":"${token}","verb":"ping"}\n`)).toBe('{"ok":true}\n');
  expect((await stateOf(data, runId)).phase.kind).toBe('running');

  expect((await stepspan(data, 'cancel', runId)).code).toBe(0);
  await done;
  expect([existsSync(socket), existsSync(join(folder.dir, 'control.json'))]).toEqual([false, false]);
  expect(await askRun(folder, { verb: 'ping' })).toMatchObject({ ok: undefined });
  const late = await stepspan(data, 'pause', runId);
  expect(late).toMatchObject({
    code: 3,
    stderr: `stepspan: Run ${runId} has ended; there is nothing left to pause.\n`,
  });
  expect((await stepspan(data, 'pause', 'nosuchrun')).code).toBe(7);
});

test('a run whose stepspan was killed is closed by cancel, and only by that', async () => {
  const data = tempData();
  const { runId, child, done } = await startRun(data, write(data.root, counting(data.root)));
  await until(() => readCount(data.root) > 3);
  child.kill('SIGKILL');
  await done;
  const paused = await stepspan(data, 'pause', runId, '--now');
  expect(paused.code).toBe(3);
  expect(paused.stderr).toContain(`The stepspan that ran ${runId} was killed. \`stepspan cancel ${runId}\``);
  const cancelled = await stepspan(data, 'cancel', runId);
  expect(cancelled.code).toBe(0);
  expect(cancelled.stdout).toMatch(
    /had been killed: \d+ of its processes were ended\. The run is marked as abandoned\.\n$/,
  );
  expect((await stateOf(data, runId)).phase).toMatchObject({ outcome: { kind: 'error', reason: 'abandoned' } });
  const frozenAt = readCount(data.root);
  await stepspan(data, 'cancel', runId);
  expect(readCount(data.root)).toBe(frozenAt);
});
