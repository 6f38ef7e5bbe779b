// Watching over real WebSockets: from any number on, live, beside others, over other processes' journals.
import { describe, expect, test } from 'vitest';
import { newRunId } from '../../../src/core/ids.ts';
import { createJournal, dataFolder, type JournalWriter, openJournal } from '../../../src/journal/index.ts';
import {
  output,
  removeOldSegments,
  runFinished,
  startFixture,
  stepStarted,
  subject,
  tempRoot,
} from '../../journal/journal-rig.ts';
import { attemptStarted, runStarted, stepFinished } from '../../runs/journal-of.ts';
import { until } from '../../support/until.ts';
import { entriesOf, serveTail, watch, watcher } from './tail-rig.ts';

function newJournal(root: string, options = {}): JournalWriter {
  return createJournal(dataFolder(root).runDir(newRunId()), options);
}

/** 30 numbers: a start, lines of two steps and streams, an end. */
function smallRun(root: string): JournalWriter {
  const journal = newJournal(root);
  const [build, ...others] = runStarted(['build', 'test']).steps;
  journal.event(
    runStarted([], {
      steps: [{ ...build!, when: 'params.all', maxAttempts: 3 }, ...others],
      labels: { team: 'payments' },
      versionControl: { url: 'https://example.com/a.git', branch: 'main', revision: 'abc', isDirty: true },
      ci: { system: 'gitlab', url: 'https://gitlab.example/jobs/9', actor: 'ada' },
      publicUrl: 'https://hub.example.com',
      startedBy: { traceId: '1'.repeat(32), spanId: '2'.repeat(16), as: 'child' },
      resumedFrom: '20261122-151402-abc123',
      resumedFromTraceId: '3'.repeat(32),
    }),
  );
  journal.event(stepStarted, subject);
  journal.event(attemptStarted, subject);
  for (let at = 0; at < 6; at++) {
    journal.output(output(`out ${at}\nmore ${at}\n`));
    journal.output(output(`err ${at}\n`, { stream: 'stderr' }));
    if (at === 3) journal.output(output('from stepspan\nand more\n', { stream: 'system' }));
  }
  journal.output(output('other\nrest', { subject: { step: 'test', attempt: 1 } }));
  journal.event(stepFinished(), subject);
  journal.event(runFinished);
  return journal;
}

