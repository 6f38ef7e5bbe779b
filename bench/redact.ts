// What redaction costs on ordinary output, with twenty secrets in the environment and all formats. Prints MB a second
// of processor time, so that what else runs does not blur it. A few seconds, one core.
import { randomBytes } from 'node:crypto';
import { createRedactor } from '../src/run/redact/index.ts';
import type { Bench } from './support/bench.ts';

const TEXT_BYTES = 4 << 20;
const SECONDS = 0.5;
const words =
  'error info warn connection established request completed handler timeout database user session started finished ' +
  'building module src/index.ts test passed in ms GET POST /api/v1/items 200 404 cache miss hit worker https://example.org/a';

function logText(lineBytes: number): Buffer {
  const vocabulary = words.split(' ');
  let text = '';
  for (let i = 0; text.length < TEXT_BYTES; ) {
    let line = '2026-11-23T15:26:00.123Z ';
    while (line.length < lineBytes) line += `${vocabulary[(i++ * 7919) % vocabulary.length]} `;
    text += `${line.slice(0, lineBytes - 10)} ${randomBytes(4).toString('hex')}\n`;
  }
  return Buffer.from(text);
}

/** @returns MB a second of processor time */
function measure(text: Buffer, batchBytes: number, env: Record<string, string>, patterns = true): number {
  const stream = createRedactor({ env, patterns }).stream();
  const batches: Buffer[] = [];
  for (let at = 0; at < text.length; ) {
    const end = text.lastIndexOf(0x0a, Math.min(at + batchBytes, text.length) - 1) + 1;
    const next = end > at ? end : Math.min(at + batchBytes, text.length);
    batches.push(text.subarray(at, next));
    at = next;
  }
  const run = (seconds: number): number => {
    const start = process.cpuUsage();
    let spent = 0;
    let bytes = 0;
    while (spent < seconds) {
      for (const batch of batches) bytes += stream.push(batch).bytes.length;
      const { user, system } = process.cpuUsage(start);
      spent = (user + system) / 1e6;
    }
    return bytes / 1e6 / spent;
  };
  run(SECONDS / 2);
  return run(SECONDS);
}

const secrets = (count: number, length: number): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `SERVICE_${i}_TOKEN`,
      randomBytes(length).toString('base64url').slice(0, length),
    ]),
  );

const base64Lines = (): Buffer =>
  Buffer.from(
    randomBytes(TEXT_BYTES / 2)
      .toString('base64')
      .replace(/.{76}/g, '$&\n'),
  );

export const redact: Bench = {
  name: 'redact',
  isInformation: true,
  async run({ say }) {
    say('redact: by itself');
    const log = logText(100);
    const twenty = secrets(20, 40);
    const passwords = Object.fromEntries(Object.entries(secrets(5, 12)).map(([name, value]) => [`P${name}`, value]));
    const read = 65_536;
    const rows: [string, number, number][] = [
      ...[4096, read, 1 << 20].map((size): [string, number, number] => [
        '20 secrets, all formats',
        size,
        measure(log, size, twenty),
      ]),
      ['20 secrets only', read, measure(log, read, twenty, false)],
      ['formats only', read, measure(log, read, {})],
      ['20 secrets and 5 short passwords', read, measure(log, read, { ...twenty, ...passwords })],
      ['lines of 40 bytes', read, measure(logText(40), read, twenty)],
      ['lines of 1 MB', read, measure(logText(1 << 20), read, twenty)],
      ['base64 text', read, measure(base64Lines(), read, twenty)],
    ];
    return {
      title: 'Redaction by itself',
      how: 'Ordinary log lines of 100 bytes unless the row says otherwise. MB for each second of processor time; one round, for information.',
      tables: [
        {
          columns: ['what', 'bytes a read', 'rate'],
          rows: rows.map(([what, size, rate]) => [what, size.toLocaleString('en'), `${rate.toFixed(0)} MB/s`]),
        },
      ],
      ratios: [],
      notes: [],
    };
  },
};
