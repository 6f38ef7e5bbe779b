// Damage at any bit of any file: reported with its place, never read as a record, never a loop.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { segmentHeaderBytes } from '../../src/journal/format.ts';
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

  test('costs only the damaged record, however far the index is', async () => {
    const folder = await written({ segmentBytes: 1_000_000, indexEveryBytes: 1_000_000 });
    const file = listSegments(folder.journalDir)[0]!;
    flipBit(file.path, 600);
    const problems: JournalProblem[] = [];
    const got = flat(await readRecords(folder, { onProblem: (problem) => problems.push(problem) }));
    expect(problems).toMatchObject([{ kind: 'corrupt' }, { kind: 'gap', why: 'corrupt' }]);
    expect(got.length).toBe(lines);
    expect((await openJournal(folder).head()).nextSeq).toBe(lines + 1);
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

describe('damage behind the last index entry of a journal whose writer has ended', () => {
  const last = { segmentBytes: 1_000_000, indexEveryBytes: 1_000_000 };

  test('costs what it hit and nothing else: what is whole behind it is kept, what is torn behind that is cut, and both are counted', async () => {
    const folder = await written(last);
    const file = listSegments(folder.journalDir)[0]!.path;
    const whole = readFileSync(file);
    const wanted = new Map(flat(await readRecords(folder)));
    const damage = fc.record({
      at: fc.integer({ min: segmentHeaderBytes, max: whole.length - 1 }),
      bytes: fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 400 }),
        fc.nat(400).map((size) => new Uint8Array(size + 1)),
      ),
      torn: fc.nat(60),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ at, bytes, torn }) => {
        const damaged = Buffer.from(whole.subarray(0, whole.length - torn));
        Buffer.from(bytes).copy(damaged, Math.min(at, damaged.length));
        const hit = framesHit(whole, damaged);
        rmSync(join(folder.journalDir, '00000000000000000000.idx'), { force: true });
        writeFileSync(file, damaged);
        const again = reopenJournal(folder, last);
        const next = again.event(stepStarted);
        await again.close();
        const got = flat(await readRecords(folder, { onProblem: () => undefined }));
        const kept = got.filter(([seq]) => wanted.has(seq) && seq <= hit.lastWhole);
        expect(kept.map(([seq]) => seq)).toEqual(hit.whole);
        for (const [seq, text] of kept) expect(text).toBe(wanted.get(seq));
        expect(got.at(-1)).toEqual([next, 'step.started']);
        const missing = hit.lastWhole + 1 - hit.whole.length;
        const recovered = (await readRecords(folder, { onProblem: () => undefined })).find(
          (record) => record.kind === 'event' && record.event.type === 'journal.recovered',
        );
        if (missing > 0) expect(recovered).toMatchObject({ event: { missing, damagedBytes: expect.any(Number) } });
        else
          expect(
            JSON.stringify(recovered, (_key, value) => (typeof value === 'bigint' ? 0 : value)) ?? '',
          ).not.toContain('missing');
        // A second recovery finds it again, and reports nothing twice.
        await reopenJournal(folder, last).close();
        expect((await openJournal(folder).head()).nextSeq).toBe(next + 1);
      }),
      { numRuns: 60 },
    );
  });

  test('is not skipped to an older part of the journal that a step printed', async () => {
    const folder = tempRun();
    const journal = createJournal(folder, { ...last, archive: false });
    journal.output(output('first\n'));
    journal.output(output('second\n'));
    await journal.sync();
    const file = listSegments(folder.journalDir)[0]!.path;
    const printed = readFileSync(file).subarray(segmentHeaderBytes);
    const from = statSync(file).size;
    journal.output({ ...output('x\n'), bytes: Buffer.concat([printed, Buffer.from('\n')]), lineCount: 3 });
    journal.output(output('behind\n'));
    await journal.close();
    const bytes = readFileSync(file);
    bytes.fill(0xff, from, from + 8);
    writeFileSync(file, bytes);
    const got = flat(await readRecords(folder, { onProblem: () => undefined }));
    expect(got).toEqual([
      [0, 'first'],
      [1, 'second'],
      [5, 'behind'],
    ]);
    // Torn in the middle of what was printed: nothing behind it is a record.
    writeFileSync(file, readFileSync(file).subarray(0, from + 40 + printed.length));
    expect((await openJournal(folder).head()).nextSeq).toBe(2);
  });
});

/** Of a journal of one segment: which numbers are still whole after it was damaged and cut. */
function framesHit(whole: Buffer, damaged: Buffer): { readonly whole: readonly number[]; readonly lastWhole: number } {
  const numbers: number[] = [];
  for (let at = segmentHeaderBytes; at < whole.length; ) {
    const end = at + whole.readUInt32LE(at + 4);
    if (whole.subarray(at, end).equals(damaged.subarray(at, end))) numbers.push(Number(whole.readBigUInt64LE(at + 16)));
    at = end;
  }
  return { whole: numbers, lastWhole: numbers.at(-1) ?? -1 };
}

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
