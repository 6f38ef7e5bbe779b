// What redaction costs on ordinary output, with twenty secrets in the environment and all formats. Prints MB a second
// of processor time, so that what else runs does not blur it. `node bench/redact.ts`; a few seconds, one core.
import { randomBytes } from 'node:crypto';
import { createRedactor } from '../src/run/redact/index.ts';

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

function measure(title: string, text: Buffer, batchBytes: number, env: Record<string, string>, patterns = true): void {
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
  console.log(
    `${title.padEnd(44)} ${String(batchBytes).padStart(8)} bytes a read ${run(SECONDS).toFixed(0).padStart(6)} MB/s`,
  );
}

const secrets = (count: number, length: number): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `SERVICE_${i}_TOKEN`,
      randomBytes(length).toString('base64url').slice(0, length),
    ]),
  );

const log = logText(100);
for (const batch of [4096, 65_536, 1 << 20]) measure('20 secrets, all formats', log, batch, secrets(20, 40));
measure('20 secrets only', log, 65_536, secrets(20, 40), false);
measure('formats only', log, 65_536, {});
measure('20 secrets and 5 short passwords', log, 65_536, {
  ...secrets(20, 40),
  ...Object.fromEntries(Object.entries(secrets(5, 12)).map(([k, v]) => [`P${k}`, v])),
});
measure('lines of 40 bytes', logText(40), 65_536, secrets(20, 40));
measure('lines of 1 MB', logText(1 << 20), 65_536, secrets(20, 40));
measure(
  'base64 text',
  Buffer.from(
    randomBytes(TEXT_BYTES / 2)
      .toString('base64')
      .replace(/.{76}/g, '$&\n'),
  ),
  65_536,
  secrets(20, 40),
);
