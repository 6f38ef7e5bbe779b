// Pictures and other data in base64 do not go to a backend: a marker with type and size takes their place.
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { textWithoutBase64, withoutBase64 } from '../../../src/readers/ship/map/base64.ts';
import { startOtlpServer } from './support/otlp-server.ts';
import { build, newRun, runFinished } from './support/runs.ts';
import { ship } from './support/ship.ts';

const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(100_000)]).toString('base64');

describe('a line that is shipped', () => {
  test('names a picture by type and size, wherever Claude Code repeats it', () => {
    const line = JSON.stringify({
      type: 'user',
      message: { content: [{ type: 'image', source: { type: 'base64', data: png, media_type: 'image/png' } }] },
      tool_use_result: { file: { base64: png, type: 'image/png' } },
    });
    const shipped = textWithoutBase64(line);
    expect(JSON.parse(shipped)).toMatchObject({
      message: { content: [{ source: { data: '[base64 image/png, 97.7 KiB]', media_type: 'image/png' } }] },
      tool_use_result: { file: { base64: '[base64 image/png, 97.7 KiB]', type: 'image/png' } },
    });
    expect(shipped.length).toBeLessThan(400);
  });

  test.each([
    [
      'a document',
      { type: 'document', source: { data: Buffer.from(`%PDF-1.7 ${png}`).toString('base64') } },
      'application/pdf',
    ],
    [
      'a resource of an MCP server',
      { resource: { mimeType: 'audio/wav', blob: randomBytes(2_000).toString('base64') } },
      'audio/wav',
    ],
    [
      'what `base64` printed',
      { text: `data:font/woff2;base64,${randomBytes(2_000).toString('base64')}` },
      'font/woff2',
    ],
  ])('names %s', (_name, block, type) => {
    expect(textWithoutBase64(JSON.stringify(block))).toMatch(new RegExp(`\\[base64 ${type}, [\\d.]+ KiB\\]`));
  });

  test('takes base64 with line ends out as one', () => {
    const wrapped = (png.match(/.{1,76}/g) ?? []).join('\n');
    expect(textWithoutBase64(JSON.stringify({ text: `before\n${wrapped}\nafter words` }))).toBe(
      JSON.stringify({ text: 'before\n[base64 image/png, 97.7 KiB]\nafter words' }),
    );
  });

  test('stays as it is without base64: prose, paths, hashes, rows of one letter', () => {
    const prose = 'The quick brown fox jumps over 13 lazy dogs. '.repeat(200);
    const paths = Array.from({ length: 300 }, (_, index) => `/usr/lib/x86_64-linux-gnu/lib${index}.so`).join(' ');
    const hashes = Array.from({ length: 50 }, () => randomBytes(32).toString('hex')).join('\n');
    for (const text of [prose, paths, hashes, 'a'.repeat(5_000), '='.repeat(5_000)]) {
      const bytes = Buffer.from(JSON.stringify({ text }));
      expect(withoutBase64(bytes)).toBe(bytes);
    }
  });

  test('keeps everything beside the data, and never grows', () => {
    const words = fc.array(fc.string({ maxLength: 30 }), { maxLength: 20 }).map((parts) => parts.join(' , '));
    fc.assert(
      fc.property(words, words, fc.uint8Array({ minLength: 600, maxLength: 3_000 }), (before, after, data) => {
        const text = Buffer.from(data).toString('base64');
        fc.pre(/[A-Z]/.test(text) && /[a-z]/.test(text) && /[0-9+]/.test(text.slice(0, 512)));
        const shipped = JSON.parse(textWithoutBase64(JSON.stringify({ before, text, after })));
        expect([shipped.before, shipped.after]).toEqual([before, after]);
        expect(shipped.text.length).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});

test.each(['http/protobuf', 'http/json'])(
  'a backend gets a picture by its type and size alone over %s',
  async (protocol) => {
    const { folder, journal } = newRun();
    const message = { content: [{ type: 'image', source: { type: 'base64', data: png, media_type: 'image/png' } }] };
    const bytes = Buffer.from(`${JSON.stringify({ type: 'user', message })}\n`);
    journal.output({ stream: 'debug', severity: undefined, subject: build, lineCount: 1, bytes, unterminated: false });
    journal.event(runFinished);
    await journal.close();
    const backend = await startOtlpServer();
    onTestFinished(() => backend.close());
    await (await ship(folder, backend, { OTEL_EXPORTER_OTLP_PROTOCOL: protocol })).done;
    const logs = backend.requests.filter(({ path }) => path === '/v1/logs');
    const sent = logs.map(({ body }) => body.toString('latin1')).join('');
    expect(sent).toContain('[base64 image/png, 97.7 KiB]');
    expect(sent).not.toContain(png.slice(0, 1_000));
  },
);
