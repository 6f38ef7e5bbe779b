// Reading a run back from Loki: pages without loss or repetition, lines put together, and the messages when it does not work.
// The real Loki is asked in test/stack; here its answers can be made as odd as they get.
import type { IncomingMessage, ServerResponse } from 'node:http';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { linesOf } from '../../../src/core/record.ts';
import type { LokiClient, LokiEntry, PageAnswer } from '../../../src/readers/export/loki/loki-client.ts';
import { createLokiClient } from '../../../src/readers/export/loki/loki-client.ts';
import { readPages } from '../../../src/readers/export/loki/loki-pages.ts';
import { createLokiSource, type LokiRun, queryOf } from '../../../src/readers/export/loki/loki-source.ts';
import { serveHttp } from '../../support/http-server.ts';

const dayNs = 86_400_000_000_000n;

/** A Loki in memory, with the semantics of its query_range: start in, end out, oldest first. */
function memoryLoki(entries: readonly LokiEntry[], refuse: (limit: number, ns: bigint) => PageAnswer | undefined) {
  const pages: number[] = [];
  const client: LokiClient = {
    async page({ startNs, endNs, limit }) {
      const refused = refuse(limit, endNs - startNs);
      if (refused !== undefined) return refused;
      const found = entries.filter(({ timeNs }) => timeNs >= startNs && timeNs < endNs).slice(0, limit);
      pages.push(found.length);
      return { kind: 'page', entries: found };
    },
  };
  return { client, pages };
}

async function all(client: LokiClient, endNs: bigint, limit?: number): Promise<LokiEntry[]> {
  const entries: LokiEntry[] = [];
  const pages = readPages(client, {
    query: '{}',
    span: { startNs: 0n, endNs },
    ...(limit === undefined ? {} : { maxLimit: limit }),
  });
  for await (const page of pages) entries.push(...page);
  return entries;
}

const entry = (timeNs: bigint, line: string, attributes: Readonly<Record<string, string>> = {}): LokiEntry => ({
  timeNs,
  line,
  attributes,
});

describe('pages', () => {
  test('give every entry once and in order, also where many have the time at which a page ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        // How far behind the one before: mostly not at all, sometimes days.
        fc.array(fc.constantFrom(0n, 0n, 0n, 1n, 5n, dayNs, 3n * dayNs), { maxLength: 40 }),
        fc.integer({ min: 2, max: 20 }),
        async (gaps, limit) => {
          let timeNs = 0n;
          const entries = gaps.map((gap, index) => {
            timeNs += gap;
            return entry(timeNs, `line ${index % 3}`, { stepspan_seq: String(index) });
          });
          const counts = new Map<bigint, number>();
          for (const each of entries) counts.set(each.timeNs, (counts.get(each.timeNs) ?? 0) + 1);
          const { client } = memoryLoki(entries, () => undefined);
          const read = all(client, timeNs + 1n, limit);
          if (Math.max(0, ...counts.values()) >= limit) await read.catch(() => undefined);
          else expect(await read).toEqual(entries);
        },
      ),
    );
  });

  test('report that more lines have one time than Loki returns at once', async () => {
    const { client } = memoryLoki(
      Array.from({ length: 30 }, (_, index) => entry(7n, String(index))),
      () => undefined,
    );
    await expect(all(client, 100n, 10)).rejects.toThrow('max_entries_limit_per_query');
  });

  test('become smaller where Loki wants them so, in lines or in time', async () => {
    const entries = Array.from({ length: 500 }, (_, index) => entry(BigInt(index) * (dayNs / 100n), String(index)));
    const { client, pages } = memoryLoki(entries, (limit, ns) => {
      if (limit > 100) return { kind: 'too_many', why: 'max entries limit' };
      return ns > dayNs / 3n ? { kind: 'too_long', why: 'the query time range exceeds the limit' } : undefined;
    });
    expect(await all(client, 6n * dayNs)).toEqual(entries);
    expect(Math.max(...pages)).toBeLessThanOrEqual(100);
    const never = memoryLoki(entries, () => ({ kind: 'too_many', why: 'no answer within 30s' }));
    await expect(all(never.client, dayNs)).rejects.toThrow('no answer within 30s, although only 50 lines');
  });
});

const run: LokiRun = {
  runId: '20260101-120000-aaaaaa',
  selector: '{service_name="stepspan"}',
  span: { startNs: 0n, endNs: 1000n },
  steps: undefined,
  streams: undefined,
  severities: undefined,
};

