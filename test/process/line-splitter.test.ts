// The line splitter against the plain truth: every byte once, every line counted.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineSplitter, type LineBatch } from '../../src/run/process/line-splitter.ts';

/** Pieces of a stream: mostly short, with line ends in all places, and any byte. */
const pieces = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.array(fc.constantFrom(10, 10, 13, 0, 0xff, 65), { maxLength: 40 }).map((bytes) => Uint8Array.from(bytes)),
  ),
  { maxLength: 20 },
);

function split(parts: readonly Uint8Array[], maxLineBytes: number, feed: 'push' | 'room') {
  const batches: LineBatch[] = [];
  const splitter = createLineSplitter(
    (batch) => batches.push({ ...batch, bytes: Buffer.from(batch.bytes) }),
    maxLineBytes,
  );
  for (const part of parts) {
    if (feed === 'push') splitter.push(part);
    else
      for (let at = 0; at < part.length; ) {
        const room = splitter.room();
        const count = Math.min(room.length, part.length - at);
        room.set(part.subarray(at, at + count));
        splitter.filled(count);
        at += count;
      }
  }
  splitter.end();
  return batches;
}

/** The same, by the definition: lines end at LF; longer ones are cut at the bound; the end of the stream ends a line. */
function naiveLines(all: Buffer, maxLineBytes: number) {
  const lines: { bytes: string; continues: boolean; unterminated: boolean }[] = [];
  let line: number[] = [];
  let continues = false;
  const close = (unterminated: boolean) => {
    lines.push({ bytes: Buffer.from(line).toString('hex'), continues, unterminated });
    continues = unterminated;
    line = [];
  };
  for (const byte of all) {
    line.push(byte);
    if (byte === 10) close(false);
    else if (line.length === maxLineBytes) close(true);
  }
  if (line.length > 0) close(true);
  return lines;
}

function linesOfBatches(batches: readonly LineBatch[]) {
  return batches.flatMap(({ bytes, lineCount, continues, unterminated }) => {
    const lines = bytes.toString('hex').match(/../g) ?? [];
    const cut: string[] = [];
    let line = '';
    for (const byte of lines) {
      line += byte;
      if (byte === '0a') {
        cut.push(line);
        line = '';
      }
    }
    if (line !== '') cut.push(line);
    expect(cut.length).toBe(lineCount);
    return cut.map((text, index) => ({
      bytes: text,
      continues: index === 0 && continues,
      unterminated: index === cut.length - 1 && unterminated,
    }));
  });
}

describe('line splitter', () => {
  it.each(['push', 'room'] as const)('gives the same lines wherever the bytes are split (%s)', (feed) => {
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 40 }), (parts, maxLineBytes) => {
        const all = Buffer.concat(parts);
        const batches = split(parts, maxLineBytes, feed);
        expect(Buffer.concat(batches.map((batch) => batch.bytes)).equals(all)).toBe(true);
        expect(linesOfBatches(batches)).toEqual(naiveLines(all, maxLineBytes));
      }),
      { numRuns: 500 },
    );
  });

  it('counts many short lines and many long lines right', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 60, maxLength: 400 }), (lengths) => {
        const all = Buffer.from(lengths.map((length) => `${'x'.repeat(length)}\n`).join(''));
        const batches = split([all], 1 << 16, 'push');
        expect(batches.map((batch) => batch.lineCount)).toEqual([lengths.length]);
      }),
    );
  });

  it('gives all complete lines of one read as one batch', () => {
    const batches = split([Buffer.from('a\nb\nc'), Buffer.from('d\ne\nf')], 100, 'room');
    expect(batches.map((batch) => batch.bytes.toString())).toEqual(['a\nb\n', 'cd\ne\n', 'f']);
  });

  it('gives nothing for an empty stream, and nothing more after a line that ended at the bound', () => {
    expect(split([], 4, 'push')).toEqual([]);
    expect(split([Buffer.from('abcd')], 4, 'push')).toMatchObject([
      { lineCount: 1, continues: false, unterminated: true },
    ]);
  });
});
