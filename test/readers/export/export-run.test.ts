// Exports of a journal: exact where they promise it, readable by a strict reader of each format, and never ahead of their consumer.
import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLineJoiner } from '../../../src/core/join-lines.ts';
import { type JournalRecord, linesOf } from '../../../src/core/record.ts';
import { isoOfNs } from '../../../src/core/time.ts';
import { type ExportOptions, exportRun, type RecordSource } from '../../../src/readers/export/export-run.ts';
import { stripAnsi } from '../../../src/text/ansi.ts';
import { severityOfLine } from '../../../src/text/severity.ts';
import { anyJournal, attemptStarted, journalOf, runFinished, runStarted, startNs } from '../../runs/journal-of.ts';

const runId = '20261123-151402-abc123';
const text: ExportOptions = { runId, format: 'text', ansi: true, events: false };

function sourceOf(records: readonly JournalRecord[], batchSize = 7): RecordSource & { readonly batches: () => number } {
  let batches = 0;
  return {
    batches: () => batches,
    async *read({ from }) {
      const wanted = records.filter((record) => record.seq >= from);
      for (let at = 0; at < wanted.length; at += batchSize) {
        batches += 1;
        yield wanted.slice(at, at + batchSize);
      }
    },
  };
}

async function collect(records: readonly JournalRecord[], options: ExportOptions): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of exportRun(sourceOf(records), options)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function wholeLines(records: readonly JournalRecord[]): readonly JournalRecord[] {
  const joiner = createLineJoiner();
  return [...records.flatMap(joiner.add), ...joiner.end()];
}

describe('text', () => {
  test('with ANSI is byte for byte what one stream of one process printed, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
          { maxLength: 20 },
        ),
        async (reads) => {
          const made = journalOf().event(runStarted(['a']));
          let continues = false;
          for (const bytes of reads) {
            made.output(bytes, 'a', { continues }).output('noise\n', 'a', { stream: 'stderr' });
            continues = bytes.at(-1) !== 0x0a;
          }
          const exported = await collect(made.records, { ...text, streams: ['stdout'] });
          expect(exported.equals(Buffer.concat(reads))).toBe(true);
        },
      ),
    );
  });

  test('without ANSI keeps every line and takes only the sequences out, also of bytes that are not UTF-8', async () => {
    const made = journalOf()
      .output(Buffer.from([0xff, 0xc2, 0x0a]))
      .output('\u001b[31mred\u001b[0m\n')
      .output('plain\u009b1m!');
    const exported = await collect(made.records, { ...text, ansi: false });
    expect([...exported.subarray(0, 3)]).toEqual([0xff, 0xc2, 0x0a]);
    expect(exported.subarray(3).toString()).toBe('red\nplain!');
  });

  test('ends an unfinished line before another source continues', async () => {
    const made = journalOf().output('50 %', 'a').output('warn\n', 'a', { stream: 'stderr' }).output('60 %', 'a');
    made.output('x', 'a', { attempt: 2 });
    expect((await collect(made.records, text)).toString()).toBe('warn\n50 %\n60 %\nx');
  });

  test('has a line that was recorded in pieces once, where it ends', async () => {
    const made = journalOf().output('a\nSure? ', 'a').output('noise\n', 'b').output('[y/N] ', 'a', { continues: true });
    made.output('yes\nc\n', 'a', { continues: true });
    expect((await collect(made.records, text)).toString()).toBe('a\nnoise\nSure? [y/N] yes\nc\n');
    const search = { kind: 'text', text: 'Sure? [y/N] yes' } as const;
    const found = JSON.parse((await collect(made.records, { ...text, format: 'ndjson', search })).toString());
    expect(found).toMatchObject({ seq: 4, text: 'Sure? [y/N] yes' });
    expect([found.continues, found.unterminated]).toEqual([undefined, undefined]);
  });

  test('up to a place has what was printed of a line by then', async () => {
    const made = journalOf().output('Sure? ', 'a').output('[y/N] ', 'a', { continues: true });
    made.output('yes\n', 'a', { continues: true });
    const to = { kind: 'seq', seq: 2 } as const;
    expect((await collect(made.records, { ...text, to })).toString()).toBe('Sure? [y/N] ');
    expect((await collect(made.records, { ...text, from: to })).toString()).toBe('yes\n');
  });

  test('shows events as lines where they are asked for', async () => {
    const made = journalOf()
      .event(runStarted(['a']))
      .event(attemptStarted, 'a')
      .output('x\n', 'a')
      .event(runFinished());
    const lines = (await collect(made.records, { ...text, events: true })).toString().split('\n');
    expect(lines[1]).toMatch(/^-- 2026-09-21T14:13:21\.000000000Z a started: make$/);
    expect(lines).toHaveLength(5);
  });
});

