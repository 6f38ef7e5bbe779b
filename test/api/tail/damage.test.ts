// Journals that are damaged anywhere: what is shown is true, what is missing is reported, and no watcher waits for ever.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newRunId } from '../../../src/core/ids.ts';
import { archiveSealed, createJournal, dataFolder } from '../../../src/journal/index.ts';
import { output, runFinished, tempRoot } from '../../journal/journal-rig.ts';
import { until } from '../../support/until.ts';
import { entriesOf, serveTail, watch } from './tail-rig.ts';

const lines = 60;

test.each([false, true])(
  'a wrong bit anywhere (archived: %s) shows as a gap, or as an error that names the file',
  async (archived) => {
    const root = tempRoot();
    const { url } = await serveTail(root);
    const options = { segmentBytes: 1500, indexEveryBytes: 300, archive: false };
    const { folder, ...journal } = createJournal(dataFolder(root).runDir(newRunId()), options);
    for (let line = 0; line < lines; line++) journal.output(output(`line ${line}\n`));
    journal.event(runFinished);
    await journal.close();
    if (archived) await archiveSealed(folder);
    const files = readdirSync(folder.journalDir).map((name) => join(folder.journalDir, name));
    const check = async (which: number, where: number, bit: number, fromSeq: number): Promise<void> => {
      const file = files[which % files.length]!;
      const untouched = readFileSync(file);
      const bytes = Buffer.from(untouched);
      bytes[where % statSync(file).size]! ^= 1 << bit;
      writeFileSync(file, bytes);
      const one = await watch(url, folder, { fromSeq });
      try {
        await until(() => one.messages.some(({ type }) => type === 'caught_up' || type === 'error'));
        const error = one.messages.find((message) => message.type === 'error');
        if (error !== undefined) {
          expect(['journal_unreadable', 'beyond_end']).toContain(error.data.code);
          return;
        }
        const missing = one.messages.flatMap((message) =>
          message.type === 'gap'
            ? Array.from({ length: message.data.toSeq - message.data.fromSeq }, (_, at) => message.data.fromSeq + at)
            : [],
        );
        const got = entriesOf(one.messages).filter(([, type]) => type !== 'gap');
        for (const [seq, text] of got) expect(text).toBe(seq === lines ? 'execution_completed' : `line ${seq}`);
        const end = (await one.heard('caught_up')).data.seq + 1;
        const all = [...got.map(([seq]) => seq), ...missing].sort((a, b) => a - b);
        expect(all).toEqual(Array.from({ length: end - fromSeq }, (_, at) => fromSeq + at));
      } finally {
        one.socket.terminate();
        writeFileSync(file, untouched);
      }
    };
    const places = fc.asyncProperty(fc.nat(), fc.nat(), fc.nat({ max: 7 }), fc.integer({ min: 0, max: lines }), check);
    await fc.assert(places, { numRuns: 100 });
  },
  60_000,
);

test('a journal of a later format is an error that says so', async () => {
  const root = tempRoot();
  const { url } = await serveTail(root);
  const journal = createJournal(dataFolder(root).runDir(newRunId()), { archive: false });
  journal.output(output('a line\n'));
  await journal.close();
  const [file] = readdirSync(journal.folder.journalDir).filter((name) => name.endsWith('.seg'));
  const path = join(journal.folder.journalDir, file!);
  const found: string[] = [];
  // The major version is in the header; wherever that is, some byte of it makes the journal a later one.
  for (let at = 0; at < 32; at++) {
    const untouched = readFileSync(path);
    const bytes = Buffer.from(untouched);
    bytes[at] = 0x7f;
    writeFileSync(path, bytes);
    const one = await watch(url, journal.folder);
    await until(() => one.messages.some(({ type }) => type === 'caught_up' || type === 'error'));
    for (const message of one.messages) if (message.type === 'error') found.push(message.data.message);
    one.socket.terminate();
    writeFileSync(path, untouched);
  }
  expect(found.filter((message) => /is in journal format .* Use the stepspan that wrote it/.test(message))).not.toEqual(
    [],
  );
});