describe('a watcher', () => {
  test('who joins late at any number gets everything from there on, and what comes after', async () => {
    const root = tempRoot();
    const { url } = await serveTail(root);
    const journal = smallRun(root);
    await journal.close();
    const all = await watch(url, journal.folder);
    await all.heard('caught_up', (message) => message.data.ended);
    const whole = entriesOf(all.messages);
    expect(whole.map(([seq]) => seq)).toEqual(Array.from({ length: journal.nextSeq }, (_, seq) => seq));
    expect(whole.at(0)![1]).toBe('execution_started');
    expect(whole.at(-1)![1]).toBe('execution_completed');
    for (let fromSeq = 0; fromSeq <= journal.nextSeq; fromSeq++) {
      const late = await watch(url, journal.folder, { fromSeq });
      await late.heard('caught_up', (message) => message.data.ended);
      expect(entriesOf(late.messages)).toEqual(whole.slice(fromSeq));
      late.socket.terminate();
    }
  });

  test('of a run of the same process is served by its writer, once for all, until the last has gone', async () => {
    const root = tempRoot();
    const journal = newJournal(root);
    let listening = 0;
    let began = 0;
    const onAppend = (listener: () => void): (() => void) => {
      listening += 1;
      began += 1;
      const stop = journal.onAppend(listener);
      return () => {
        listening -= 1;
        stop();
      };
    };
    const { url } = await serveTail(root, { openRun: (folder) => openJournal(folder, { onAppend }) });
    const all = [await watch(url, journal.folder), await watch(url, journal.folder)];
    for (const one of all) await one.heard('caught_up');
    for (let line = 0; line < 20; line++) {
      journal.output(output(`line ${line}\n`));
      for (const one of all) await one.heard('output_stream', ({ seq }) => seq === line);
    }
    expect([began, listening]).toEqual([1, 1]);
    for (const one of all) one.socket.terminate();
    await until(() => listening === 0);
    await journal.close();
  });

  test('gets what is appended while it watches, each message with the number to continue after', async () => {
    const root = tempRoot();
    const { url } = await serveTail(root);
    const journal = newJournal(root);
    journal.event(runStarted(['build']));
    const one = await watch(url, journal.folder);
    await one.heard('caught_up');
    journal.output(output('first\nsecond\n'));
    const lines = await one.heard('output_stream');
    expect(lines).toMatchObject({
      executionId: journal.folder.runId,
      seq: 2,
      data: { step: 'build', attempt: 1, stream: 'stdout' },
    });
    expect(lines.data.lines.map(({ seq, text, severity }) => [seq, text, severity])).toEqual([
      [1, 'first', 'info'],
      [2, 'second', 'info'],
    ]);
    expect(lines.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    journal.event(runFinished);
    expect((await one.heard('caught_up', (message) => message.data.ended)).seq).toBe(3);
    await journal.close();
  });

  test('of `end` gets only what comes after; of a run that is over, how it ended', async () => {
    const root = tempRoot();
    const { url } = await serveTail(root);
    const journal = newJournal(root);
    journal.output(output('before\n'));
    const live = await watch(url, journal.folder, { fromSeq: 'end' });
    await live.heard('caught_up');
    journal.output(output('after\n'));
    journal.event(runFinished);
    await live.heard('caught_up', (message) => message.data.ended);
    expect(entriesOf(live.messages)).toEqual([
      [1, 'after'],
      [2, 'execution_completed'],
    ]);
    await journal.close();
    const late = await watch(url, journal.folder, { fromSeq: 'end' });
    await late.heard('caught_up');
    expect(entriesOf(late.messages)).toEqual([[2, 'execution_completed']]);
  });

  test('sees a run that another process writes, from before its journal is there to its end', async () => {
    const root = tempRoot();
    const runId = newRunId();
    const folder = dataFolder(root).runDir(runId);
    const { url } = await serveTail(root, { resolveRun: () => folder });
    const early = await watch(url, folder);
    await early.heard('subscribed');
    startFixture('journal-writer.ts', root, runId, 'create', '2000').stdout.resume();
    await early.heard('output_stream');
    const late = await watch(url, folder);
    for (const one of [early, late]) {
      const end = await one.heard('caught_up', (message) => message.data.ended);
      const got = entriesOf(one.messages);
      expect(got.map(([seq]) => seq)).toEqual(Array.from({ length: end.seq + 1 }, (_, seq) => seq));
      expect(got.slice(0, -1).filter(([seq, text]) => !text.startsWith(`line ${seq} `))).toEqual([]);
    }
  });

  test('may watch several runs, ask again with other filters, and stop', async () => {
    const root = tempRoot();
    const { url } = await serveTail(root);
    const [one, two] = [newJournal(root), newJournal(root)];
    one.output(output('of one\n'));
    two.output(output('of two\n'));
    const both = await watch(url, one.folder);
    both.say({ type: 'subscribe_execution', executionId: two.folder.runId });
    await both.heard('caught_up', ({ executionId }) => executionId === one.folder.runId);
    await both.heard('caught_up', ({ executionId }) => executionId === two.folder.runId);
    both.say({ type: 'unsubscribe_execution', executionId: one.folder.runId });
    both.say({
      type: 'subscribe_execution',
      id: 'again',
      executionId: two.folder.runId,
      fromSeq: 1,
      filters: { streams: ['stderr'] },
    });
    await both.heard('subscribed', ({ data }) => data.id === 'again');
    one.output(output('unheard\n'));
    two.output(output('unwanted\n'));
    two.output(output('wanted\n', { stream: 'stderr' }));
    await both.heard('output_stream', ({ data }) => data.stream === 'stderr');
    expect(entriesOf(both.messages).map(([, text]) => text)).toEqual(['of one', 'of two', 'wanted']);
    await one.close();
    await two.close();
  });

  test('is sent how far the run is, when that changes', async () => {
    const root = tempRoot();
    const { url } = await serveTail(root);
    const journal = newJournal(root);
    journal.event(runStarted(['build', 'test']));
    journal.event(stepStarted, subject);
    journal.event(attemptStarted, subject);
    const one = await watch(url, journal.folder);
    const first = await one.heard('progress');
    expect(first.data).toMatchObject({ currentStep: 'build', totalSteps: 2, completedSteps: 0, progress: 0 });
    expect(first.data.startTime).toMatch(/Z$/);
    journal.event(stepFinished(), subject);
    const half = await one.heard('progress', ({ data }) => data.completedSteps === 1);
    expect(half.data).toMatchObject({ currentStep: null, progress: 50, averageStepDuration: 1000 });
    journal.event(runFinished);
    expect((await one.heard('progress', ({ data }) => data.progress === 100)).seq).toBe(4);
    await journal.close();
  });
});

describe('filters', () => {
  const cases = [
    [{ streams: ['stderr'], events: false }, (text: string) => text.startsWith('err')],
    [{ streams: ['system'], events: false }, (text: string) => /from stepspan|and more/.test(text)],
    [{ steps: ['test'], events: false }, (text: string) => /^(other|rest)$/.test(text)],
    [{ severities: ['warning'], events: false }, (text: string) => text.startsWith('err')],
    [{ search: 'more 3', events: false }, (text: string) => text === 'more 3'],
    [{ search: '/^(out|MORE) [12]$/i', events: false }, (text: string) => /^(out|more) [12]$/.test(text)],
    [{ streams: [] }, (text: string) => /^(execution|step|span)/.test(text)],
    [{ steps: ['test'] }, (text: string) => /^(other|rest|execution_.*)$/.test(text)],
  ] as const;
  test.each(cases)('%j give just what they say, from the journal and live', async (filters, wants) => {
    const root = tempRoot();
    const { url } = await serveTail(root);
    const journal = smallRun(root);
    const all = await watch(url, journal.folder);
    await all.heard('caught_up', ({ data }) => data.ended);
    const late = await watch(url, journal.folder, { filters: filters as never });
    await late.heard('caught_up', ({ data }) => data.ended);
    const wanted = entriesOf(all.messages).filter(([, text]) => wants(text));
    expect(wanted.length).toBeGreaterThan(0);
    expect(entriesOf(late.messages)).toEqual(wanted);

    const growing = newJournal(root);
    const live = await watch(url, growing.folder, { filters: filters as never });
    const whole = await watch(url, growing.folder);
    await Promise.all([live.heard('caught_up'), whole.heard('caught_up')]);
    growing.output(output('out 1\nmore 3\nother\nrest\n', { subject: { step: 'test', attempt: 1 } }));
    growing.output(output('err 1\n', { stream: 'stderr' }));
    growing.output(output('from stepspan\n', { stream: 'system' }));
    growing.event(runFinished);
    await Promise.all([live, whole].map((one) => one.heard('caught_up', ({ data }) => data.ended)));
    const expected = entriesOf(whole.messages).filter(([, text]) =>
      (filters as { steps?: unknown }).steps === undefined
        ? wants(text)
        : /^(out 1|more 3|other|rest|execution_.*)$/.test(text) &&
          ((filters as { events?: boolean }).events !== false || !text.startsWith('execution')),
    );
    expect(entriesOf(live.messages)).toEqual(expected);
    await Promise.all([journal.close(), growing.close()]);
  });

  test('end a search that backtracks without end, and nobody else waits for it', async () => {
    const root = tempRoot();
    const { url } = await serveTail(root);
    const journal = newJournal(root);
    journal.output(output(`${'a'.repeat(40)}!\n`));
    const slow = await watch(url, journal.folder, { filters: { search: '/^(a+)+$/' } });
    expect((await slow.heard('error')).data.code).toBe('search_too_slow');
    const other = await watch(url, journal.folder);
    await other.heard('output_stream');
    await journal.close();
  });
});

describe('a journal', () => {
  test('whose first segments were removed shows the gap and continues', async () => {
    const root = tempRoot();
    const { url } = await serveTail(root);
    const journal = newJournal(root, { segmentBytes: 4096, archive: false });
    for (let at = 0; at < 200; at++) journal.output(output(`line ${at} ${'.'.repeat(80)}\n`));
    expect(removeOldSegments(journal.folder, 2)).toBeGreaterThan(1);
    const one = await watch(url, journal.folder);
    await one.heard('caught_up');
    const gap = await one.heard('gap');
    expect(gap.data).toMatchObject({ fromSeq: 0, why: 'removed' });
    expect(gap.seq).toBe(gap.data.toSeq - 1);
    const lines = entriesOf(one.messages).filter(([, text]) => text.startsWith('line'));
    expect(lines[0]![0]).toBe(gap.data.toSeq);
    expect(lines.map(([seq]) => seq)).toEqual(
      Array.from({ length: 200 - gap.data.toSeq }, (_, at) => gap.data.toSeq + at),
    );
    await journal.close();
  });

  test('that is not there, that ends before the place, or that cannot be read is an error that says so', async () => {
    const root = tempRoot();
    const { url } = await serveTail(root);
    const one = await watcher(url);
    for (const executionId of [newRunId(), '../../etc/passwd', 'latest']) {
      one.say({ type: 'subscribe_execution', id: executionId, executionId });
      expect((await one.heard('error', ({ data }) => data.id === executionId)).data.code).toBe('not_found');
    }
    const journal = newJournal(root);
    journal.output(output('x\n'));
    one.say({ type: 'subscribe_execution', id: 'far', executionId: journal.folder.runId, fromSeq: 2 });
    expect((await one.heard('error', ({ data }) => data.id === 'far')).data.code).toBe('beyond_end');
    one.say({ type: 'jump_to_now', executionId: journal.folder.runId });
    await one.heard('error', ({ data }) => data.code === 'not_subscribed');
    await journal.close();
  });
});