describe('ndjson', () => {
  test('has one object for each line and event of any journal, with the number and time of each', async () => {
    await fc.assert(
      fc.asyncProperty(anyJournal, async (records) => {
        const exported = await collect(records, { ...text, format: 'ndjson', events: true });
        const objects = exported
          .toString()
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line));
        const expected: readonly object[] = wholeLines(records).flatMap((record): readonly object[] =>
          record.kind === 'event'
            ? [{ seq: record.seq, kind: 'event', type: record.event.type }]
            : [...linesOf(record)].map(({ seq, bytes }) => ({
                seq,
                kind: 'line',
                severity: record.severity ?? severityOfLine(record.stream, bytes),
                text: bytes.toString(),
                ...(isUtf8(bytes) ? {} : { base64: bytes.toString('base64') }),
              })),
        );
        expect(objects).toMatchObject(expected);
      }),
    );
  });

  test('names where a line came from, and keeps bytes that are not UTF-8 as base64', async () => {
    const bytes = Buffer.from([0x61, 0xff]);
    const made = journalOf().output(bytes, 'a', { stream: 'stderr', attempt: 2, continues: true });
    expect(JSON.parse((await collect(made.records, { ...text, format: 'ndjson' })).toString())).toEqual({
      seq: 0,
      time: '2026-09-21T14:13:20.000000000Z',
      kind: 'line',
      run: runId,
      step: 'a',
      attempt: 2,
      stream: 'stderr',
      severity: 'warning',
      text: 'a\ufffd',
      base64: bytes.toString('base64'),
      continues: true,
      unterminated: true,
    });
  });
});

/** RFC 4180 read by the letter: the grammar of its section 2, nothing forgiven. */
function parseCsv(csv: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  while (field.lastIndex < csv.length) {
    const at = field.lastIndex;
    const match = field.exec(csv);
    if (match === null) throw new Error(`no field at ${at}: ${JSON.stringify(csv.slice(at, at + 40))}`);
    row.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === '\r\n') {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}

test.each(['ndjson', 'csv'] as const)('%s counts numbers and times over any digit', async (format) => {
  const lines = Array.from({ length: 250 }, (_, index) => (index % 7 === 0 ? `"${index}"` : `${index}, of ü`));
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  const about = {
    kind: 'output',
    stream: 'stdout',
    severity: undefined,
    continues: false,
    unterminated: false,
  } as const;
  const place = { seq: 8, timeNs: 1_700_000_000_999_999_900n, subject: { step: 'a', attempt: 1 } };
  const record: JournalRecord = { ...about, ...place, lineCount: lines.length, bytes };
  const exported = (await collect([record], { ...text, format })).toString();
  const rows =
    format === 'csv'
      ? parseCsv(exported).slice(1)
      : exported
          .trim()
          .split('\n')
          .map((row) => JSON.parse(row));
  const wanted = lines.map((line, index) => [8 + index, isoOfNs(place.timeNs + BigInt(index)), line]);
  expect(
    rows.map((row) => (format === 'csv' ? [Number(row[0]), row[1], row[8]] : [row.seq, row.time, row.text])),
  ).toEqual(wanted);
});

describe('csv', () => {
  test('returns every line to a strict reader', async () => {
    const line = fc.string({ unit: fc.constantFrom('a', '"', ',', '\r', '=', "'", ' ', '\t', 'é') });
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 10 }), async (lines) => {
        const made = journalOf().output(`${lines.join('\n')}\n`, 'a');
        const csv = (await collect(made.records, { ...text, format: 'csv', csvExact: true })).toString();
        const [head, ...rows] = parseCsv(csv);
        expect(head).toEqual(['seq', 'time', 'run', 'step', 'attempt', 'kind', 'stream', 'severity', 'text']);
        expect(rows.map((row) => row[8])).toEqual(lines);
        expect(rows.map((row) => row[0])).toEqual(lines.map((_, index) => String(index)));
      }),
    );
  });

  test('guards what a spreadsheet would take for a formula, unless exact fields are asked for', async () => {
    const made = journalOf().output('=HYPERLINK("x")\n+1\n-1\n@a\n\tb\nplain\n', 'a');
    const guarded = parseCsv((await collect(made.records, { ...text, format: 'csv' })).toString()).slice(1);
    expect(guarded.map((row) => row[8])).toEqual(['\'=HYPERLINK("x")', "'+1", "'-1", "'@a", "'\tb", 'plain']);
  });
});

