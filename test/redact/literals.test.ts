// Known secret values: every form, every split, every line end; and the text that replaces them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formsOf } from '../../src/run/redact/forms.ts';
import { createRedactor } from '../../src/run/redact/index.ts';
import { markerFor } from '../../src/run/redact/matcher.ts';
import { countOf, cutAt, feed, inTwo } from './streams.ts';

const value = 'Zq7+vK/2m"Lx\\9 <Ü>&T4r';
const env = { SERVICE_TOKEN: value };
const redactor = createRedactor({ env });
const marker = '[hidden:SERVICE_TOKEN]';

const formsByName: Readonly<Record<string, string>> = {
  plain: value,
  'base64 of it alone': Buffer.from(value).toString('base64').replace(/=+$/, ''),
  'hex, lower case': Buffer.from(value).toString('hex'),
  'hex, upper case': Buffer.from(value).toString('hex').toUpperCase(),
  encodeURIComponent: encodeURIComponent(value),
  'URL-encoded in lower case': encodeURIComponent(value).replace(/%../g, (code) => code.toLowerCase()),
  'as a form field': new URLSearchParams({ a: value }).toString().slice(2),
  'as Python quotes a path': encodeURIComponent(value).replaceAll('%2F', '/'),
  JSON: JSON.stringify(value).slice(1, -1),
  'JSON in ASCII': JSON.stringify(value).slice(1, -1).replaceAll('Ü', '\\u00dc'),
  'JSON with escaped slashes, as PHP writes it': JSON.stringify(value)
    .slice(1, -1)
    .replaceAll('Ü', '\\u00dc')
    .replaceAll('/', '\\/'),
  'JSON safe for HTML, as Go writes it': JSON.stringify(value)
    .slice(1, -1)
    .replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`),
  'JSON as .NET writes it': 'Zq7\\u002BvK/2m\\u0022Lx\\\\9 \\u003C\\u00DC\\u003E\\u0026T4r',
  'JSON inside JSON': JSON.stringify(JSON.stringify(value).slice(1, -1)).slice(1, -1),
};

describe('a known secret', () => {
  it.each(Object.entries(formsByName))('is hidden in the form: %s', (_, form) => {
    const { text, hidden } = redactor.text(`before ${form} after`);
    expect(text).toMatch(/^before \[hidden:SERVICE_TOKEN\]\S? after$/);
    expect(hidden).toEqual({ environment: 1 });
  });

  it.each([0, 1, 2, 3, 4, 5])('is hidden in the base64 of a text that has it at byte %i', (shift) => {
    for (const encoding of ['base64', 'base64url'] as const) {
      const encoded = Buffer.from(`${'x'.repeat(shift)}${value}, and more`).toString(encoding);
      const { text, hidden } = redactor.text(encoded);
      expect(hidden).toEqual({ environment: 1 });
      const [before, after] = text.split(marker);
      // At either end one character may stay that holds some bits of the neighbour and some of the secret.
      expect(encoded.startsWith(before ?? '?')).toBe(true);
      expect(encoded.endsWith(after ?? '?')).toBe(true);
      expect(before?.length).toBe(Math.ceil((shift * 8) / 6));
    }
  });

  it('is hidden when base64 wraps it at 76 columns, and the line ends stay', () => {
    const wrapped = Buffer.from(`${'some text before it. '.repeat(2)}${value}`)
      .toString('base64')
      .replace(/.{76}/g, '$&\n');
    expect(countOf(wrapped, '\n')).toBe(1);
    const { text, hidden } = feed(redactor.stream(), [`${wrapped}\n`]);
    expect(text).toMatch(/^[A-Za-z0-9+/]+\[hidden:SERVICE_TOKEN\]\n\S?=*\n$/);
    expect(hidden).toEqual({ environment: 1 });
  });

  it('is hidden if a wrapped form is in JSON, with its line ends escaped', () => {
    const hex = Buffer.from(value).toString('hex');
    const json = JSON.stringify({ out: `${hex.slice(0, 20)}\n${hex.slice(20)}\r\nnext` });
    const { text } = redactor.text(json);
    expect(JSON.parse(text)).toEqual({ out: `${marker}\r\nnext` });
  });

  it('is hidden at every escaped line end inside of it, though it has backslashes and the letters of such escapes', () => {
    const odd = 'anbn\\cr\\dnen12345r6789\\xyz';
    const one = createRedactor({ env: { ODD_TOKEN: odd } });
    for (const [head, tail] of inTwo(odd)) {
      if (head === '' || tail === '' || head.endsWith('\\')) continue;
      for (const lineEnd of ['\\n', '\\r\\n', '\\\\n']) {
        expect(one.text(`${head}${lineEnd}${tail}!`)).toEqual({
          text: '[hidden:ODD_TOKEN]!',
          hidden: { environment: 1 },
        });
      }
    }
  });

  it('is hidden at every split into two reads, with the rest as it was', () => {
    for (const [name, form] of Object.entries(formsByName)) {
      const whole = redactor.text(`a=${form};\n`).text;
      for (const parts of inTwo(`a=${form};\n`)) {
        expect({ name, parts, ...feed(redactor.stream(), parts) }).toEqual({
          name,
          parts,
          text: whole,
          hidden: { environment: 1 },
        });
      }
    }
  });

  it('is hidden at every line end inside of it, in one read', () => {
    for (const form of Object.values(formsByName)) {
      for (const [head, tail] of inTwo(form)) {
        if (head === '' || tail === '') continue;
        const { text, hidden } = feed(redactor.stream(), [`a=${head}\n${tail};\n`]);
        expect({ head, text: text.replace(/\][A-Za-z0-9+/]?(\n?)[A-Za-z0-9+/]?;/, ']$1;') }).toEqual({
          head,
          text: `a=${marker}\n;\n`,
        });
        expect(hidden).toEqual({ environment: 1 });
      }
    }
  });

  it('shows at most three bytes when both a read and a line end inside of it', () => {
    for (const [head, tail] of inTwo(formsByName.plain ?? '')) {
      if (head === '' || tail === '') continue;
      const { text, hidden } = feed(redactor.stream(), [`a=${head}\n`, `${tail};\n`]);
      expect(hidden).toEqual({ environment: 1 });
      expect(text).toBe(Buffer.byteLength(head) < 4 ? `a=${head}\n${marker};\n` : `a=${marker}\n;\n`);
    }
  });

  it('is hidden when it is given byte by byte', () => {
    const text = `x ${value} y ${value}${value}\n`;
    const parts = Array.from(Buffer.from(text), (byte) => Buffer.from([byte]));
    expect(feed(redactor.stream(), parts)).toEqual({
      text: `x ${marker} y ${marker}${marker}\n`,
      hidden: { environment: 3 },
    });
  });

  it('with many lines is hidden as a whole, as escaped text, and line by line', () => {
    const lines = ['first-line-of-the-key-000', 'second-line-of-the-key-11', 'tail'];
    const many = createRedactor({ env: { APP_PRIVATE_KEY: lines.join('\n') } });
    const expected = '[hidden:APP_PRIVATE_KEY]';
    expect(many.text(lines.join('\n')).text).toBe(`${expected}\n\n`);
    expect(many.text(lines.join('\\n')).text).toBe(expected);
    expect(many.text(`    ${lines.join('\r\n    ')}`).text).toBe(`    ${expected}\r\n\r\n`);
    expect(many.text(`2: ${lines[1]}!`).text).toBe(`2: ${expected}!`);
    const escaped = createRedactor({ env: { APP_PRIVATE_KEY: lines.join('\\n') } });
    expect(escaped.text(lines.join('\n')).text).toBe(`${expected}\n\n`);
  });

  it('takes part when it is added after a stream began', () => {
    const late = createRedactor({ env: {} });
    const stream = late.stream();
    expect(stream.push(Buffer.from('hunter2hunter2\n')).bytes.toString()).toBe('hunter2hunter2\n');
    expect(late.addSecret('STEP_SECRET', 'hunter2hunter2')).toBeUndefined();
    expect(stream.push(Buffer.from('hunter2hunter2\n')).bytes.toString()).toBe('[hidden:STEP_SECRET]\n');
  });
});

describe('the replacement', () => {
  const secret = fc.string({ unit: fc.constantFrom(...'[]{}()<>*#~^|@hidenx:AB'), minLength: 1, maxLength: 12 });

  it('is never a secret, and completes none with its neighbours', () => {
    fc.assert(
      fc.property(fc.array(secret, { minLength: 1, maxLength: 4 }), (needles) => {
        const made = markerFor('AB', needles);
        for (const needle of needles) {
          expect(made.includes(needle)).toBe(false);
          for (let cut = 1; cut < needle.length; cut++) {
            expect(`${needle.slice(0, cut)}${made}`.includes(needle)).toBe(false);
            expect(`${made}${needle.slice(cut)}`.includes(needle)).toBe(false);
          }
        }
      }),
    );
  });

  it('has no character that would need escaping in JSON', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'aZ9_-."\\\u0000\n ü€') }),
        fc.array(secret, { maxLength: 3 }),
        (name, needles) => {
          const made = markerFor(name, needles);
          expect(JSON.stringify(made)).toBe(`"${made}"`);
        },
      ),
    );
  });
});

describe('any secret in any text', () => {
  const secretValue = fc
    .string({ unit: fc.constantFrom(...'aAbB01+/="\\ %<[]ü'), minLength: 8, maxLength: 40 })
    .filter((text) => text.trim().length >= 8);
  const filler = fc.string({ unit: fc.constantFrom(...'aAbB01+/="\\ %<[]ü\n'), maxLength: 30 });

  it('does not come out in any form, however it is read; all other text stays, and so do line ends', () => {
    fc.assert(
      fc.property(
        fc.array(secretValue, { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(filler, fc.nat(), fc.nat()), { maxLength: 6 }),
        filler,
        fc.array(fc.nat(), { maxLength: 8 }),
        (values, pieces, last, places) => {
          const some = createRedactor({ env: {}, patterns: false });
          for (const [index, secret] of values.entries()) some.addSecret(`S${index}`, secret);
          const forms = values.flatMap((secret) => formsOf(secret));
          const parts = pieces.map(([text, pick]) => text + (forms[pick % forms.length] ?? '').toString('utf8'));
          const text = Buffer.from(parts.join('') + last);
          const whole = feed(some.stream(), [text]);
          const split = feed(some.stream(), cutAt(text, places));
          for (const out of [whole.text, split.text]) {
            const compact = Buffer.from(out)
              .toString('latin1')
              .replace(/[\r\n]/g, '');
            for (const form of forms) expect(compact.includes(form.toString('latin1'))).toBe(false);
            expect(countOf(out, '\n')).toBe(countOf(text.toString('utf8'), '\n'));
            expect(isMadeFrom(out, text.toString('utf8'))).toBe(true);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is counted once for each time it occurs, and the text between is untouched', () => {
    const word = fc.string({ unit: fc.constantFrom(...'klmnop \n.,-'), maxLength: 30 });
    const secret = fc.string({ unit: fc.constantFrom(...'ABCDEFGH01234567'), minLength: 16, maxLength: 60 });
    fc.assert(
      fc.property(
        secret,
        fc.array(word, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        (secretText, texts, places) => {
          const one = createRedactor({ env: { A_KEY: secretText }, patterns: false, extraSecretNames: ['A_KEY'] });
          const text = Buffer.from(texts.join(`;${secretText};`));
          const { text: out, hidden } = feed(one.stream(), cutAt(text, places));
          expect(out).toBe(texts.join(';[hidden:A_KEY];'));
          expect(hidden.named ?? 0).toBe(texts.length - 1);
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Whether `out` is `text` with parts replaced by markers or left out: all else in the same order. */
function isMadeFrom(out: string, text: string): boolean {
  let at = 0;
  const plain = out.split(/[[({<*#~^|@](?:hidden:S\d|hidden|x|)[\])}>*#~^|@]/);
  for (const piece of plain) {
    for (const char of piece) {
      const found = text.indexOf(char, at);
      if (found === -1) return false;
      at = found + 1;
    }
  }
  return true;
}
