// The fast encoders of lines, protobuf and JSON, against the official serializer of the SDK's records, on any bytes.
import { JsonLogsSerializer, ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RunId } from '../../../src/core/ids.ts';
import { type OutputRecord, severities, streams } from '../../../src/core/record.ts';
import type { Batcher, LogContent } from '../../../src/readers/ship/encode/batch.ts';
import { createLogBatcher } from '../../../src/readers/ship/encode/log-batcher.ts';
import { maxBodyBytes } from '../../../src/readers/ship/map/line-text.ts';
import { type LogOrigin, logRecordsOf } from '../../../src/readers/ship/map/log-records.ts';
import type { Resource } from '../../../src/readers/ship/map/otlp-types.ts';
import { bareContext, contextAfter } from '../../../src/readers/ship/map/run-context.ts';
import { contentsOf, jsonOf, protobufOf } from './support/contents.ts';
import { decodeLogs } from './support/protobuf.ts';
import { recorder, runStarted } from './support/runs.ts';

const runId = '20261123-100000-abcdef' as RunId;
const context = contextAfter(bareContext(runId), recorder().event(runStarted(runId, { labels: { team: 'payments' } })));
const origin: LogOrigin = {
  resource: { attributes: { 'service.name': 'stepspan', 'x.list': ['a', 'b'], 'x.half': 0.5 } } as unknown as Resource,
  scope: { name: 'stepspan', version: '1' },
};
const wide = { items: 1e6, bytes: 4e6 };

function encoded(record: OutputRecord): ReturnType<typeof decodeLogs> {
  const batcher = createLogBatcher('protobuf', context, origin, wide);
  for (const _full of batcher.push(record)) throw new Error('a batch without bounds was full');
  return contentsOf(batcher.take()).flatMap((content) => decodeLogs(protobufOf(content)));
}

/** Bytes as programs print them, with everything that must not upset the encoder mixed in. */
const line = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }).map((text) => Buffer.from(text.replaceAll('\n', ' '))),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes.map((byte) => (byte === 10 ? 32 : byte)))),
  fc
    .constantFrom(
      '',
      '\x1b[31mERROR\x1b[0m boom',
      'level=warn x',
      '{"level":50}',
      'FATAL x',
      '\u009b1mx',
      'ünïcode ✓',
      'INFO a\r',
    )
    .map((text) => Buffer.from(text)),
);
const output = fc
  .record({
    lines: fc.array(line, { minLength: 1, maxLength: 12 }),
    unterminated: fc.boolean(),
    continues: fc.boolean(),
    stream: fc.constantFrom(...streams),
    severity: fc.option(fc.constantFrom(...severities), { nil: undefined }),
    seq: fc.nat(2 ** 40),
    timeNs: fc.bigInt(0n, 2n ** 63n),
    subject: fc.option(fc.record({ step: fc.string(), attempt: fc.nat(3) }), { nil: undefined }),
  })
  .map(({ lines, unterminated, ...more }): OutputRecord => {
    const bytes = Buffer.concat(
      lines.flatMap((each, index) => {
        const last = index === lines.length - 1;
        return last && unterminated ? [each] : [each, Buffer.from('\n')];
      }),
    );
    return { kind: 'output', lineCount: lines.length, bytes, unterminated, ...more };
  });

describe('a line as a log record', () => {
  test('says the same as the official serializer, whatever the bytes', () => {
    fc.assert(
      fc.property(output, (record) => {
        const official = ProtobufLogsSerializer.serializeRequest(logRecordsOf(record, context, origin));
        expect(encoded(record)).toEqual(decodeLogs(Buffer.from(official ?? [])));
      }),
      { numRuns: 200 },
    );
  });

  test('is the JSON of the official serializer, byte for byte, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.array(output, { minLength: 1, maxLength: 3 }), (records) => {
        const batcher = createLogBatcher('json', context, origin, wide);
        for (const record of records) for (const _full of batcher.push(record)) throw new Error('a batch was full');
        const official = JsonLogsSerializer.serializeRequest(
          records.flatMap((record) => logRecordsOf(record, context, origin)),
        );
        expect(contentsOf(batcher.take()).map(jsonOf).join('')).toBe(Buffer.from(official ?? []).toString());
      }),
      { numRuns: 200 },
    );
  });

  test('carries time, number, severity, stream, run, step and span', () => {
    const [record] = encoded(recorder().output('npm error boom\n'));
    expect(record).toMatchObject({
      timeNs: 1_795_000_000_001_000_000n,
      observedNs: 1_795_000_000_001_000_000n,
      severityNumber: 17,
      severityText: 'ERROR',
      body: 'npm error boom',
      flags: 1,
      traceId: context.traceId,
      attributes: {
        'stepspan.label.team': 'payments',
        'log.iostream': 'stdout',
        'stepspan.seq': 0n,
        'cicd.pipeline.run.id': runId,
        'cicd.pipeline.name': 'nightly',
        'cicd.pipeline.task.name': 'Build it',
        'stepspan.step.id': 'build',
        'stepspan.attempt': 1n,
      },
    });
  });

  test('is FATAL where the line calls itself that', () => {
    const lines = 'FATAL boom\n{"level":60,"msg":"x"}\n<0>kernel panic\nCRITICAL disk\n';
    const sent = encoded(recorder().output(lines)).map(({ severityNumber, severityText }) => [
      severityNumber,
      severityText,
    ]);
    expect(sent).toEqual([
      [21, 'FATAL'],
      [21, 'FATAL'],
      [21, 'FATAL'],
      [17, 'ERROR'],
    ]);
  });

  test('has the text that was seen at its end, without escape sequences', () => {
    const bodies = encoded(recorder().output('\x1b[1;32mok\x1b[0m\tdone\r\n\x1b]0;title\x07plain\n1 %\r100 %\n')).map(
      ({ body }) => body,
    );
    expect(bodies).toEqual(['ok\tdone', 'plain', '100 %']);
  });

  test('keeps an empty line as an empty body', () => {
    expect(encoded(recorder().output('a\n\nb\n')).map(({ body }) => body)).toEqual(['a', '', 'b']);
  });

  test('marks bytes that were not UTF-8, and no others', () => {
    const [broken, whole] = encoded(recorder().output(Buffer.from([0x61, 0xff, 0x0a, 0xc3, 0xa9, 0x0a])));
    expect(broken).toMatchObject({ body: 'a\ufffd', attributes: { 'stepspan.line.invalid_utf8': true } });
    expect(whole?.body).toBe('é');
    expect(whole?.attributes).not.toHaveProperty('stepspan.line.invalid_utf8');
  });

  test('goes out in parts below the bound of Loki when it is longer, cut between characters', () => {
    const text = `x${'é'.repeat(maxBodyBytes)}`;
    const parts = encoded(recorder().output(`${text}\nnext\n`));
    expect(parts).toHaveLength(4);
    const long = parts.slice(0, 3);
    expect(long.map(({ body }) => body).join('')).toBe(text);
    for (const { body } of long) expect(Buffer.byteLength(String(body))).toBeLessThanOrEqual(maxBodyBytes);
    expect(long.map(({ attributes }) => [attributes['stepspan.line.part'], attributes['stepspan.line.parts']])).toEqual(
      [
        [1n, 3n],
        [2n, 3n],
        [3n, 3n],
      ],
    );
    expect(new Set(parts.map(({ attributes }) => attributes['stepspan.seq'])).size).toBe(2);
  });
});

