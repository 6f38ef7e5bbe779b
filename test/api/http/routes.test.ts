// What the API says about runs, over real journals: paging, filters, ranges, search, and that a range of a large
// journal does not read all of it.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { linesBefore, linesFrom } from '../../../src/api/http/output-range.ts';
import type { JournalRecord } from '../../../src/core/record.ts';
import { createJournal, openJournal } from '../../../src/journal/index.ts';
import { beginRun, endRun, nextRunId, tempData } from '../../hub/hub-rig.ts';
import { output } from '../../journal/journal-rig.ts';
import { runFinished, runStarted } from '../../runs/journal-of.ts';
import { failOnProblem } from '../../support/journal.ts';
import { liveHub } from './api-rig.ts';

const numbers = (from: number, count: number, step = 1) =>
  Array.from({ length: count }, (_each, at) => from + at * step);

describe('the list of runs', () => {
  test('is newest first, in pages, and filtered', async () => {
    const data = tempData();
    const ids: string[] = [];
    for (const workflow of ['nightly', 'review', 'nightly', 'nightly']) {
      const labels = { team: 'a, b', at: String(ids.length) };
      const run = beginRun(data, nextRunId(), { workflow, labels });
      ids.unshift(run.runId);
      if (ids.length < 4) await endRun(run);
    }
    const hub = await liveHub(data);
    const list = async (query: string) => (await hub.get(`/api/v1/runs${query}`)).body;
    const all = await list('');
    expect(all.runs.map(({ runId }: { runId: string }) => runId)).toEqual(ids);
    expect(all.next).toBeUndefined();
    expect(all.runs[0]).toMatchObject({
      workflow: 'nightly',
      state: 'running',
      progress: 0,
      endedAt: null,
      totalSteps: 1,
    });
    expect(all.runs[1]).toMatchObject({ state: 'success', progress: 100, completedSteps: 1 });
    const first = await list('?limit=3');
    expect(first.next).toBe(ids[2]);
    expect((await list(`?limit=3&before=${first.next}`)).runs).toHaveLength(1);
    expect((await list('?workflow=nightly')).runs).toHaveLength(3);
    expect((await list('?state=success,failure')).runs).toHaveLength(3);
    expect((await list('?state=running&workflow=nightly')).runs).toHaveLength(1);
    expect((await list('?search=REVI')).runs.map(({ runId }: { runId: string }) => runId)).toEqual([ids[2]]);
    expect(all.runs[3].labels).toEqual({ team: 'a, b', at: '0' });
    const labelled = (...labels: string[]) =>
      list(`?${labels.map((label) => `label=${encodeURIComponent(label)}`).join('&')}`);
    expect((await labelled('team=a, b')).runs).toHaveLength(4);
    expect((await labelled('team=a, b', 'at=1')).runs.map(({ runId }: { runId: string }) => runId)).toEqual([ids[2]]);
    expect((await labelled('team=', 'at=1')).runs).toEqual([]);
    expect((await list('?search=at=1')).runs).toHaveLength(1);
    const wrong = await hub.get('/api/v1/runs?status=running');
    expect([wrong.status, wrong.body.error.fix]).toEqual([
      400,
      'Known are: workflow, state, label, search, limit, before.',
    ]);
    for (const query of [
      '?limit=0',
      '?limit=x',
      '?limit=1&limit=2',
      '?state=done',
      '?label=team',
      `?search=${'a'.repeat(2_000)}`,
    ]) {
      expect((await hub.get(`/api/v1/runs${query}`)).status, query.slice(0, 20)).toBe(400);
    }
  });
});

