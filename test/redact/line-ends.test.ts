// Known secret values and line ends: real ones inside of a secret, and what only looks like an escaped one at its edge.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formsOf } from '../../src/run/redact/forms.ts';
import { createRedactor } from '../../src/run/redact/index.ts';
import { feed } from './streams.ts';

describe('a secret that begins or ends like an escaped line end', () => {
  const hide = (secret: string, text: string): string => {
    const some = createRedactor({ env: {}, patterns: false });
    some.addSecret('S', secret);
    return Buffer.from(feed(some.stream(), [Buffer.from(text)]).text).toString();
  };

  it('is hidden if it ends in a backslash, and an n or r follows', () => {
    expect(hide('abcd<efgh\\', 'abcd<efgh\\rest')).toBe('[hidden:S]rest');
    expect(hide('abcd<efgh\\', 'abcd<efgh\\n.')).toBe('[hidden:S]n.');
  });

  it('is hidden if it begins with an n or r behind a backslash, and is broken by a line end', () => {
    expect(hide('nabc<efghijklmnopq', '\\nab\nc<efghijklmnopq')).toBe('\\[hidden:S]\n');
  });
});

describe('a secret broken by line ends', () => {
  it('is hidden whole when no two of them are closer than 16 bytes, in any form', () => {
    const secret = fc.string({ unit: fc.constantFrom(...'ABCDEFGH01234567/+'), minLength: 16, maxLength: 80 });
    fc.assert(
      fc.property(
        secret,
        fc.nat(),
        fc.nat(15),
        fc.array(fc.integer({ min: 16, max: 40 }), { maxLength: 6 }),
        (value, pick, first, gaps) => {
          const forms = formsOf(value);
          const form = (forms[pick % forms.length] ?? Buffer.alloc(0)).toString();
          const places = [first];
          for (const gap of gaps) places.push((places.at(-1) ?? 0) + gap);
          while ((places.at(-1) ?? 0) >= form.length) places.pop();
          if (places[0] === 0) places.shift();
          const broken = [...places, form.length]
            .map((end, index) => form.slice(index === 0 ? 0 : places[index - 1], end))
            .join('\n');
          const one = createRedactor({ env: {}, patterns: false });
          one.addSecret('S', value);
          expect(one.text(`~ ${broken} ~`)).toEqual({
            text: `~ [hidden:S]${'\n'.repeat(places.length)} ~`,
            hidden: { named: 1 },
          });
        },
      ),
      { numRuns: 500 },
    );
  });
});
