// `npm run bench -- [--short] [--write] [NAME…]`: measures stepspan against its peers in the same run, prints every ratio on a
// line of its own, and fails if one misses its floor twice or if a value is impossible. `--write` keeps the result as
// docs/benchmarks.md.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { archive } from './archive.ts';
import { capture } from './capture.ts';
import { drain } from './drain.ts';
import { exporting } from './export.ts';
import { footprint } from './footprint.ts';
import { hub } from './hub.ts';
import { journalAppend } from './journal-append.ts';
import { memory } from './memory.ts';
import { overhead } from './overhead.ts';
import { readers } from './readers.ts';
import { redact } from './redact.ts';
import { start } from './start.ts';
import { steps } from './steps.ts';
import { type Bench, impossibleValues, isBelowFloor, type Section } from './support/bench.ts';
import { describeMachine } from './support/machine.ts';
import { clone, makePlace } from './support/place.ts';
import { pageOf, ratioLine, textTable } from './support/report.ts';
import { tail } from './tail.ts';

const benches = [
  capture,
  readers,
  drain,
  exporting,
  archive,
  start,
  steps,
  hub,
  overhead,
  memory,
  footprint,
  tail,
  journalAppend,
  redact,
];
const names = benches.map(({ name }) => name);

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { short: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
});
const unknown = positionals.filter((name) => !names.includes(name));
if (unknown.length > 0 || (flags.write && positionals.length > 0)) {
  const problem =
    unknown.length > 0 ? `there is no benchmark ${unknown.join(', ')}` : '--write keeps all of them, so name none';
  console.error(`bench: ${problem}; npm run bench -- [--short] [--write] [${names.join('|')}…]`);
  process.exit(2);
}
const chosen = benches.filter(({ name, isInformation }) =>
  positionals.length === 0 ? !(flags.short && isInformation) : positionals.includes(name),
);

const machine = describeMachine();
const place = makePlace();
const sections: Section[] = [];
try {
  for (const bench of chosen) {
    let section = await measure(bench);
    // Whatever else the machine does can spoil one measurement, but hardly two: only the second one fails.
    if (section.ratios.some(isBelowFloor)) {
      console.log(`\n${bench.name} missed a floor and is measured once more`);
      section = await measure(bench);
    }
    sections.push(section);
  }
} finally {
  place.remove();
}

const ratios = sections.flatMap((section) => section.ratios);
console.log('\nAll ratios');
for (const ratio of ratios) console.log(ratioLine(ratio));
if (flags.write) {
  const page = pageOf(sections, machine, flags.short);
  writeFileSync(path.join(clone, 'docs', 'benchmarks.md'), page);
}
const missed = ratios.filter(isBelowFloor);
if (missed.length > 0) {
  console.log(`\n${missed.length} of ${ratios.length} ratios are below their floor`);
  for (const ratio of missed) console.log(ratioLine(ratio));
  process.exitCode = 1;
}

/** One measurement of `bench`, printed. Throws if one of its values is impossible. */
async function measure(bench: Bench): Promise<Section> {
  const started = performance.now();
  const section = await bench.run({ short: flags.short, place, say: (text) => console.error(`# ${text}`) });
  console.error(`# ${bench.name}: took ${Math.round((performance.now() - started) / 1000)} s`);
  const impossible = impossibleValues(section);
  if (impossible.length > 0) throw new Error(`bench ${bench.name} measured what cannot be: ${impossible.join('; ')}`);
  console.log(`\n${section.title}`);
  for (const table of section.tables) console.log(textTable(table));
  for (const note of section.notes) console.log(note);
  for (const ratio of section.ratios) console.log(ratioLine(ratio));
  return section;
}