describe('one run', () => {
  test('is described as it is at each request, while it is active', async () => {
    const data = tempData();
    const run = beginRun(data);
    const hub = await liveHub(data);
    const path = `/api/v1/runs/${run.runId}`;
    const before = (await hub.get(path)).body;
    expect(before).toMatchObject({ state: 'running', currentStep: 'build', lines: { stdout: 3 }, nextSeq: 6 });
    expect(before.links).toEqual([{ label: 'trace', url: `https://grafana.example/${run.runId}` }]);
    run.journal.output(output('four\n', { subject: { step: 'build', attempt: 1 } }));
    run.journal.event(
      { type: 'resource.sampled', cpuSeconds: 1, cpuCores: 0.5, rssBytes: 1024, processes: 2 },
      { step: 'build', attempt: 1 },
    );
    expect((await hub.get(path)).body).toMatchObject({
      lines: { stdout: 4 },
      steps: [{ lastLine: 'four', resources: { processes: 2 } }],
    });
    expect((await hub.get(`${path}/resources`)).body.samples).toMatchObject([
      { step: 'build', cpuCores: 0.5, rssBytes: 1024 },
    ]);
    expect((await hub.get(`${path}/resources?step=other`)).body.samples).toEqual([]);
    await endRun(run);
    expect((await hub.get(path)).body).toMatchObject({ state: 'success', progress: 100 });
    expect((await hub.get(`${path}/steps`)).body.steps).toMatchObject([{ id: 'build', state: 'finished' }]);
    expect((await hub.get(`${path}/result?step=build`)).body).toMatchObject({ step: 'build', outcome: 'success' });
    const { spans } = (await hub.get(`${path}/timeline`)).body;
    expect(spans.map(({ id, parentId }: { id: string; parentId: string }) => [id, parentId])).toEqual([
      ['run', null],
      ['step:build', 'run'],
      ['attempt:build#1', 'step:build'],
    ]);
    expect(spans.every(({ endNs }: { endNs: unknown }) => endNs !== null)).toBe(true);
    const text = await hub.get(`${path}/export?format=text`);
    expect(text.text).toContain('four');
    expect((await hub.get(`${path}/export?format=exe`)).status).toBe(400);
  });
});

