// How much a pipe holds while its child prints fast, and afterwards. Asked of a real fifo, by writing until it is full.
import { closeSync, constants, mkdtempSync, openSync, readSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadLibc } from '../../src/run/process/libc.ts';
import { createPipeSize } from '../../src/run/process/pipe-size.ts';

const usualBytes = 64 * 1024;
const largeBytes = 1 << 20;

function openFifo() {
  const path = join(mkdtempSync(join(tmpdir(), 'stepspan-pipe-size-')), 'fifo');
  expect(loadLibc()?.makeFifo(path, 0o600)).toBe(true);
  const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const write = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  onTestFinished(() => [read, write].forEach(closeSync));
  return { read, write };
}

/** Fills the pipe and empties it. @returns how much it held */
function capacity({ read, write }: ReturnType<typeof openFifo>): number {
  const page = Buffer.alloc(4096);
  let bytes = 0;
  try {
    for (;;) bytes += writeSync(write, page);
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
  }
  for (let left = bytes; left > 0; ) left -= readSync(read, page);
  return bytes;
}

test('a pipe that is found full again and again holds more, until its child no longer outpaces the reader', () => {
  const fifo = openFifo();
  const size = createPipeSize(fifo.read);
  size.noteRead(usualBytes);
  size.noteRead(100);
  for (let i = 0; i < 7; i++) size.noteRead(usualBytes);
  expect(capacity(fifo)).toBe(usualBytes);
  size.noteRead(usualBytes);
  expect(capacity(fifo)).toBe(largeBytes);
  for (let i = 0; i < 64; i++) size.noteRead(usualBytes);
  expect(capacity(fifo)).toBe(largeBytes);
  for (let i = 0; i < 64; i++) size.noteRead(100);
  expect(capacity(fifo)).toBe(usualBytes);
});

test('a pipe that holds more than the usual bytes is made smaller once it is emptier', () => {
  const fifo = openFifo();
  const size = createPipeSize(fifo.read);
  for (let i = 0; i < 8; i++) size.noteRead(usualBytes);
  writeSync(fifo.write, Buffer.alloc(2 * usualBytes));
  for (let i = 0; i < 64; i++) size.noteRead(100);
  for (let left = 2 * usualBytes; left > 0; ) left -= readSync(fifo.read, Buffer.alloc(left));
  for (let i = 0; i < 64; i++) size.noteRead(100);
  expect(capacity(fifo)).toBe(usualBytes);
});
