// Every input that the fuzzer has kept or that once broke a rule is run again, with the inputs that it begins with.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { targets } from './targets/index.ts';

describe.each(targets)('$name', ({ name, seeds, run }) => {
  const folder = path.join(import.meta.dirname, 'corpus', name);
  const files = existsSync(folder) ? readdirSync(folder) : [];
  const kept = files.map((file) => readFileSync(path.join(folder, file)));

  test(`keeps its rules with the ${kept.length + seeds.length} inputs of its corpus`, () => {
    for (const input of [...seeds.map((seed) => Buffer.from(seed)), ...kept]) expect(() => run(input)).not.toThrow();
  });
});
