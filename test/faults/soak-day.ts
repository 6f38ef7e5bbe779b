// The soak at the pace of life: 100 lines a second, run after run, for a day or for `--hours N`. Not part of CI.
import { parseArgs } from 'node:util';
import { soakFor } from './soak.ts';
import { isKept, table } from './support/tally.ts';

const { values } = parseArgs({ options: { hours: { type: 'string', default: '24' } } });
const hours = Number(values.hours);
if (!(hours > 0)) {
  process.stderr.write(`--hours ${values.hours}: it has to be a number above 0, such as 24.\n`);
  process.exit(2);
}
const runsAnHour = 6;
const rate = 100;
const began = performance.now();
const tally = await soakFor(
  { runs: Math.ceil(hours * runsAnHour), linesPerRun: (rate * 3600) / runsAnHour, rate },
  (line) => void process.stdout.write(`${line}\n`),
);
const seconds = (performance.now() - began) / 1000;
process.stdout.write(`${tally.problems.join('\n')}\n${table([{ name: 'soak', what: '', tally, seconds }])}\n`);
process.exitCode = isKept(tally) ? 0 : 1;
