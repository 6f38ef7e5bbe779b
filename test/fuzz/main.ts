// `npm run fuzz`: mutates inputs of each target, guided by the coverage of our sources, and keeps those that reach something new. An input
// that breaks a rule is written to the corpus as `crash-…`, where `npm test` runs it from then on. Exits with 1 where there was one.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Random, randomOf } from '../faults/support/random.ts';
import { startCoverage } from './coverage.ts';
import { mutate } from './mutate.ts';
import type { FuzzTarget } from './target.ts';
import { targets } from './targets/index.ts';

/** Reading the coverage costs about as much as so many runs. */
const runsPerReading = 20;
/** An input that takes longer is a way to keep stepspan busy. */
const slowMs = 1_000;

const corpus = path.join(import.meta.dirname, 'corpus');
const sources = `${path.resolve(import.meta.dirname, '../../src')}/`;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    only: { type: 'string' },
    keep: { type: 'boolean', default: false },
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
for (const target of chosen) crashes += fuzz(target, randomOf(seed).fork(target.name));
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
    const began = performance.now();
    try {
      target.run(input);
      const took = performance.now() - began;
      if (took > slowMs) throw new Error(`it took ${took.toFixed(0)} ms`);
    } catch (error) {
      // One input for each place that breaks is enough to mend it.
      const place = (error as Error).stack?.split('\n').slice(0, 3).join(' ') ?? String(error);
      if (broken.has(place)) return;
      broken.set(place, input);
      writeFileSync(path.join(folder, `crash-${hashOf(input)}`), input);
      process.stdout.write(`${target.name}: ${(error as Error).stack}\n`);
    }
  };

  for (const input of inputs) attempt(input);
  coverage.fresh();
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const batch = Array.from({ length: runsPerReading }, () =>
      mutate(random.pick(inputs), random.pick(inputs), words, random),
    );
    for (const input of batch) attempt(input);
    if (coverage.fresh() === 0) continue;
    // Which of them it was cannot be told any more, as each block is new only once; all of them go on, and the corpus keeps one.
    inputs.push(...batch);
    kept++;
    const longest = batch.reduce((a, b) => (b.length > a.length ? b : a));
    if (values.keep && longest.length > 0) writeFileSync(path.join(folder, hashOf(longest)), longest);
  }
  coverage.stop();
  process.stdout.write(
    `${target.name}: ${runs} inputs, ${kept} batches reached something new, ${broken.size} broke a rule\n`,
  );
  return broken.size;
}

function hashOf(input: Buffer): string {
  return createHash('sha256').update(input).digest('hex').slice(0, 16);
}
