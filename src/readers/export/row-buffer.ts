// Rows of an export in one piece of memory. Most rows are the same but for a number, a time and a line, so they are put together from
// bytes, without a string for each: heads that count by themselves (`CountingHead`), and lines copied from the bytes of their record.
// Called by the formats with one row per line.

/** A few hundred rows: few writes, and little that waits for a slow reader. */
const pieceBytes = 128 * 1024;

/** Of UTF-8, for a character of a string. */
const maxCharacterBytes = 3;

/** Up to here a loop is faster than a call of `copy`, which makes an object first. */
const copiedByLoop = 512;

export class RowBuffer {
  #pieces: Buffer[] = [];
  #piece: Buffer = Buffer.alloc(0);
  #view = viewOf(this.#piece);
  #length = 0;
  #source: Buffer = Buffer.alloc(0);
  #sourceView = viewOf(this.#source);

  text(text: string): void {
    this.#makeRoom(text.length * maxCharacterBytes);
    this.#length += this.#piece.write(text, this.#length);
  }

  bytes(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#piece.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** @param source of the lines that follow */
  readFrom(source: Buffer): void {
    this.#source = source;
    this.#sourceView = viewOf(source);
  }

  line(start: number, end: number): void {
    this.#makeRoom(end - start);
    if (end - start > copiedByLoop) {
      this.#length += this.#source.copy(this.#piece, this.#length, start, end);
      return;
    }
    let to = this.#length;
    let from = start;
    for (; from + 4 <= end; from += 4, to += 4) this.#view.setInt32(to, this.#sourceView.getInt32(from));
    for (; from < end; from++, to++) this.#view.setInt8(to, this.#sourceView.getInt8(from));
    this.#length = to;
  }

  /** The pieces that are full. */
  full(): readonly Buffer[] {
    const taken = this.#pieces;
    this.#pieces = [];
    return taken;
  }

  /** All that is left. */
  end(): readonly Buffer[] {
    this.#close();
    return this.full();
  }

  #makeRoom(bytes: number): void {
    if (this.#piece.length - this.#length >= bytes) return;
    this.#close();
    this.#piece = Buffer.allocUnsafeSlow(Math.max(pieceBytes, bytes));
    this.#view = viewOf(this.#piece);
  }

  #close(): void {
    if (this.#length > 0) this.#pieces.push(this.#piece.subarray(0, this.#length));
    this.#piece = this.#piece.subarray(this.#length);
    this.#view = viewOf(this.#piece);
    this.#length = 0;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The head of a row with digits in it that go up by one from row to row. */
export class CountingHead {
  /** Changes with `count`. */
  readonly bytes: Buffer;
  readonly #ends: readonly number[];

  /** @param parts of text; the digits at the end of each count, but for the last part */
  constructor(parts: readonly string[]) {
    this.bytes = Buffer.from(parts.join(''));
    this.#ends = parts.slice(0, -1).map((_, index) => Buffer.byteLength(parts.slice(0, index + 1).join('')) - 1);
  }

  /** @returns false if there is no room for another digit: then the head has to be made again */
  count(): boolean {
    for (const end of this.#ends) {
      let at = end;
      while (this.bytes[at] === nine) this.bytes[at--] = zero;
      const digit = this.bytes[at] ?? 0;
      if (digit < zero || digit > nine) return false;
      this.bytes[at] = digit + 1;
    }
    return true;
  }
}

const zero = 0x30;
const nine = 0x39;
