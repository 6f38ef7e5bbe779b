// The redactor: with any bytes around and any cuts, the secret does not come out, nor a key that is
// a word of its own; and bytes without one come out as they were.
import { createRedactor } from '../../../src/run/redact/index.ts';
import { type FuzzTarget, must } from '../target.ts';

const secret = 'tr0ub4dor-and-3';
const key = ['sk-ant-api03-', 'A1b2C3d4'.repeat(11), '-AAAAAA'].join('');
const apart = new RegExp(`(?:^|[ \\n])${key}(?=$|[ \\n])`);
const redactor = createRedactor({ env: { DB_PASSWORD: secret } });
const plain = createRedactor({ env: {}, patterns: false });

function through(make: typeof redactor, chunks: readonly Buffer[]): Buffer {
  const stream = make.stream();
  return Buffer.concat([
    ...chunks.map((chunk) => Buffer.from(stream.push(Buffer.from(chunk)).bytes)),
    Buffer.from(stream.end().bytes),
  ]);
}

export const redactorTarget: FuzzTarget = {
  name: 'redactor',
  seeds: [
    `password is ${secret}\n`,
    `Authorization: Bearer ${key}\nnext\n`,
    `the key ${key} is found by its form alone\n`,
    'postgres://user:hunter22hunter@host/db\n',
    Buffer.from(secret).toString('base64'),
  ],
  words: [
    secret,
    key,
    Buffer.from(secret).toString('base64'),
    encodeURIComponent(secret),
    '\n',
    '-----BEGIN PRIVATE KEY-----',
    'ghp_',
    'AKIA',
    'eyJ',
    'token=',
    '"password": "',
    '\u001b[31m',
  ],
  run(input) {
    const first = input.length === 0 ? 0 : input[0]! % (input.length + 1);
    const second = first + ((input[1] ?? 0) % (input.length - first + 1));
    const chunks = [input.subarray(0, first), input.subarray(first, second), input.subarray(second)];
    const out = through(redactor, chunks);
    must(!out.includes(secret), 'a secret of the environment does not come out');
    // Within a longer word it is not a key.
    must(!apart.test(out.toString('latin1')), 'a key does not come out');
    must(out.length <= input.length * 8 + 1024, 'what comes out is not much longer');
    must(through(plain, chunks).equals(input), 'without secrets the bytes are as they were');
  },
};
