// What is known of a run at its end comes from following it, and following ends with the run.
import { rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createJournal, type JournalReader, type JournalWriter, openJournal } from '../../src/journal/index.ts';
import { createRunFollower } from '../../src/library/follow-run.ts';
import { output, runFinished, stepStarted, subject, tempRun } from '../journal/journal-rig.ts';
import { runStarted } from '../runs/journal-of.ts';
import { failOnProblem } from '../support/journal.ts';
import { until } from '../support/until.ts';

/** A journal with its writer, and a reader that notes from where it was read without following. */
function opened(): { writer: JournalWriter; reader: JournalReader; readFrom: number[] } {
  const writer = createJournal(tempRun());
  const real = openJournal(writer.folder, { onAppend: writer.onAppend });
  const readFrom: number[] = [];
  const read: JournalReader['read'] = (options) => {
    if (options.follow !== true) readFrom.push(options.from);
    return real.read(options);
  };
  return { writer, reader: { ...real, read }, readFrom };
}

function print(writer: JournalWriter): void {
  writer.event(runStarted(['build']));
  writer.event(stepStarted, subject);
  for (let line = 0; line < 10; line++) writer.output(output(`line ${line}\n`));
}

test('the end of a run reads only what was not followed', async () => {
  const { writer, reader, readFrom } = opened();
  const follower = createRunFollower(reader, failOnProblem);
  let seen = 0;
  const following = follower.follow((_, state) => {
    seen = state.nextSeq;
  });
  print(writer);
  await until(() => seen === 12);
  writer.event(runFinished);
  const followed = await following;
  const state = await follower.finish();
  expect(readFrom).toEqual([13]);
  expect(state).toEqual(followed);
  expect(state).toMatchObject({ phase: { kind: 'finished' }, lines: { stdout: 10 }, nextSeq: 13 });
  await writer.close();
});

test('nobody has to follow', async () => {
  const { writer, reader, readFrom } = opened();
  print(writer);
  const state = await createRunFollower(reader, failOnProblem).finish();
  expect(readFrom).toEqual([0]);
  expect(state).toMatchObject({ lines: { stdout: 10 }, nextSeq: 12 });
  await writer.close();
});

test('who is shown the run gets all of it, also where it is slow and the journal has no end', async () => {
  const { writer, reader } = opened();
  const follower = createRunFollower(reader, failOnProblem);
  const shown: number[] = [];
  const slow = Promise.withResolvers<void>();
  let isShowing = false;
  const following = follower.follow(async (records) => {
    isShowing = true;
    await slow.promise;
    shown.push(...records.map(({ seq }) => seq));
  });
  writer.event(runStarted(['build']));
  await until(() => isShowing);
  print(writer);
  // It waits for nobody who is slow.
  expect((await follower.finish()).nextSeq).toBe(13);
  slow.resolve();
  expect((await following).nextSeq).toBe(13);
  expect(shown).toEqual(Array.from({ length: 13 }, (_, seq) => seq));
  await writer.close();
});

test('following ends with the run, also where its folder is gone by then', async () => {
  const { writer, reader } = opened();
  const follower = createRunFollower(reader, failOnProblem);
  const following = follower.follow();
  print(writer);
  await writer.close();
  await follower.finish();
  rmSync(writer.folder.dir, { recursive: true });
  await following;
});
