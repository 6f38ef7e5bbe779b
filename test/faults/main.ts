// `npm run test:faults`: goes through the matrix of faults, prints a table of what each came to, and ends with the totals. Exits with 1
// where a promise was broken. What a fault does is in the file of its name.
import { parseArgs } from 'node:util';
import { writeReport } from '../../scripts/test-report.ts';
import { version } from '../../src/library/index.ts';
import { alertmanager } from './alertmanager.ts';
import { backend } from './backend.ts';
import { misbehavingChildren } from './children.ts';
import { misbehavingClaude } from './claude.ts';
import { killedInClaude } from './claude-killed.ts';
import { clockSteps } from './clock.ts';
import { wrongConclusions } from './conclusions.ts';
import { disk } from './disk.ts';
import { folders } from './folders.ts';
import { killHub } from './kill-hub.ts';
import { killRun } from './kill-run.ts';
import { killShipper } from './kill-shipper.ts';
import { lokiRefuses } from './loki-refuses.ts';
import { many } from './many.ts';
import { powerLoss } from './power-loss.ts';
import { secrets } from './secrets.ts';
import { soak } from './soak.ts';
import type { Fault } from './support/fault.ts';
import { writeGuarantees } from './support/guarantees-doc.ts';
import { randomOf } from './support/random.ts';
import { isKept, nothing, type Row, sum, table } from './support/tally.ts';
import { systemCalls } from './system-calls.ts';
import { unfinishedLines } from './unfinished-lines.ts';
import { wholeChain } from './whole-chain.ts';

const matrix: readonly Fault[] = [
  killRun,
  killHub,
  killShipper,
  systemCalls,
  disk,
  powerLoss,
  backend,
  alertmanager,
  clockSteps,
  misbehavingChildren,
  unfinishedLines,
  misbehavingClaude,
  killedInClaude,
  wrongConclusions,
  many,
  folders,
  secrets,
  soak,
  lokiRefuses,
  wholeChain,
];

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    only: { type: 'string', multiple: true },
    short: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    // How many faults run at once. Each has folders, servers and choices of its own.
    jobs: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
  say(`--seed ${values.seed}: it has to be a whole number from 0 to 4294967295, as an earlier run printed it.`);
  process.exit(2);
}
const chosen = matrix.filter(
  ({ name }) => values.only === undefined || values.only.some((part) => name.includes(part)),
);
if (chosen.length === 0) {
  say(
    `--only ${values.only?.join(', ')}: no fault has this in its name. There are:\n${matrix.map(({ name }) => `  ${name}`).join('\n')}`,
  );
  process.exit(2);
}
if (values.list) {
  for (const { name, what } of chosen) say(`${name}: ${what}`);
  process.exit(0);
}

const scale = values.short ? 'short' : 'full';
say(`seed ${seed}, ${scale}: the same again with --seed ${seed}${values.short ? ' --short' : ''}`);

async function rowOf({ name, what, needs, run }: Fault): Promise<Row> {
  const log = (line: string): void => say(`  ${name}: ${line}`);
  const notRun = needs?.();
  if (notRun !== undefined) {
    log(`not run: ${notRun}`);
    return { name, what, tally: nothing, seconds: 0, notRun };
  }
  const began = performance.now();
  // A fault that breaks the test itself is a broken promise too, and must not hide what the others came to.
  const tally = await run({ random: randomOf(seed).fork(name), scale, log }).catch((error: Error) => ({
    ...nothing,
    problems: [error.stack ?? error.message],
  }));
  const seconds = (performance.now() - began) / 1000;
  log(`${isKept(tally) ? 'kept' : 'BROKEN'} after ${seconds.toFixed(0)} s`);
  for (const problem of tally.problems.slice(0, 20)) log(problem);
  return { name, what, tally, seconds };
}

// The slow ones first, so that none is left to run by itself at the end.
const waiting = [...chosen.filter(({ isSlow }) => isSlow), ...chosen.filter(({ isSlow }) => !isSlow)];
const done = new Map<Fault, Row>();
const work = async (): Promise<void> => {
  for (let fault = waiting.shift(); fault !== undefined; fault = waiting.shift()) done.set(fault, await rowOf(fault));
};
await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, work));
const rows = chosen.flatMap((fault) => done.get(fault) ?? []);
say(`\n${table(rows)}\n`);
const ran = rows.filter(({ notRun }) => notRun === undefined);
const broken = ran.filter(({ tally }) => !isKept(tally));
const all = sum(rows.map(({ tally }) => tally));
// Once more, as the rows above come between.
for (const { name, tally } of broken)
  for (const problem of tally.problems.slice(0, 3)) say(`BROKEN: ${name}: ${problem}`);
writeReport({
  passed: ran.length - broken.length,
  failed: broken.map(({ name, tally }) => `fault ${name}: ${tally.problems[0] ?? 'see the table'}`),
  skipped: rows.flatMap(({ name, notRun }) =>
    notRun === undefined ? [] : [{ file: `fault ${name}`, reason: notRun }],
  ),
  retried: [],
});
say(
  `${all.lines} lines over ${all.runs} runs: ${all.missing} missing, ${all.duplicated} duplicated, ${all.unaccounted} unaccounted; ` +
    `${ran.length - broken.length} of ${ran.length} faults kept every promise, ${rows.length - ran.length} not run (seed ${seed})`,
);
process.exitCode = broken.length === 0 ? 0 : 1;
if (values.write) writeGuarantees(rows, `seed ${seed}, ${scale}, ${version}`);
