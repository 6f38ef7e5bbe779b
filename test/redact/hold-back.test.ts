// What waits for the next read, for how long, and what comes out when the caller lets it go.
import { describe, expect, it } from 'vitest';
import { createRedactor, type RedactionStream } from '../../src/run/redact/index.ts';
import { MAX_HELD_LINE_BYTES } from '../../src/run/redact/stream.ts';

const secret = 'abcdefgh12345678ijklmnop';
const redactor = createRedactor({ env: { MY_TOKEN: secret } });
const push = (stream: RedactionStream, text: string): string => stream.push(Buffer.from(text)).bytes.toString();

describe('what is held back', () => {
  it('is nothing of complete lines that end in nothing of a secret, which come out as the very same buffer', () => {
    const stream = redactor.stream();
    const lines = Buffer.from('one\ntwo abc\nthree\n');
    expect(stream.push(lines)).toEqual({ bytes: lines, hidden: undefined });
    expect(stream.push(lines).bytes).toBe(lines);
    expect(stream.heldBytes()).toBe(0);
  });

  it('is a line from its start when it ends in four bytes of a secret, until the next one shows that it was none', () => {
    const stream = redactor.stream();
    expect(push(stream, 'one\ntail abcd\n')).toBe('one\n');
    expect(stream.heldBytes()).toBe('tail abcd\n'.length);
    expect(push(stream, 'other\n')).toBe('tail abcd\nother\n');
    expect(stream.heldBytes()).toBe(0);
  });

  it('counts what was shown of a secret in the read before', () => {
    const stream = redactor.stream();
    expect(push(stream, 'tail ab\n')).toBe('tail ab\n');
    expect(push(stream, 'cdefgh\n')).toBe('');
    expect(push(stream, `${secret.slice(8)}!\n`)).toBe('[hidden:MY_TOKEN]\n!\n');
  });

  it('is only the beginning of the secret when its line is longer than a line that is held', () => {
    const stream = redactor.stream();
    const long = '.'.repeat(MAX_HELD_LINE_BYTES + 1);
    expect(push(stream, `${long}abcd\n`)).toBe(long);
    expect(push(stream, `${secret.slice(4)}\n`)).toBe('[hidden:MY_TOKEN]\n\n');
  });

  it('is not a line that is hidden already, though its secret ends as it begins', () => {
    const twice = createRedactor({ env: { MY_TOKEN: 'hunter2hunter2' } }).stream();
    expect(push(twice, 'is hunter2hunter2\n')).toBe('is [hidden:MY_TOKEN]\n');
    expect(twice.heldBytes()).toBe(0);
    // What follows could be the second half of another one that began inside the first.
    expect(push(twice, 'hunter2\n')).toBe('\n');
  });

  it('comes out when the caller has waited long enough, and what completes the secret later is still hidden', () => {
    const stream = redactor.stream();
    push(stream, 'tail abcdefgh\n');
    expect(stream.flush()).toEqual({ bytes: Buffer.from('tail abcdefgh\n'), hidden: undefined });
    expect(stream.heldBytes()).toBe(0);
    expect(stream.flush().bytes.length).toBe(0);
    const rest = stream.push(Buffer.from('12345678ijklmnop end\n'));
    expect(rest.bytes.toString()).toBe('[hidden:MY_TOKEN] end\n');
    expect(rest.hidden).toEqual({ environment: 1 });
  });

  it('comes out hidden when it is half of a secret by then, and the other half is not counted again', () => {
    const stream = redactor.stream();
    expect(push(stream, `tail ${secret.slice(0, 12)}\n`)).toBe('');
    expect(stream.flush()).toEqual({ bytes: Buffer.from('tail [hidden:MY_TOKEN]\n'), hidden: { environment: 1 } });
    expect(stream.push(Buffer.from(`${secret.slice(12)} end\n`))).toEqual({
      bytes: Buffer.from(' end\n'),
      hidden: undefined,
    });
  });

  it('comes out at the end of the stream, half of a secret hidden', () => {
    const stream = redactor.stream();
    expect(push(stream, 'tail abcdefgh')).toBe('tail ');
    expect(stream.end().bytes.toString()).toBe('abcdefgh');
    expect(push(stream, `tail ${secret.slice(0, 20)}`)).toBe('tail ');
    expect(stream.end().bytes.toString()).toBe('[hidden:MY_TOKEN]');
    expect(stream.end().bytes.length).toBe(0);
  });

  it('inside of a line is whatever a secret or a key could begin with', () => {
    const stream = redactor.stream();
    expect(push(stream, 'x g')).toBe('x ');
    expect(push(stream, 'ithub.com gh')).toBe('github.com ');
    expect(push(stream, 'p_short a')).toBe('ghp_short ');
    expect(push(stream, 'bc\n')).toBe('abc\n');
  });

  it.each([
    ['Sure? [y/N] ', 'Sure? [y/N] '],
    ['Password for https://me@example.com: ', 'Password for https://me@example.com: '],
    ['Listening on http://localhost', 'Listening on http://localhost'],
    ['aws_secret_access_key: ', 'aws_secret_access_key: '],
    ['Paste the bearer ', 'Paste the bearer '],
    ['Ends like some key: ey', 'Ends like some key: ey'],
    ['Three bytes of a secret: abc', 'Three bytes of a secret: abc'],
    ['Four bytes of a secret: abcd', 'Four bytes of a secret: '],
    ['redis://me:hunt', 'redis://me:'],
    ['Key: ghp_0123', 'Key: '],
  ])('of the unfinished line %j is let go after a while up to what is likely to be a secret', (text, seen) => {
    const stream = redactor.stream();
    expect(push(stream, text) + stream.flush().bytes.toString()).toBe(seen);
    expect(stream.end().bytes.toString()).toBe(text.slice(seen.length));
  });

  it('stays hidden though it is printed byte by byte, and each byte waits long enough', () => {
    const token = `ghp_${'a1B2c3D4'.repeat(5).slice(0, 36)}`;
    const text = `secret ${secret}, token ${token}, redis://me:hunter2@host and \x1b[1mthe end\x1b[0m`;
    for (const prefix of ['', 'done\n']) {
      const stream = redactor.stream();
      let seen = '';
      for (const byte of prefix + text) seen += push(stream, byte) + stream.flush().bytes.toString();
      seen += stream.end().bytes.toString();
      expect(seen).toBe(
        `${prefix}secret abc[hidden:MY_TOKEN], token ghp[hidden:github-token], redis://me:[hidden:url-password]@host ` +
          'and \x1b[1mthe end\x1b[0m',
      );
    }
  });

  it('stays bounded when every read ends in what may begin a secret', () => {
    const stream = redactor.stream();
    const again = createRedactor({ env: { MY_TOKEN: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' } }).stream();
    let most = 0;
    for (let read = 0; read < 200; read++) {
      push(stream, 'x'.repeat(1000) + secret.slice(0, 10));
      again.push(Buffer.alloc(1000, 'a'));
      most = Math.max(most, stream.heldBytes(), again.heldBytes());
    }
    expect(most).toBeLessThan(100);
  });

  it('does not depend on the buffer that was read into', () => {
    const stream = redactor.stream();
    const shared = Buffer.from('tail abcdefgh\n');
    stream.push(shared);
    shared.fill('x');
    expect(stream.flush().bytes.toString()).toBe('tail abcdefgh\n');
  });
});
