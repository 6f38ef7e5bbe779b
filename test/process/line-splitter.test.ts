// The line splitter against the plain truth: every byte once, every line counted.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineSplitter, type LineBatch } from '../../src/run/process/line-splitter.ts';

/** Pieces of a stream: mostly short, with line ends in all places, and any byte. */
const piece = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.array(fc.constantFrom(10, 10, 13, 0, 0xff, 65), { maxLength: 40 }).map((bytes) => Uint8Array.from(bytes)),
  fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => Buffer.from(text)),
);

type Action = Uint8Array | 'flush';

/** Mostly reads; sometimes the time of what waits is over. */
const actions = fc.array(
  fc.oneof({ weight: 4, arbitrary: piece }, { weight: 1, arbitrary: fc.constant('flush' as const) }),
  {
    maxLength: 20,
  },
);

function split(
  given: readonly Action[],
  bufferBytes: number,
  feed: 'push' | 'room',
  onRead?: (waiting: number) => void,
) {
  const batches: LineBatch[] = [];
  const splitter = createLineSplitter(
    (batch) => batches.push({ ...batch, bytes: Buffer.from(batch.bytes) }),
    bufferBytes,
  );
  // Asked for after each read only, as a socket does: what waits may be given before the next read.
  let room = splitter.room();
  for (const part of given) {
    if (part === 'flush') splitter.flush();
    else if (feed === 'push') splitter.push(part);
    else
      for (let at = 0; at < part.length; ) {
        const count = Math.min(room.length, part.length - at);
        room.set(part.subarray(at, at + count));
        splitter.filled(count);
        at += count;
        room = splitter.room();
        onRead?.(splitter.waiting());
      }
  }
  splitter.flush();
  return batches;
}

/** The same, by the definition: lines end at LF, and the end of the stream ends a line. */
function naiveLines(all: Buffer): readonly string[] {
  const lines = all.toString('latin1').split('\n');
  return lines.map((line, index) => (index < lines.length - 1 ? `${line}\n` : line)).filter((line) => line !== '');
}

/** The lines that the batches hold, their pieces joined; each batch is checked to be what it says. */
function linesOfBatches(batches: readonly LineBatch[]): readonly string[] {
  const lines: string[] = [];
  let open = false;
  for (const { bytes, lineCount, continues, unterminated } of batches) {
    const cut = naiveLines(bytes);
    expect(cut.length).toBe(lineCount);
    expect(continues).toBe(open);
    expect(unterminated).toBe(bytes.at(-1) !== 10);
    open = unterminated;
    if (continues) lines.push(`${lines.pop()}${cut[0]}`, ...cut.slice(1));
    else lines.push(...cut);
  }
  return lines;
}

describe('line splitter', () => {
  it.each(['push', 'room'] as const)(
    'emits the same bytes and lines wherever and whenever they are cut (%s)',
    (feed) => {
      fc.assert(
        fc.property(actions, fc.integer({ min: 4, max: 40 }), (given, bufferBytes) => {
          const all = Buffer.concat(given.flatMap((part) => (part === 'flush' ? [] : [part])));
          const batches = split(given, bufferBytes, feed);
          expect(Buffer.concat(batches.map((batch) => batch.bytes)).equals(all)).toBe(true);
          expect(linesOfBatches(batches)).toEqual(naiveLines(all));
          const begun = batches.reduce((sum, batch) => sum + batch.lineCount - (batch.continues ? 1 : 0), 0);
          expect(begun).toBe(naiveLines(all).length);
        }),
        { numRuns: 500 },
      );
    },
  );

  it('lets nothing wait of bytes without a line end, but for a character that is not complete', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), { minLength: 1 }), (texts) => {
        const all = Buffer.from(texts.join('').replaceAll('\n', ''));
        const bytes = Array.from(all, (byte) => Buffer.of(byte));
        for (const { bytes: given } of split(bytes, 100, 'room', (waiting) => expect(waiting).toBeLessThan(4)))
          expect(given.toString().includes('\ufffd')).toBe(all.includes('\ufffd') && given.toString() === '\ufffd');
      }),
    );
  });

  it('lets no byte wait for long that is not UTF-8', () => {
    const waiting: number[] = [];
    const latin1 = ['caf\xe9', '\xff', '\x80\x80\x80\x80', 'a'].map((text) => Buffer.from(text, 'latin1'));
    const batches = split(latin1, 100, 'room', (count) => waiting.push(count));
    expect(waiting).toEqual([1, 0, 0, 0]);
    expect(batches.map(({ bytes }) => bytes.toString('latin1'))).toEqual(['caf', '\xe9\xff', '\x80\x80\x80\x80', 'a']);
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

  it('lets the bytes behind the last line end of a read wait for the next one', () => {
    const texts = (given: readonly Action[]) => split(given, 100, 'room').map((batch) => batch.bytes.toString());
    expect(texts([Buffer.from('a\nb\nc'), Buffer.from('d\ne\nf')])).toEqual(['a\nb\n', 'cd\ne\n', 'f']);
    expect(texts([Buffer.from('a\nb'), Buffer.from('c'), Buffer.from('d\n')])).toEqual(['a\n', 'bc', 'd\n']);
    expect(texts([Buffer.from('a\nb'), 'flush', Buffer.from('c\n')])).toEqual(['a\n', 'b', 'c\n']);
  });

  it('emits nothing for an empty stream', () => {
    expect(split([], 4, 'push')).toEqual([]);
    expect(split(['flush', 'flush'], 4, 'push')).toEqual([]);
  });
});