describe('otlp-json', () => {
  test('passes all events and the wanted lines to the mapper, and writes one request per line', async () => {
    const made = journalOf()
      .event(runStarted(['a', 'b']))
      .output('one\ntwo\n', 'a')
      .output('three\n', 'b')
      .event(runFinished());
    const toOtlp = {
      map: (records: readonly JournalRecord[]) =>
        records.map(({ seq, kind }) => Buffer.from(JSON.stringify({ seq, kind }))),
      end: () => [Buffer.from('{"end":true}')],
    };
    const options: ExportOptions = { ...text, format: 'otlp-json', steps: ['a'], toOtlp };
    const options2: ExportOptions = { ...options, from: { kind: 'seq', seq: 2 }, to: { kind: 'seq', seq: 3 } };
    const lines = (await collect(made.records, options2))
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toEqual([
      { seq: 0, kind: 'event' },
      { seq: 2, kind: 'output' },
      { seq: 4, kind: 'event' },
      { end: true },
    ]);
  });

  test('cannot be had without a mapper', async () => {
    await expect(collect([], { ...text, format: 'otlp-json' })).rejects.toThrow('needs the function that maps to OTLP');
  });
});

describe('an export', () => {
  test('reads a batch only when the one before it was taken, and stops where nothing more is wanted', async () => {
    const made = journalOf();
    for (let index = 0; index < 100; index++) made.output(`line ${index}\n`, 'a');
    const source = sourceOf(made.records, 10);
    const iterator = exportRun(source, text);
    await iterator.next();
    expect(source.batches()).toBe(1);
    await iterator.return(undefined);
    const bounded = sourceOf(made.records, 10);
    let got = '';
    const to = { kind: 'time', ns: startNs + 15_000_000_000n } as const;
    for await (const chunk of exportRun(bounded, { ...text, from: { kind: 'seq', seq: 5 }, to })) got += chunk;
    expect(got).toBe(Array.from({ length: 10 }, (_, index) => `line ${index + 5}\n`).join(''));
    expect(bounded.batches()).toBe(2);
  });

  test('of any journal holds the same lines in every format', async () => {
    await fc.assert(
      fc.asyncProperty(anyJournal, async (records) => {
        const options = { ...text, ansi: false, csvExact: true };
        const ndjson = (await collect(records, { ...options, format: 'ndjson' }))
          .toString()
          .split('\n')
          .filter(Boolean);
        const csv = parseCsv((await collect(records, { ...options, format: 'csv' })).toString()).slice(1);
        const lines = wholeLines(records).flatMap((record) => (record.kind === 'output' ? [...linesOf(record)] : []));
        const expected = lines.map((line) => stripAnsi(line.bytes.toString()));
        expect(ndjson.map((line) => JSON.parse(line).text)).toEqual(expected);
        expect(csv.map((row) => row[8])).toEqual(expected);
      }),
    );
  });
});