describe('lines', () => {
  test('of many parts are one again, in whatever order they come; one that lost a part is what is left', async () => {
    const part = (timeNs: bigint, seq: number, [number, of]: readonly [number, number], line: string): LokiEntry =>
      entry(timeNs, line, {
        stepspan_seq: String(seq),
        stepspan_line_part: String(number),
        stepspan_line_parts: String(of),
        log_iostream: 'stderr',
        severity_text: 'ERROR',
        stepspan_step_id: 'build',
        stepspan_attempt: '2',
      });
    const entries = [
      part(1n, 4, [3, 3], 'c'),
      part(1n, 4, [1, 3], 'a'),
      part(1n, 4, [2, 3], 'b'),
      part(2n, 5, [1, 2], 'only'),
      entry(3n, 'end', { stepspan_seq: '6', log_iostream: 'stdout', stepspan_line_unterminated: 'true' }),
    ];
    const source = createLokiSource(memoryLoki(entries, () => undefined).client, run);
    const records = [];
    for await (const batch of source.read({ from: 0 })) records.push(...batch);
    const seen = records.flatMap((record) =>
      record.kind === 'output'
        ? [...linesOf(record)].map(({ seq, bytes, unterminated }) => [seq, bytes.toString(), unterminated])
        : [],
    );
    expect(seen).toEqual([
      [4, 'abc', false],
      [5, 'only', false],
      [6, 'end', true],
    ]);
    expect(records[0]).toMatchObject({
      stream: 'stderr',
      severity: 'error',
      subject: { step: 'build', attempt: 2 },
      timeNs: 1n,
    });
    expect(records[2]).toMatchObject({ stream: 'stdout', severity: undefined, subject: undefined });
  });

  test('are asked for by step, stream and severity, whatever is in a name', () => {
    const query = queryOf(
      { ...run, steps: ['a"b', 'c\\d'], streams: ['stdout', 'system'], severities: ['warning'] },
      12,
    );
    expect(query).toBe(
      '{service_name="stepspan"} | cicd_pipeline_run_id="20260101-120000-aaaaaa" | stepspan_seq>=12 | (stepspan_step_id="a\\"b" or stepspan_step_id="c\\\\d") | (log_iostream="stdout" or log_iostream="system") | (severity_text="WARN")',
    );
  });
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function server(answer: Answer): Promise<string> {
  const { host, close } = await serveHttp(answer);
  onTestFinished(close);
  return host;
}

const page = { query: '{}', startNs: 1n, endNs: 2n, limit: 10 };
const empty = JSON.stringify({ status: 'success', data: { resultType: 'streams', result: [] } });

function clientOf(host: string, more: { tenant?: string; headers?: Record<string, string>; path?: string } = {}) {
  const { tenant, headers = {}, path = '' } = more;
  return createLokiClient({ url: `http://${host}${path}`, tenant, headers }, { firstWaitMs: 1, answerWithinMs: 5_000 });
}

describe('Loki', () => {
  test('gets tenant, headers and the user of its address, and is asked below a path', async () => {
    const seen: IncomingMessage[] = [];
    const host = await server((request, response) => {
      seen.push(request);
      response.end(empty);
    });
    const client = clientOf(`me:p%40ss@${host}`, { tenant: 'team', headers: { 'x-more': '1' }, path: '/logs' });
    expect(await client.page(page)).toEqual({ kind: 'page', entries: [] });
    expect(seen[0]?.url).toMatch(/^\/logs\/loki\/api\/v1\/query_range\?.*direction=forward/);
    expect(seen[0]?.headers).toMatchObject({
      'x-scope-orgid': 'team',
      'x-more': '1',
      authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
    });
  });

  test('that is busy is asked again, and not for ever', async () => {
    let asked = 0;
    const host = await server((_request, response) => {
      asked += 1;
      response.writeHead(asked < 3 ? 429 : 200).end(asked < 3 ? 'slow down' : empty);
    });
    expect(await clientOf(host).page(page)).toMatchObject({ kind: 'page' });
    expect(asked).toBe(3);
    const always = await server((_request, response) => void response.writeHead(503).end('starting'));
    await expect(clientOf(always).page(page)).rejects.toThrow(/is busy: 6 times it answered 503 starting/);
  });

  test.each([
    [401, 'no org id', 'lokiTenant'],
    [403, '', 'lokiHeaders'],
    [404, 'page not found', 'Is lokiUrl the address'],
    [400, 'parse error at line 1', 'lokiSelector'],
    [200, '<html>', 'not JSON'],
    [200, '{"data":{"resultType":"matrix","result":[]}}', 'numbers and not with lines'],
  ])('that answers %i %j is reported with what to do', async (status, body, advice) => {
    const host = await server((_request, response) => void response.writeHead(status).end(body));
    await expect(clientOf(`me:secret@${host}`).page(page)).rejects.toThrow(advice);
    await expect(clientOf(`me:secret@${host}`).page(page)).rejects.not.toThrow('secret');
  });

  test('that returns less than is asked for, or never answers, is asked for less', async () => {
    const host = await server(
      (_request, response) => void response.writeHead(400).end('max entries limit per query exceeded'),
    );
    expect(await clientOf(host).page(page)).toMatchObject({ kind: 'too_many' });
    const long = await server(
      (_request, response) => void response.writeHead(400).end('the query time range exceeds the limit'),
    );
    expect(await clientOf(long).page(page)).toMatchObject({ kind: 'too_long' });
    const silent = await server(() => undefined);
    const client = createLokiClient(
      { url: `http://${silent}`, tenant: undefined, headers: {} },
      { answerWithinMs: 50 },
    );
    expect(await client.page(page)).toEqual({ kind: 'too_many', why: 'no answer within 50ms' });
  });

  test('that is not there is named', async () => {
    const { host, close } = await serveHttp(() => undefined);
    await close();
    await expect(clientOf(host).page(page)).rejects.toThrow('cannot be reached (ECONNREFUSED)');
  });
});
