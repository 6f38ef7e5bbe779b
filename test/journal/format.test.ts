// The stored form: frames from any bytes, versions of before and after.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { severities, streams } from '../../src/core/record.ts';
import { encodeSegmentHeader, formatMajor, frameSeed, parseSegmentHeader } from '../../src/journal/format.ts';
import { encodeFrameHead, type FrameFields, parseFrame } from '../../src/journal/frame.ts';
import { createJournal, JournalError, openJournal, reopenJournal } from '../../src/journal/index.ts';
import { readRecords } from '../support/journal.ts';
import { flat, output, tempRun } from './journal-rig.ts';

const seed = frameSeed({ runId: '20261123-120000-abcdef', firstSeq: 7 });

const anyFields: fc.Arbitrary<FrameFields> = fc.record({
  kind: fc.constant('output'),
  stream: fc.constantFrom(...streams),
  severity: fc.constantFrom(undefined, ...severities),
  continues: fc.boolean(),
  unterminated: fc.boolean(),
  lineCount: fc.integer({ min: 1, max: 0xffff_ffff }),
  seq: fc.maxSafeNat(),
  timeNs: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  subject: fc.option(
    fc.record({ step: fc.string({ unit: 'binary' }), attempt: fc.integer({ min: 0, max: 0xffff_ffff }) }),
    { nil: undefined },
  ),
});
const anyFrame = fc.record({
  fields: anyFields,
  payload: fc.uint8Array({ maxLength: 300 }).map((b) => Buffer.from(b)),
});

const encode = ({ fields, payload }: { fields: FrameFields; payload: Buffer }): Buffer =>
  Buffer.concat([encodeFrameHead(fields, payload, seed), payload]);

/** Walks as a reader would, and counts how often it asked. */
function framesIn(bytes: Buffer): { seqs: number[]; asked: number } {
  const seqs: number[] = [];
  let at = 0;
  let asked = 0;
  for (;;) {
    asked += 1;
    const parsed = parseFrame(bytes, at, seed);
    if (parsed.kind !== 'frame') return { seqs, asked };
    seqs.push(parsed.frame.seq);
    at += parsed.frame.bytes;
  }
}

describe('a frame', () => {
  test('comes back as it was written', () => {
    fc.assert(
      fc.property(anyFrame, ({ fields, payload }) => {
        const bytes = encode({ fields, payload });
        const parsed = parseFrame(bytes, 0, seed);
        expect(parsed).toEqual({ kind: 'frame', frame: { ...fields, payload, bytes: bytes.length } });
      }),
    );
  });

  test('is not found in arbitrary bytes, and looking for it neither throws nor loops', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.nat(600), (bytes, at) => {
        expect(parseFrame(Buffer.from(bytes), at, seed).kind).not.toBe('frame');
      }),
      { numRuns: 500 },
    );
  });

  test('is not found where it was cut off, at every length', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 4 }), (frames) => {
        const encoded = frames.map(encode);
        const bytes = Buffer.concat(encoded);
        for (let length = 0; length <= bytes.length; length++) {
          let whole = 0;
          for (let end = encoded[0]!.length; end <= length; end += encoded[whole]?.length ?? Infinity) whole += 1;
          expect(framesIn(bytes.subarray(0, length)).seqs).toEqual(frames.slice(0, whole).map((f) => f.fields.seq));
        }
      }),
      { numRuns: 20 },
    );
  });

  test('is not found where any one bit of it is another, and those before it still are', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 3 }), fc.nat(), (frames, choice) => {
        const encoded = frames.map(encode);
        const bytes = Buffer.concat(encoded);
        const bit = choice % (bytes.length * 8);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        let before = 0;
        for (let end = encoded[0]!.length; end <= bit >> 3; end += encoded[before]!.length) before += 1;
        const { seqs, asked } = framesIn(bytes);
        expect(seqs).toEqual(frames.slice(0, before).map((f) => f.fields.seq));
        expect(asked).toBe(before + 1);
      }),
      { numRuns: 500 },
    );
  });

  test('of another segment does not check out', () => {
    const fields = fc.sample(anyFields, 1)[0]!;
    const other = frameSeed({ runId: '20261123-120000-abcdef', firstSeq: 8 });
    expect(parseFrame(encode({ fields, payload: Buffer.from('x') }), 0, other).kind).toBe('corrupt');
  });
});

describe('a segment header', () => {
  test('comes back as it was written', () => {
    const parsed = parseSegmentHeader(encodeSegmentHeader('20261123-120000-abcdef', 2 ** 40, 5n));
    expect(parsed).toMatchObject({ header: { firstSeq: 2 ** 40, createdNs: 5n, runId: '20261123-120000-abcdef' } });
  });

  test('of a later major version is refused by readers and by reopening, with the version in the message', async () => {
    const folder = await written();
    patchVersion(join(folder.journalDir, '00000000000000000000.seg'), formatMajor + 1, 3);
    const refusal = new RegExp(`journal format ${formatMajor + 1}\\.3`);
    await expect(readRecords(folder)).rejects.toThrow(refusal);
    await expect(openJournal(folder).head()).rejects.toMatchObject({ name: 'JournalError', code: 'newer_format' });
    expect(() => reopenJournal(folder)).toThrow(refusal);
    expect(() => reopenJournal(folder)).toThrow(JournalError);
  });

  test('of a later minor version is read, and not appended to', async () => {
    const folder = await written();
    const file = join(folder.journalDir, '00000000000000000000.seg');
    patchVersion(file, formatMajor, 9);
    const before = readFileSync(file);
    const journal = reopenJournal(folder);
    journal.output(output('two\n'));
    await journal.close();
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(flat(await readRecords(folder))).toEqual([
      [0, 'one'],
      [1, 'two'],
    ]);
  });
});

async function written() {
  const folder = tempRun();
  const journal = createJournal(folder);
  journal.output(output('one\n'));
  await journal.close();
  return folder;
}

function patchVersion(file: string, major: number, minor: number): void {
  const bytes = readFileSync(file);
  bytes.writeUInt16LE(major, 8);
  bytes.writeUInt16LE(minor, 10);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
  writeFileSync(file, bytes);
}
