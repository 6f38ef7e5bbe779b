// Makes an input of others: bits, bytes, lengths, numbers, pieces of another input, and the words of the target. Pure but for its random source.
import type { Random } from '../faults/support/random.ts';

/** Larger inputs find what smaller ones find, slower. */
const maxBytes = 16 * 1024;
const edgeNumbers = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff];

export function mutate(input: Buffer, other: Buffer, words: readonly Buffer[], random: Random): Buffer {
  let bytes: Buffer = Buffer.from(input);
  for (let change = random.between(1, 4); change > 0; change--) bytes = once(bytes, other, words, random);
  return bytes.subarray(0, maxBytes);
}

function once(bytes: Buffer, other: Buffer, words: readonly Buffer[], random: Random): Buffer {
  const at = random.between(0, bytes.length);
  const end = Math.min(bytes.length, at + random.between(0, 32));
  switch (random.between(0, 8)) {
    case 0: {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at] = copy[at]! ^ (1 << random.between(0, 7));
      return copy;
    }
    case 1: {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at] = random.between(0, 255);
      return copy;
    }
    case 2:
      return splice(bytes, at, end, Buffer.alloc(0));
    case 3:
      return splice(bytes, at, at, bytes.subarray(at, end));
    case 4: {
      const from = random.between(0, other.length);
      return splice(bytes, at, end, other.subarray(from, from + random.between(0, 64)));
    }
    case 5:
      return splice(
        bytes,
        at,
        random.next() < 0.5 ? at : end,
        words.length === 0 ? Buffer.from('0') : random.pick(words),
      );
    case 6: {
      const copy = Buffer.from(bytes);
      if (at + 4 <= copy.length) copy.writeUInt32LE(random.pick(edgeNumbers), at);
      return copy;
    }
    case 7:
      return splice(bytes, at, end, Buffer.from(String(random.pick([-1, 0, 1, 2 ** 31, 2 ** 53, 1e308, -0.5]))));
    default:
      return bytes.subarray(0, at);
  }
}

function splice(bytes: Buffer, from: number, to: number, into: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, from), into, bytes.subarray(to)]);
}
