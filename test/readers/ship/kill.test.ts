// A process that is killed while it ships: what it had sent and what the next one sends are the same records.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { savedPosition } from '../../../src/journal/index.ts';
import { startOtlpServer } from './support/otlp-server.ts';
import { newRun, print, runFinished } from './support/runs.ts';

const script = path.resolve(import.meta.dirname, '../../fixtures/ship-run.ts');

function start(root: string, runId: string, url: string): ChildProcess {
  const child = spawn(process.execPath, [script, root, runId, url], { stdio: ['ignore', 'ignore', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

test('kill -9 in the middle loses nothing, and what comes twice is the same record', async () => {
  const { folder, journal, root } = newRun();
  // More than two batches of 8192 lines.
  const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}`);
  for (let at = 0; at < lines.length; at += 500) print(journal, lines.slice(at, at + 500));
  journal.event(runFinished);
  await journal.close();

  let asked = 0;
  let second = (): void => {};
  const secondRequest = new Promise<void>((resolve) => {
    second = resolve;
  });
  const sink = await startOtlpServer(({ path: at }) => {
    if (at !== '/v1/logs') return { kind: 'accept' };
    asked++;
    // The second batch is taken, and its answer never comes: the worst moment to die.
    if (asked !== 2) return { kind: 'accept' };
    second();
    return { kind: 'reset', takes: true };
  });
  onTestFinished(() => sink.close());

  const first = start(root, folder.runId, sink.url);
  await secondRequest;
  first.kill('SIGKILL');
  await once(first, 'exit');
  const cursor = savedPosition(folder, 'ship-logs') ?? 0;
  expect(cursor).toBeLessThan(lines.length);

  const next = start(root, folder.runId, sink.url);
  const [code] = await once(next, 'exit');
  expect(code).toBe(0);
  expect(savedPosition(folder, 'ship-logs')).toBe(lines.length + 2);

  const bySeq = new Map<bigint, unknown>();
  for (const log of sink.logs) {
    const seq = log.attributes['stepspan.seq'] as bigint;
    if (bySeq.has(seq)) expect(log).toEqual(bySeq.get(seq));
    bySeq.set(seq, log);
  }
  expect(sink.logs.length).toBeGreaterThan(bySeq.size);
  expect(Array.from(bySeq.values(), (log) => (log as { body: string }).body)).toEqual(lines);
});
