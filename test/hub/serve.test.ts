// `stepspan serve` as a real process: what it prints, what it answers, how it ends, and that a kill costs no count.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { runningHub } from '../../src/hub/index.ts';
import type { DataFolder } from '../../src/journal/index.ts';
import { startIn, stepspan } from '../control/control-rig.ts';
import { beginRun, endRun, scrapeUntil, tempData } from './hub-rig.ts';

async function serve(data: DataFolder, ...flags: string[]) {
  const cli = startIn(data, 'serve', '--port', '0', ...flags);
  const url = await cli.url();
  expect(cli.stdout()).toMatch(/^listening on http:\/\/127\.0\.0\.1:\d+\n/);
  return { ...cli, url };
}

test('prints where it listens, serves, and ends well when it is asked to', async () => {
  const data = tempData();
  const { child, url, done } = await serve(data);
  expect(runningHub(data)).toMatchObject({ url, process: { pid: child.pid } });
  await endRun(beginRun(data));
  const scraped = await scrapeUntil(url, (now) => now.sum('stepspan_runs_total') === 1);
  expect(scraped.value('stepspan_build_info')).toBe(1);
  child.kill('SIGTERM');
  expect((await done).code).toBe(0);
  expect(existsSync(data.hubFile)).toBe(false);
});

test('leads from a run to the Grafana and the logs that its flags name', async () => {
  const data = tempData();
  const run = beginRun(data);
  await endRun(run);
  const logs = 'https://logs.example/{runId}';
  const { url } = await serve(data, '--grafana-url', 'http://grafana.example:3000', '--logs-link', logs);
  const authorization = `Bearer ${readFileSync(path.join(data.root, 'token'), 'utf8').trim()}`;
  const answer = await fetch(`${url}/api/v1/runs/${run.runId}`, { headers: { authorization } });
  const { links } = (await answer.json()) as { readonly links: readonly { label: string; url: string }[] };
  expect(links).toEqual([
    {
      label: 'dashboard',
      url: expect.stringMatching(/^http:.*\/d\/stepspan-run\?var-run=.*&var-trace=.*&from=\d+&to=\d+$/),
    },
    { label: 'trace', url: expect.stringMatching(/^http:\/\/grafana\.example:3000\/explore\?/) },
    { label: 'logs', url: `https://logs.example/${run.runId}` },
  ]);
});

test('continues to count after it was killed, and takes over from the dead', async () => {
  const data = tempData();
  const first = await serve(data);
  const run = beginRun(data);
  await scrapeUntil(first.url, (now) => now.value('stepspan_output_lines_total', { stream: 'stdout' }) === 3);
  first.child.kill('SIGKILL');
  await first.done;
  expect(existsSync(data.hubFile)).toBe(true);
  expect(runningHub(data)).toBeUndefined();
  await endRun(run);
  const second = await serve(data);
  const scraped = await scrapeUntil(second.url, (now) => now.sum('stepspan_runs_total') === 1);
  expect(scraped.value('stepspan_runs_started_total')).toBe(1);
  expect(scraped.value('stepspan_output_lines_total', { stream: 'stdout' })).toBe(3);
});

test('says who has the data folder, and which flag is wrong, with an exit code for each', async () => {
  const data = tempData();
  const { child } = await serve(data);
  const second = await stepspan(data, 'serve', '--port', '0');
  expect(second).toMatchObject({ code: 6, stderr: expect.stringContaining(`Process ${child.pid} on`) });

  const wrong = await stepspan(tempData(), 'serve', '--port', 'many');
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('--port is "many", not a whole number from 0 to 65535; write a number');

  const remote = await stepspan(tempData(), 'serve', '--port', '0', '--host', '0.0.0.0');
  expect(remote).toMatchObject({ code: 2, stderr: expect.stringContaining('--allow-remote') });
});
