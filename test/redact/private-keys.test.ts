// Private keys over many lines, in all the ways in which they are printed, also without an end.
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../src/run/redact/index.ts';
import { MAX_PRIVATE_KEY_BYTES } from '../../src/run/redact/private-key-rule.ts';
import { countOf, feed, inTwo } from './streams.ts';

const redactor = createRedactor({ env: {} });
const marker = '[hidden:private-key]';
const options = { modulusLength: 1024, publicKeyEncoding: { type: 'spki', format: 'pem' } } as const;
const { privateKey: pem } = generateKeyPairSync('rsa', {
  ...options,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const encrypted = generateKeyPairSync('rsa', {
  ...options,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
}).privateKey;
const lineEnds = (text: string): string => '\n'.repeat(countOf(text, '\n'));

describe('a private key', () => {
  it.each([
    ['PKCS 8', pem],
    ['encrypted, with headers', encrypted],
    ['of OpenSSH', pem.replaceAll(' PRIVATE', ' OPENSSH PRIVATE')],
    [
      'in PGP armour',
      pem.replaceAll('PRIVATE KEY', 'PGP PRIVATE KEY BLOCK').replace('-----\n', '-----\nVersion: 1\n\n'),
    ],
  ])('is hidden from BEGIN to END: %s', (_, text) => {
    expect(redactor.text(`a\n${text}b\n`)).toEqual({
      text: `a\n${marker}${lineEnds(text)}b\n`,
      hidden: { 'private-key': 1 },
    });
  });

  it('is hidden in JSON, in a service account, indented, quoted, numbered, on one line, and in a diff', () => {
    const json = JSON.stringify({ private_key: pem, client_email: 'a@b' });
    expect(redactor.text(json).text).toBe(`{"private_key":"${marker}\\n","client_email":"a@b"}`);
    const twice = JSON.stringify({ text: json });
    expect(JSON.parse(JSON.parse(redactor.text(twice).text).text)).toEqual({
      private_key: `${marker}\n`,
      client_email: 'a@b',
    });
    for (const prefix of ['    ', '> ', '# ', '+']) {
      const text = pem.trimEnd().replace(/^/gm, prefix);
      expect(redactor.text(`${text}\nafter`).text).toBe(`${prefix}${marker}${lineEnds(text)}\nafter`);
    }
    for (const arrow of ['\u2192', '\t', ': ']) {
      const text = pem
        .trimEnd()
        .split('\n')
        .map((line, index) => `${String(index + 1).padStart(6)}${arrow}${line}`)
        .join('\n');
      expect(redactor.text(`${text}\nafter`).text).toBe(`     1${arrow}${marker}${lineEnds(text)}\nafter`);
      expect(redactor.text(JSON.stringify(text)).text).toBe(
        `${JSON.stringify(`     1${arrow}`).slice(0, -1)}${marker}"`,
      );
    }
    expect(redactor.text(`key ${pem.trimEnd().replaceAll('\n', ' ')} end`).text).toBe(`key ${marker} end`);
  });

  it('is hidden line by line as it comes, without being held back once it is known', () => {
    const stream = redactor.stream();
    const lines = pem.split(/(?<=\n)/);
    const out = lines.map((line) => stream.push(Buffer.from(line)).bytes.toString());
    expect(out[0]).toBe('');
    expect(out[1]).toBe(`${marker}\n\n`);
    expect(out.slice(2)).toEqual(lines.slice(2).map(() => '\n'));
    expect(stream.push(Buffer.from('after\n')).bytes.toString()).toBe('after\n');
  });

  it('is hidden the same at every split into two reads', () => {
    const text = `a\n${pem}b\n`;
    const expected = { text: `a\n${marker}${lineEnds(pem)}b\n`, hidden: { 'private-key': 1 } };
    for (const parts of inTwo(text))
      expect({ parts, ...feed(redactor.stream(), parts) }).toEqual({ parts, ...expected });
  });

  it('whose BEGIN line was let go is still hidden when its body comes', () => {
    const stream = redactor.stream();
    const [begin, ...body] = pem.split(/(?<=\n)/);
    expect(stream.push(Buffer.from(begin ?? '')).bytes.length).toBe(0);
    expect(stream.flush().bytes.toString()).toBe(begin);
    const { bytes, hidden } = stream.push(Buffer.from(body.join('')));
    expect(bytes.toString()).toBe(`${marker}${lineEnds(body.join(''))}`);
    expect(hidden).toEqual({ 'private-key': 1 });
  });

  it('that never ends is hidden as far as it looks like a key', () => {
    const [begin, first, second] = pem.split('\n');
    const cut = `${begin}\n${first}\n${second}\n`;
    for (const rest of ['$ ls -la\nfile\n', 'The file was cut here.\nDone.\n', '{"a":1}\n', '']) {
      expect(feed(redactor.stream(), [cut + rest])).toEqual({
        text: `${marker}\n\n\n${rest}`,
        hidden: { 'private-key': 1 },
      });
    }
    // One word alone on its line may be the last line of the key; a second one cannot be.
    expect(feed(redactor.stream(), [`${cut}word\nnext\n`]).text).toBe(`${marker}\n\n\n\nnext\n`);
  });

  it('that never ends is hidden up to its bound, and what is kept of it is bounded', () => {
    const stream = redactor.stream();
    const line = `${'A1b2'.repeat(16)}\n`;
    const lines = ['-----BEGIN PRIVATE KEY-----\n', ...Array.from({ length: 2000 }, () => line)];
    const out =
      lines.map((text) => stream.push(Buffer.from(text)).bytes.toString()).join('') + stream.end().bytes.toString();
    expect(countOf(out, '\n')).toBe(lines.length);
    const hiddenLines = Math.ceil(MAX_PRIVATE_KEY_BYTES / line.length);
    expect(countOf(out, line)).toBeGreaterThan(2000 - hiddenLines - 2);
    expect(countOf(out, line)).toBeLessThan(2000 - hiddenLines + 2);
  });
});
