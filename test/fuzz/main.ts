// `npm run fuzz`: mutates inputs of each target, guided by the coverage of our sources, and keeps those that reach something new. An input
// that breaks a rule is written to the corpus as `crash-…`, where `npm test` runs it from then on. Exits with 1 if there was one.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Random, randomOf } from '../faults/support/random.ts';
import { startCoverage } from './coverage.ts';
import { mutate } from './mutate.ts';
import type { FuzzTarget } from './target.ts';
import { targets } from './targets/index.ts';

/** Reading the coverage costs about as much as so many runs. */
const runsPerReading = 20;
/** An input that takes more of the processor each time is a way to keep stepspan busy. */
const slowMs = 1_000;
const slowTries = 3;

const corpus = path.join(import.meta.dirname, 'corpus');
const sources = `${path.resolve(import.meta.dirname, '../../src')}/`;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    only: { type: 'string' },
    keep: { type: 'boolean', default: false },
    minimize: { type: 'boolean', default: false },
  },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
const seconds = Number(values.seconds);
const chosen = targets.filter(({ name }) => values.only === undefined || name === values.only);
if (!(seconds > 0) || !Number.isInteger(seed) || chosen.length === 0) {
  const names = targets.map(({ name }) => name).join(', ');
  process.stderr.write(`fuzz: --seconds takes a number above 0, --seed a whole number, --only one of ${names}\n`);
  process.exit(2);
}
process.stdout.write(`seed ${seed}, ${seconds} s for each of ${chosen.length} targets\n`);
let crashes = 0;
for (const target of chosen) {
  crashes += fuzz(target, randomOf(seed).fork(target.name));
  if (values.minimize) minimize(target);
}
process.exitCode = crashes === 0 ? 0 : 1;

function fuzz(target: FuzzTarget, random: Random): number {
  const folder = path.join(corpus, target.name);
  mkdirSync(folder, { recursive: true });
  const known = readdirSync(folder).map((name) => readFileSync(path.join(folder, name)));
  const inputs: Buffer[] = [...target.seeds.map((each) => Buffer.from(each)), ...known];
  const words = target.words.map((each) => Buffer.from(each));
  const coverage = startCoverage(sources);
  const broken = new Map<string, Buffer>();
  let [runs, kept] = [0, 0];

  const attempt = (input: Buffer): void => {
    runs++;
    try {
      for (let tries = 1; processorMsOf(() => target.run(input)) > slowMs; tries++) {
        if (tries === slowTries) throw new Error(`it took over ${slowMs} ms, ${slowTries} times`);
      }
    } catch (error) {
      // One input for each place that breaks is enough to fix it.
      const place = (error as Error).stack?.split('\n').slice(0, 3).join(' ') ?? String(error);
      if (broken.has(place)) return;
      broken.set(place, input);
      writeFileSync(path.join(folder, `crash-${hashOf(input)}`), input);
      process.stdout.write(`${target.name}: ${(error as Error).stack}\n`);
    }
  };

  const reached = new Set<string>();
  for (const input of inputs) {
    attempt(input);
    for (const block of coverage.read()) reached.add(block);
  }
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const batch = Array.from({ length: runsPerReading }, () =>
      mutate(random.pick(inputs), random.pick(inputs), words, random),
    );
    for (const input of batch) attempt(input);
    if (coverage.read().every((block) => reached.has(block))) continue;
    // One by one, to know which of them it was; how often a block was reached adds up over the batch, so it may have been none.
    for (const input of batch) {
      attempt(input);
      const fresh = coverage.read().filter((block) => !reached.has(block));
      if (fresh.length === 0 || input.length === 0) continue;
      for (const block of fresh) reached.add(block);
      inputs.push(input);
      kept++;
      if (values.keep) writeFileSync(path.join(folder, hashOf(input)), input);
    }
  }
  coverage.stop();
  process.stdout.write(`${target.name}: ${runs} inputs, ${kept} reached something new, ${broken.size} broke a rule\n`);
  return broken.size;
}

/** Leaves in the corpus what once broke a rule, and of the rest, the smallest first, what reaches something that those before do not. */
function minimize({ name, seeds, run }: FuzzTarget): void {
  const folder = path.join(corpus, name);
  const files = readdirSync(folder)
    .map((file) => ({ file, bytes: readFileSync(path.join(folder, file)) }))
    .sort((a, b) => a.bytes.length - b.bytes.length);
  const coverage = startCoverage(sources);
  const reached = new Set<string>();
  /** @returns whether it reached something new */
  const reaches = (input: Buffer): boolean => {
    run(input);
    const fresh = coverage.read().filter((block) => !reached.has(block));
    for (const block of fresh) reached.add(block);
    return fresh.length > 0;
  };
  for (const input of seeds) reaches(Buffer.from(input));
  let left = 0;
  for (const { file, bytes } of files) {
    if (reaches(bytes) || file.startsWith('crash-')) left++;
    else rmSync(path.join(folder, file));
  }
  coverage.stop();
  process.stdout.write(`${name}: ${left} of ${files.length} inputs are left in its corpus\n`);
}

function processorMsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function hashOf(input: Buffer): string {
  return createHash('sha256').update(input).digest('hex').slice(0, 16);
}
