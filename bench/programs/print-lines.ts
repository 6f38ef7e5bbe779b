// A child that prints lines of 100 bytes at a given rate, or as fast as it can, and writes into a file how fast it was let.
// Started as a step by `readers.ts`.
import { writeFileSync, writeSync } from 'node:fs';

// Not `import from 'node:process'`: that makes process.stdout, and with it the pipe non-blocking.
const { argv } = process;

/** `0` for as fast as it can. */
const linesPerSecond = Number(argv[2]);
const totalLines = Number(argv[3]);
const resultFile = argv[4] ?? '';

const linesAtOnce = linesPerSecond === 0 ? 640 : linesPerSecond / 200;
const lines = Buffer.from(
  Array.from({ length: linesAtOnce }, (_, index) => `${`line ${index} of a step that prints `.padEnd(99, '.')}\n`).join(
    '',
  ),
);
const sleepCell = new Int32Array(new SharedArrayBuffer(4));

const started = performance.now();
for (let printed = 0; printed < totalLines; printed += linesAtOnce) {
  if (linesPerSecond > 0) {
    const early = started + (printed / linesPerSecond) * 1000 - performance.now();
    if (early > 0) Atomics.wait(sleepCell, 0, 0, early);
  }
  for (let at = 0; at < lines.length; ) at += writeSync(1, lines, at);
}
const seconds = (performance.now() - started) / 1000;
writeFileSync(resultFile, JSON.stringify({ linesPerSecond: totalLines / seconds }));