describe('a batch of log records', () => {
  const batchers: Record<string, (limits: { items: number; bytes: number }) => Batcher<LogContent>> = {
    protobuf: (limits) => createLogBatcher('protobuf', context, origin, limits),
    json: (limits) => createLogBatcher('json', context, origin, limits),
  };

  test.each(Object.entries(batchers))(
    'ends at its bounds, also inside a record, and loses no line (%s)',
    (_name, make) => {
      fc.assert(
        fc.property(
          fc.array(fc.array(fc.string({ maxLength: 30 }), { minLength: 1, maxLength: 20 }), {
            minLength: 1,
            maxLength: 8,
          }),
          fc.record({ items: fc.integer({ min: 1, max: 9 }), bytes: fc.integer({ min: 100, max: 5000 }) }),
          (records, limits) => {
            const { output: next } = recorder();
            const batcher = make(limits);
            const taken: number[] = [];
            let lines = 0;
            let cursor = 0;
            const count = (batch: { count: number; nextSeq: number } | undefined): void => {
              if (batch === undefined) return;
              taken.push(batch.count);
              lines += batch.count;
              // One log record a line here, so the cursor and the count must agree after every batch.
              expect(batch.nextSeq).toBe(lines);
              cursor = batch.nextSeq;
            };
            for (const each of records) {
              const text = each.map((item) => `${item.replaceAll('\n', ' ')}\n`).join('');
              for (const batch of batcher.push(next(text))) count(batch);
            }
            count(batcher.take());
            expect(Math.max(...taken)).toBeLessThanOrEqual(limits.items);
            expect(cursor).toBe(records.flat().length);
          },
        ),
      );
    },
  );

  test('can be sent in any two parts that say what the whole says', () => {
    const { output: next, event } = recorder();
    const batcher = createLogBatcher('protobuf', context, origin, wide);
    const request = {
      resourceLogs: [
        { resource: {}, scopeLogs: [{ scope: { name: 'claude' }, logRecords: [{ body: { stringValue: 'own' } }] }] },
      ],
    };
    const telemetry = { type: 'claude.telemetry', signal: 'logs', derived: false, items: 1, request } as const;
    for (const record of [next('a\nb\n'), event(telemetry), next('c\n'), event(telemetry)]) [...batcher.push(record)];
    const batch = batcher.take()!;
    expect(batch.count).toBe(5);
    // Lines first: who sees an event has seen what was printed before it.
    const said = contentsOf(batch).map((content) => decodeLogs(protobufOf(content)).map(({ body }) => body));
    expect(said).toEqual([
      ['a', 'b', 'c'],
      ['own', 'own'],
    ]);
    for (const part of batch.parts) {
      const decoded = (from: number, to: number) => decodeLogs(protobufOf(part.content(from, to)));
      const whole = decoded(0, part.count);
      for (let cut = 0; cut <= part.count; cut++)
        expect([...decoded(0, cut), ...decoded(cut, part.count)]).toEqual(whole);
    }
  });

  test('describes each of its records as OTLP/JSON with its number', () => {
    const { output: next } = recorder();
    const batcher = createLogBatcher('protobuf', context, origin, wide);
    const record = next(`${'x'.repeat(maxBodyBytes + 1)}\ny\n`);
    [...batcher.push(record)];
    const batch = batcher.take()!;
    const logs = logRecordsOf(record, context, origin);
    expect(batch.count).toBe(3);
    for (const [index, log] of logs.entries()) {
      const json = JSON.parse(Buffer.from(JsonLogsSerializer.serializeRequest([log]) ?? []).toString());
      expect(batch.parts[0]?.describe(index)).toEqual({ seq: index === 2 ? 1 : 0, record: json });
    }
  });
});
