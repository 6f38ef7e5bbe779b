// Watchers that read slowly, not at all, or are very many: bounded memory, nobody waits, nothing is missed.
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { limits } from '../../../src/api/tail/protocol.ts';
import { newRunId } from '../../../src/core/ids.ts';
import { createJournal, dataFolder, type JournalWriter } from '../../../src/journal/index.ts';
import { output, runFinished, tempRoot } from '../../journal/journal-rig.ts';
import { until } from '../../support/until.ts';
import { entriesOf, serveTail, watch, watcher } from './tail-rig.ts';

const bufferBytes = 32 * 1024;
/** One message of the journal may stand over the bound: lines of 64 KiB, as JSON. */
const oneMessage = 160 * 1024;

function newJournal(root: string): JournalWriter {
  return createJournal(dataFolder(root).runDir(newRunId()));
}

/** Some MB, so that no kernel's socket buffers take it all. */
function manyLines(journal: JournalWriter, batches: number): void {
  for (let batch = 0; batch < batches; batch++) {
    let text = '';
    for (let line = 0; line < 100; line++) text += `line ${journal.nextSeq + line} ${'.'.repeat(100)}\n`;
    journal.output(output(text));
  }
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);

test('one that reads nothing holds a bounded number of bytes, slows nobody, and gets everything when it continues', async () => {
  const root = tempRoot();
  const { url, tail } = await serveTail(root, { tuning: { bufferBytes } });
  const journal = newJournal(root);
  const stalled = await watch(url, journal.folder);
  const fast = await watch(url, journal.folder);
  await stalled.heard('caught_up');
  await fast.heard('caught_up');
  stalled.socket.pause();
  let most = 0;
  for (let round = 0; round < 40; round++) {
    manyLines(journal, 50);
    await fast.heard('output_stream', ({ seq }) => seq === journal.nextSeq - 1);
    most = Math.max(most, tail.numbers().bufferedBytes);
  }
  expect(entriesOf(fast.messages).map(([seq]) => seq)).toEqual(numbers(0, journal.nextSeq));
  expect(most).toBeGreaterThan(bufferBytes / 2);
  expect(most).toBeLessThan(bufferBytes + oneMessage);
  stalled.socket.resume();
  await stalled.heard('output_stream', ({ seq }) => seq === journal.nextSeq - 1);
  expect(entriesOf(stalled.messages)).toEqual(entriesOf(fast.messages));
  await journal.close();
});

test('one that has stopped reading is not cut for answering no ping', async () => {
  const root = tempRoot();
  const { url, tail } = await serveTail(root, { tuning: { bufferBytes, pingMs: 20 } });
  const journal = newJournal(root);
  manyLines(journal, 1_000);
  const stalled = await watch(url, journal.folder);
  stalled.socket.pause();
  await until(() => tail.numbers().bufferedBytes > bufferBytes / 2);
  // Two clients that answer nothing, one after the other, are cut: so much time has passed for the stalled one too.
  for (let dead = 0; dead < 2; dead++) {
    const silent = new WebSocket(url, { autoPong: false });
    await once(silent, 'close');
  }
  stalled.socket.resume();
  await stalled.heard('output_stream', ({ seq }) => seq === journal.nextSeq - 1);
  await journal.close();
});

test('one that lags far is sent how far, may jump to now, and is sent how much it skipped', async () => {
  const root = tempRoot();
  const { url } = await serveTail(root, { tuning: { bufferBytes, lagEveryMs: 0 } });
  const journal = newJournal(root);
  const one = await watch(url, journal.folder);
  await one.heard('caught_up');
  one.socket.pause();
  manyLines(journal, 2000);
  // What it asks is read although it reads nothing itself.
  one.say({ type: 'jump_to_now', executionId: journal.folder.runId });
  one.say({ type: 'ping' });
  one.socket.resume();
  await one.heard('pong');
  const { data, seq } = await one.heard('jumped');
  await one.heard('caught_up', (message) => message.seq >= data.toSeq - 1);
  journal.output(output('after\n'));
  await one.heard('output_stream', (message) => message.seq === journal.nextSeq - 1);
  expect(data.lines).toBe(data.toSeq - data.fromSeq);
  expect(seq).toBe(data.toSeq - 1);
  expect(data.toSeq).toBe(200_000);
  expect(data.lines).toBeGreaterThan(0);
  expect(entriesOf(one.messages).map(([line]) => line)).toEqual([
    ...numbers(0, data.fromSeq),
    ...numbers(data.toSeq, journal.nextSeq),
  ]);
  await journal.close();

  const late = await watch(url, journal.folder);
  const lag = await late.heard('lagging');
  expect(lag.data.behindLines).toBe(lag.data.headSeq - lag.seq - 1);
});

test('a jump in a run that is over stops before its last record, which says how it ended', async () => {
  const root = tempRoot();
  const { url } = await serveTail(root, { tuning: { bufferBytes } });
  const journal = newJournal(root);
  manyLines(journal, 500);
  journal.event(runFinished);
  await journal.close();
  const one = await watch(url, journal.folder);
  one.say({ type: 'jump_to_now', executionId: journal.folder.runId });
  await one.heard('execution_completed');
  const { data } = await one.heard('jumped');
  expect(data.toSeq).toBe(journal.nextSeq - 1);
});

test('two hundred on one run miss no line of it', async () => {
  const root = tempRoot();
  const { url } = await serveTail(root);
  const journal = newJournal(root);
  const all = await Promise.all(Array.from({ length: 200 }, () => watch(url, journal.folder)));
  for (let round = 0; round < 30; round++) {
    journal.output(output(`line ${journal.nextSeq}\nline ${journal.nextSeq + 1}\n`));
    await new Promise((resolve) => setImmediate(resolve));
  }
  journal.event(runFinished);
  for (const one of all) await one.heard('caught_up', ({ data }) => data.ended);
  const expected = [...numbers(0, 60).map((seq) => [seq, `line ${seq}`]), [60, 'execution_completed']];
  for (const one of all) expect(entriesOf(one.messages)).toEqual(expected);
  await journal.close();
});

test('one that asks and does not read is closed before its answers fill the memory', async () => {
  const { url, tail } = await serveTail(tempRoot());
  const one = await watcher(url);
  await one.heard('hello');
  one.socket.pause();
  const nonce = 'n'.repeat(250);
  // The kernels take the first megabytes of answers; what comes then must not wait here without bound.
  let most = 0;
  while (most <= 10_000) {
    for (let at = 0; at < 50; at++) one.say({ type: 'ping', nonce });
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, tail.numbers().bufferedBytes);
  }
  for (let at = 0; at < 2 * limits.maxUnreadAnswers; at++) one.say({ type: 'ping', nonce });
  await until(() => one.socket.bufferedAmount === 0);
  most = Math.max(most, tail.numbers().bufferedBytes);
  one.socket.resume();
  expect((await one.closed).code).toBe(4429);
  expect(most).toBeLessThan((limits.maxUnreadAnswers + 1) * 400);
});
