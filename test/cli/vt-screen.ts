// A small terminal for tests: what is on the screen after some output. It knows the few sequences that stepspan may send and
// throws at every other, so that a sequence of a child that gets through fails the test that drew it.
import { EventEmitter } from 'node:events';
import { textWidth } from '../../src/text/width.ts';

export class VtScreen extends EventEmitter {
  columns: number;
  rows: number;
  readonly isTTY = true;
  writableNeedDrain = false;
  /** Everything that was written. */
  raw = '';
  cursorShown = true;
  readonly scrollback: string[] = [];
  #lines: string[] = [''];
  #row = 0;
  #column = 0;

  constructor(columns = 80, rows = 24) {
    super();
    this.columns = columns;
    this.rows = rows;
  }

  /** The rows of the screen without trailing blanks, and without empty rows at its end. */
  text(): string {
    return this.#lines
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd();
  }

  /** What has scrolled out, and the screen. */
  all(): string {
    return [...this.scrollback, ...this.#lines]
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd();
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    // As terminals that reflow do: lines that are too long now are broken, and the cursor stays with its text.
    const broken = this.#lines.flatMap((line) => {
      const text = line.trimEnd();
      return text === '' ? [''] : (text.match(new RegExp(`.{1,${columns}}`, 'gsu')) ?? ['']);
    });
    this.#row += broken.length - this.#lines.length;
    this.#lines = broken;
    this.#scroll();
    this.emit('resize');
  }

  readonly write = (chunk: string): boolean => {
    this.raw += chunk;
    const parts = /\x1b\[([0-9;:?]*)([A-Za-z])|(\r)|(\n)|([^\x00-\x1f\x7f-\x9f]+)|([\s\S])/gu;
    for (const [, parameters = '', final, carriage, feed, text, other] of chunk.matchAll(parts)) {
      if (other !== undefined)
        throw new Error(`the terminal was sent ${JSON.stringify(other)} in ${JSON.stringify(chunk)}`);
      if (carriage !== undefined) this.#column = 0;
      else if (feed !== undefined) this.#newLine();
      else if (text !== undefined) for (const character of text) this.#put(character);
      else this.#sequence(parameters, final ?? '');
    }
    return !this.writableNeedDrain;
  };

  #sequence(parameters: string, final: string): void {
    if (final === 'm') return;
    if (final === 'A') this.#row = Math.max(0, this.#row - Number(parameters || 1));
    else if (final === 'J' && parameters === '') {
      this.#lines.length = this.#row + 1;
      this.#lines[this.#row] = this.#current().slice(0, this.#column);
    } else if (final === 'K' && parameters === '') {
      // After the last column was written the cursor stays on it until the next character, so that one is erased too.
      this.#lines[this.#row] = this.#current().slice(0, Math.min(this.#column, this.columns - 1));
    } else if (parameters === '?25') this.cursorShown = final === 'h';
    else if (parameters !== '?2026') throw new Error(`the terminal was sent CSI ${parameters}${final}`);
  }

  #current(): string {
    return this.#lines[this.#row] ?? '';
  }

  #put(character: string): void {
    const width = textWidth(character);
    if (this.#column + width > this.columns) this.#newLine();
    const line = this.#current().padEnd(this.#column);
    // Wide characters take two cells of which the second stays empty; for these tests one string index is one cell.
    this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
    this.#column += width;
  }

  #newLine(): void {
    this.#row += 1;
    this.#column = 0;
    while (this.#lines.length <= this.#row) this.#lines.push('');
    this.#scroll();
  }

  #scroll(): void {
    while (this.#lines.length > this.rows) {
      this.scrollback.push(this.#lines.shift() ?? '');
      this.#row = Math.max(0, this.#row - 1);
    }
  }
}
