// Archived segments: any bytes are members that check out, up to where the first does not. Heads that were mutated fail their
// checksum, so it is corrected as well: a writer with a defect could have written the rest.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { readMemberTable, withFile } from '../../../src/journal/archive-member.ts';
import { encodeSegmentHeader, frameSeed } from '../../../src/journal/format.ts';
import { encodeFrameHead } from '../../../src/journal/frame.ts';
import { gzipForm } from '../../../src/journal/gzip-member.ts';
import { JournalError } from '../../../src/journal/journal-error.ts';
import { scanTail } from '../../../src/journal/scan-tail.ts';
import { zstdForm } from '../../../src/journal/zstd-member.ts';
import { type FuzzTarget, must } from '../target.ts';

const runId = '20260101-000000-aaaaaa';
const header = encodeSegmentHeader(runId, 0, 1n);
const seed = frameSeed({ runId, firstSeq: 0 });
const payload = Buffer.from('hello\n'.repeat(20));
const head = encodeFrameHead(
  {
    kind: 'output',
    seq: 0,
    timeNs: 1n,
    subject: { step: 'a', attempt: 1 },
    stream: 'stdout',
    severity: undefined,
    continues: false,
    unterminated: false,
    lineCount: 20,
  },
  payload,
  seed,
);
const raw = Buffer.concat([header, head, payload]);
const content = { rawOffset: 0, seq: 0, timeNs: 1n, headerBytes: header.length, eventCount: 0 };
const inZstd = await zstdForm.encode(raw, content);
const inGzip = await gzipForm.encode(raw, content);

/** Of the head of a member in zstd: where its checksum is, and what it covers. */
const checksumAt = 8;
const headEnd = 52;

export const archive: FuzzTarget = {
  name: 'archive',
  seeds: [inZstd, inGzip, Buffer.concat([inZstd, inZstd])],
  words: [inZstd.subarray(0, headEnd), inGzip.subarray(0, headEnd), header],
  run(input) {
    check(input);
    if (input.length < headEnd) return;
    const corrected = Buffer.from(input);
    corrected.writeUInt32LE(crc32(corrected.subarray(checksumAt + 4, headEnd)), checksumAt);
    check(corrected);
  },
};

function check(bytes: Buffer): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-fuzz-'));
  const file = path.join(folder, '00000000000000000000.seg.zst');
  try {
    writeFileSync(file, bytes);
    const { members, damage } = withFile(file, (fd) => readMemberTable(fd, file));
    let end = 0;
    for (const { startOffset, fileOffset, compressedBytes, memberBytes } of members) {
      must(startOffset === end, 'a member begins where the one before ends');
      must(fileOffset + compressedBytes <= startOffset + memberBytes, 'what is compressed lies within its member');
      end = startOffset + memberBytes;
    }
    must(end <= bytes.length, 'members lie within the file');
    must(damage !== undefined || end === bytes.length, 'without damage they fill it');
    const tail = scanTail(folder, { firstSeq: 0, path: file, form: 'archived' }, runId);
    must(tail.nextSeq >= 0, 'the end is a number');
  } catch (error) {
    // A flip that makes the version a later one is a refusal, which is right.
    if (!(error instanceof JournalError)) throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
