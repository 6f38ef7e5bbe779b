// The feed of the output: every line that fits a filter is found, however few there are and however little a request looks at. The server
// is a model: it looks at a bounded part of the journal for each request, as the real one does by time.
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { createFeed } from '../../web/output/feed.ts';
import { usual } from '../../web/output/line.ts';

afterEach(() => vi.unstubAllGlobals());

/** Answers like `GET /runs/ID/output` for a journal of `headSeq` numbers, of which only some are lines that fit the filter. */
function serveModel(headSeq: number, fitting: readonly number[], reach: number) {
  const lineOf = (seq: number) => ({
    ...{ seq, time: new Date(seq).toISOString(), ns: String(seq), step: 'a', attempt: 1 },
    ...{ stream: 'stdout', severity: 'info', text: `line ${seq}` },
  });
  const within = (from: number, to: number) => fitting.filter((seq) => from <= seq && seq < to);
  vi.stubGlobal('fetch', async (path: string) => {
    await new Promise(setImmediate);
    const query = new URL(path, 'http://page/').searchParams;
    const number = (name: string): number => Number(query.get(name) ?? 0);
    const place = query.has('anchor') ? number('anchor') : number('from');
    const before = within(Math.max(0, place - reach), place).slice(-number('before') || place + reach);
    const isBefore = number('before') > 0;
    const isAfter = number('after') > 0 || query.has('limit');
    const prevSeq = isBefore ? Math.max(0, place - reach) : place;
    const nextSeq = isAfter ? Math.min(headSeq, place + reach) : Math.min(headSeq, place);
    const lines = [...(isBefore ? before : []), ...(isAfter ? within(place, nextSeq) : [])].map(lineOf);
    const answer = { lines, prevSeq, nextSeq, firstSeq: 0, headSeq, finished: true, nextNumber: 1, problems: [] };
    return Response.json(answer);
  });
}

test('finds every line that fits, from the end, the start or the middle of a long run', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 0, max: 9_999 }), { maxLength: 20 }),
      fc.option(fc.integer({ min: 0, max: 9_999 }), { nil: undefined }),
      fc.integer({ min: 300, max: 3_000 }),
      async (some, seq, reach) => {
        const fitting = some.toSorted((a, b) => a - b);
        serveModel(10_000, fitting, reach);
        const feed = createFeed('run', { seq: 10_000, lines: 0 }, { seq, place: 'top', filter: usual });
        const isRead = (): boolean => {
          const { window, loading } = feed.state();
          return !loading && window.atStart && window.atEnd;
        };
        await vi.waitUntil(isRead, { timeout: 60_000, interval: 1 });
        expect(feed.state().window.lines.map((line) => line.seq)).toEqual(fitting);
        feed.close();
      },
    ),
    // A feed that makes no progress is waited for in each run.
    { numRuns: 30, endOnFailure: true },
  );
});