describe('ranges of output', () => {
  async function counted(lines: number) {
    const data = tempData();
    const runId = nextRunId();
    const journal = createJournal(data.runDir(runId), { archive: false });
    journal.event(runStarted(['a', 'b'], { runId }));
    for (let at = 0; at < lines; at += 10) {
      const text = numbers(at, 10)
        .map((number) => `${number % 100 === 0 ? 'ERROR: ' : ''}line ${number}\n`)
        .join('');
      const step = (at / 10) % 2 === 0 ? 'a' : 'b';
      journal.output(output(text, { subject: { step, attempt: 1 }, stream: step === 'a' ? 'stdout' : 'stderr' }));
    }
    journal.event(runFinished());
    await journal.close();
    const hub = await liveHub(data);
    return { hub, path: `/api/v1/runs/${runId}` };
  }
  const seqs = (body: { lines: readonly { seq: number }[] }) => body.lines.map(({ seq }) => seq);

  test('are returned by number and around one, whole and filtered, with where to continue', async () => {
    const { hub, path } = await counted(1_000);
    const get = async (query: string) => (await hub.get(`${path}/output?${query}`)).body;
    const first = await get('limit=5');
    expect(seqs(first)).toEqual([1, 2, 3, 4, 5]);
    expect(first).toMatchObject({ nextSeq: 6, firstSeq: 0, headSeq: 1_002, finished: true });
    expect(first.lines[0]).toMatchObject({
      step: 'a',
      attempt: 1,
      stream: 'stdout',
      severity: 'error',
      text: 'ERROR: line 0',
    });
    expect(BigInt(first.lines[1].ns) - BigInt(first.lines[0].ns)).toBe(1n);
    expect(seqs(await get('from=6&limit=3'))).toEqual([6, 7, 8]);
    expect(seqs(await get('from=995&limit=50'))).toEqual(numbers(995, 6));
    expect(await get('from=995&limit=50')).toMatchObject({ nextSeq: 1_002 });
    expect(await get('from=5000')).toMatchObject({ lines: [], nextSeq: 1_002 });

    const around = await get('anchor=501&before=3&after=2');
    expect(seqs(around)).toEqual([498, 499, 500, 501, 502]);
    expect([around.prevSeq, around.nextSeq]).toEqual([498, 503]);
    expect(seqs(await get('anchor=2&before=50'))).toEqual([1]);

    expect(seqs(await get('severity=error'))).toEqual(numbers(1, 10, 100));
    expect(seqs(await get('severity=error&anchor=501&before=0&after=2'))).toEqual([501, 601]);
    // On a busy machine an answer reaches its bound of time before it has found both.
    const errors: number[] = [];
    for (let anchor = 501; errors.length < 2; ) {
      const page = await get(`severity=error&anchor=${anchor}&before=${2 - errors.length}&after=0`);
      errors.unshift(...seqs(page));
      anchor = page.prevSeq;
    }
    expect(errors).toEqual([301, 401]);
    expect(seqs(await get('step=b&limit=12'))).toEqual([...numbers(11, 10), 31, 32]);
    expect(seqs(await get('stream=stderr&search=/7$/&limit=3'))).toEqual([18, 38, 58]);
    expect((await hub.get(`${path}/output?search=/(/`)).status).toBe(400);

    // Page by page, in both directions, everything comes once.
    const forwards: number[] = [];
    for (let from = 0; from < 1_002; ) {
      const page = await get(`from=${from}&limit=77&step=a`);
      forwards.push(...seqs(page));
      from = page.nextSeq;
    }
    const backwards: number[] = [];
    for (let anchor = 1_002; anchor > 0; ) {
      const page = await get(`anchor=${anchor}&before=77&step=a`);
      backwards.unshift(...seqs(page));
      anchor = page.prevSeq;
    }
    expect(forwards).toEqual(backwards);
    expect(forwards).toHaveLength(500);
  });

  test('a search returns hits and its end, and continues from there', async () => {
    const { hub, path } = await counted(50_000);
    const search = async (query: string) =>
      (await hub.get(`${path}/search?${query}`)).text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { hit?: { seq: number }; done?: unknown; error?: unknown });
    const found = await search('q=ERROR&limit=3');
    expect(found.map(({ hit }) => hit?.seq)).toEqual([1, 101, 201, undefined]);
    const { done } = found.at(-1) as { done: { hits: number; nextSeq: number } };
    expect(done).toMatchObject({ hits: 3, nextSeq: 301 });
    expect((await search(`q=ERROR&limit=1&from=${done.nextSeq}`))[0]).toMatchObject({ hit: { seq: 301 } });
    expect((await search('q=nothing')).at(-1)).toMatchObject({ done: { hits: 0, nextSeq: 50_002 } });
    expect(
      (await search('q=%5Eline%204999%5B0-9%5D%24&regex=true')).filter(({ hit }) => hit !== undefined),
    ).toHaveLength(10);
    expect((await hub.get(`${path}/search`)).status).toBe(400);
    expect((await hub.get(`${path}/search?q=(&regex=1`)).status).toBe(400);
  });

  test('stop an expression that backtracks without end', async () => {
    const data = tempData();
    const run = beginRun(data);
    run.journal.output(output(`${'a'.repeat(60)}\n`));
    await endRun(run);
    const hub = await liveHub(data);
    const path = `/api/v1/runs/${run.runId}`;
    const found = await hub.get(`${path}/search?q=${encodeURIComponent('^(a+)+!$')}&regex=true`);
    expect(JSON.parse(found.text.trim().split('\n').at(-1) ?? '')).toMatchObject({ error: { code: 'slow_search' } });
    const range = await hub.get(`${path}/output?search=${encodeURIComponent('/^(a+)+!$/')}`);
    expect([range.status, range.body.error.code]).toEqual([400, 'slow_search']);
  });

  test('of a large journal come without reading it', async () => {
    const data = tempData();
    const runId = nextRunId();
    const journal = createJournal(data.runDir(runId), { archive: false, durability: 'none' });
    journal.event(runStarted(['a'], { runId }));
    const block = `${'x'.repeat(1023)}\n`.repeat(256);
    for (let at = 0; at < 300; at++) journal.output(output(block));
    journal.event(runFinished());
    await journal.close();
    const reader = openJournal(data.runDir(runId));
    const { firstSeq, nextSeq } = await reader.head();
    const selector = { select: (records: readonly JournalRecord[]) => records, isWhole: false };
    const within = {
      selector,
      signal: new AbortController().signal,
      limit: 50,
      firstSeq,
      headSeq: nextSeq,
      onProblem: failOnProblem,
    };
    // Without a hub beside it, which reads all of a journal once to count it.
    const readBefore = bytesRead();
    expect((await linesFrom(reader, nextSeq - 11, within)).lines).toHaveLength(10);
    expect((await linesFrom(reader, Math.floor(nextSeq / 2), within)).lines).toHaveLength(50);
    expect((await linesBefore(reader, Math.floor(nextSeq / 3), within)).lines).toHaveLength(50);
    // 75 MB are there; a seek scans at most one block of the index, and a block is read at a time.
    expect(bytesRead() - readBefore).toBeLessThan(12 * 1024 * 1024);
    const hub = await liveHub(data);
    const path = `/api/v1/runs/${runId}/output`;
    // A filter that fits nothing answers within its bound all the same, and says how far it has come.
    const rare = (await hub.get(`${path}?search=nothing&from=0`)).body;
    expect(rare.lines).toEqual([]);
    expect(rare.nextSeq).toBeGreaterThan(0);
    let from = rare.nextSeq as number;
    while (from < nextSeq) from = (await hub.get(`${path}?search=nothing&from=${from}`)).body.nextSeq;
    expect(from).toBe(nextSeq);
  });
});

/** Bytes that this process has read from files so far. */
function bytesRead(): number {
  return Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}
