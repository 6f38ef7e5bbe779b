// Damage at any bit of any file: reported with its place, never read as a record, never a loop.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  archiveSealed,
  createJournal,
  type JournalProblem,
  openJournal,
  type RunFolder,
  reopenJournal,
} from '../../src/journal/index.ts';
import { listSegments } from '../../src/journal/segment-files.ts';
import { readRecords } from '../support/journal.ts';
import { flat, output, runFinished, stepStarted, tempRun } from './journal-rig.ts';

const lines = 60;

async function written(options = {}): Promise<RunFolder> {
  const folder = tempRun();
  const journal = createJournal(folder, { segmentBytes: 1500, indexEveryBytes: 300, archive: false, ...options });
  for (let line = 0; line < lines; line++) journal.output(output(`line ${line}\n`));
  journal.event(runFinished);
  await journal.close();
  return folder;
}

function flipBit(file: string, at: number, bit = 0): void {
  const bytes = readFileSync(file);
  bytes[at]! ^= 1 << bit;
  writeFileSync(file, bytes);
}

describe('damage in the middle of a closed segment', () => {
  test('is reported with file and offset, and reading continues at the next known place behind it', async () => {
    const folder = await written();
    const file = listSegments(folder.journalDir)[1]!;
    flipBit(file.path, 600);
    const problems: JournalProblem[] = [];
    const got = flat(await readRecords(folder, { onProblem: (problem) => problems.push(problem) }));
    const [corrupt, gap] = problems;
    expect(problems.length).toBe(2);
    expect(corrupt).toMatchObject({ kind: 'corrupt', file: file.path });
    const offset = corrupt?.kind === 'corrupt' ? corrupt.offset : 0;
    expect(offset).toBeLessThanOrEqual(600);
    expect(offset).toBeGreaterThan(500);
    if (gap?.kind !== 'gap') throw new Error('no gap was reported');
    expect(gap.why).toBe('corrupt');
    const missing = Array.from({ length: gap.toSeq - gap.fromSeq }, (_, index) => gap.fromSeq + index);
    expect(missing.length).toBeLessThan(10);
    expect(got.map(([seq]) => seq)).toEqual(
      Array.from({ length: lines + 1 }, (_, seq) => seq).filter((seq) => !missing.includes(seq)),
    );
  });

  test('throws a typed error for a reader without `onProblem`', async () => {
    const folder = await written();
    const file = listSegments(folder.journalDir)[1]!;
    flipBit(file.path, 600);
    await expect(readRecords(folder)).rejects.toMatchObject({
      code: 'corrupt',
      file: file.path,
      offset: expect.any(Number),
    });
  });

  test('keeps the segment from being archived', async () => {
    const folder = await written();
    const file = listSegments(folder.journalDir)[1]!;
    flipBit(file.path, 600);
    const report = await archiveSealed(folder);
    expect(report.left).toEqual([{ file: file.path, reason: 'a frame in it does not check out' }]);
    expect(listSegments(folder.journalDir).filter((each) => each.form === 'raw')).toEqual([file]);
  });

  test('does not keep a writer from continuing', async () => {
    const folder = await written({ segmentBytes: 1_000_000 });
    const file = listSegments(folder.journalDir)[0]!;
    flipBit(file.path, 600);
    const journal = reopenJournal(folder);
    expect(journal.event(stepStarted)).toBe(lines + 1);
    await journal.close();
    const got = flat(await readRecords(folder, { onProblem: () => {} }));
    expect(got.at(-2)).toEqual([lines, 'run.finished']);
    expect(got.length).toBeGreaterThan(lines - 10);
  });
});

test('whichever bit of whichever file is flipped, nothing is read that was not written, and what is missing is reported', async () => {
  for (const compression of [undefined, 'zstd', 'gzip'] as const) {
    const folder = await written();
    if (compression !== undefined) await archiveSealed(folder, { compression });
    const wanted = new Map(flat(await readRecords(folder)));
    const files = readdirSync(folder.journalDir).map((name) => join(folder.journalDir, name));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.nat(),
        fc.nat({ max: 7 }),
        fc.integer({ min: 0, max: lines }),
        async (which, where, bit, from) => {
          const file = files[which % files.length]!;
          const at = where % statSync(file).size;
          const untouched = readFileSync(file);
          flipBit(file, at, bit);
          try {
            const missing = new Set<number>();
            let damaged = 0;
            const onProblem = (problem: JournalProblem): void => {
              if (problem.kind === 'corrupt' || problem.kind === 'torn') damaged += 1;
              if (problem.kind !== 'gap') return;
              for (let seq = problem.fromSeq; seq < problem.toSeq; seq++) missing.add(seq);
            };
            const got = flat(await readRecords(folder, { from, onProblem }));
            for (const [seq, text] of got) expect(text).toBe(wanted.get(seq));
            const seqs = got.map(([seq]) => seq);
            // The end of the last segment is torn or not yet written: nothing behind it says that it is missing.
            const end = (seqs.at(-1) ?? Math.max(from - 1, ...missing)) + 1;
            const accounted = [...seqs, ...missing].sort((a, b) => a - b);
            expect(accounted).toEqual(Array.from({ length: Math.max(end - from, 0) }, (_, index) => from + index));
            if (seqs.length < lines + 1 - from) expect(damaged).toBeGreaterThan(0);
          } catch (error) {
            // A flip that makes the version a later one is a refusal, which is right.
            expect(error).toMatchObject({ code: 'newer_format' });
          } finally {
            writeFileSync(file, untouched);
          }
        },
      ),
      { numRuns: 200 },
    );
  }
});

test.each(['zstd', 'gzip'] as const)(
  'a wrong bit in the head of a member of %s costs no record, or is reported',
  async (compression) => {
    const headBytes = 52;
    const folder = await written();
    await archiveSealed(folder, { compression });
    const segments = listSegments(folder.journalDir);
    for (const path of [segments[0]!.path, segments.at(-1)!.path]) {
      const untouched = readFileSync(path);
      for (let bit = 0; bit < headBytes * 8; bit++) {
        flipBit(path, bit >> 3, bit & 7);
        const problems: JournalProblem[] = [];
        const got = flat(await readRecords(folder, { onProblem: (problem) => problems.push(problem) }));
        const { nextSeq } = await openJournal(folder).head();
        writeFileSync(path, untouched);
        if (got.length === lines + 1) expect(nextSeq).toBe(lines + 1);
        else expect(problems[0], `${path}, bit ${bit}`).toMatchObject({ kind: 'corrupt', file: path });
        expect(nextSeq).toBeLessThanOrEqual(lines + 1);
      }
    }
  },
);
