// A search over the output of all runs: the newest first, of each the first lines, only in what people print.
import { expect, test } from 'vitest';
import type { SearchRunsAnswer } from '../../../src/api/schema/answers.ts';
import { createJournal, type DataFolder } from '../../../src/journal/index.ts';
import { nextRunId, tempData } from '../../hub/hub-rig.ts';
import { output } from '../../journal/journal-rig.ts';
import { runFinished, runStarted } from '../../runs/journal-of.ts';
import { type LiveHub, liveHub } from './api-rig.ts';

async function writeRun(data: DataFolder, workflow: string, text: string, isEnded = true): Promise<string> {
  const runId = nextRunId();
  const journal = createJournal(data.runDir(runId), { archive: false });
  journal.event(runStarted(['a'], { runId, workflow }));
  journal.output(output(text, { subject: { step: 'a', attempt: 1 } }));
  journal.output(output('{"type":"user","text":"needle"}\n', { stream: 'debug' }));
  if (isEnded) journal.event(runFinished());
  await journal.close();
  return runId;
}

async function search(hub: LiveHub, query: string) {
  const { text } = await hub.get(`/api/v1/search?${query}`);
  const lines = text
    .trim()
    .split('\n')
    .map((line): SearchRunsAnswer => JSON.parse(line));
  const found = lines.flatMap((line) => ('found' in line ? [line.found] : []));
  return { found, last: lines.at(-1) };
}

test('finds lines in all runs, newest run first, and names the run and the number of each', async () => {
  const data = tempData();
  const first = await writeRun(data, 'nightly', `${'a needle here\n'.repeat(5)}end\n`);
  await writeRun(data, 'nightly', 'nothing to see\n');
  const third = await writeRun(data, 'review', `a needle${'x'.repeat(2_000)}\n`, false);
  const hub = await liveHub(data);
  const { found, last } = await search(hub, 'q=needle');
  expect(found.map(({ run, hits, hasMore }) => [run.runId, run.workflow, hits.length, hasMore])).toEqual([
    [third, 'review', 1, false],
    [first, 'nightly', 3, true],
  ]);
  expect(found[1]?.hits[0]).toMatchObject({ step: 'a', stream: 'stdout', text: 'a needle here', seq: 1 });
  expect(found[0]?.hits[0]?.text).toHaveLength(501);
  expect(last).toEqual({ done: { runs: 2, searched: 3, isComplete: true, unreadable: [] } });
  expect((await search(hub, 'q=needle&workflow=nightly&lines=10')).found[0]?.hits).toHaveLength(5);
  expect((await search(hub, 'q=needle&state=success')).found.map(({ run }) => run.runId)).toEqual([first]);
  expect((await search(hub, 'q=needle&limit=1')).last).toEqual({
    done: { runs: 1, searched: 3, isComplete: false, unreadable: [] },
  });
  // A word is compared in its case, an expression as it says.
  expect((await search(hub, 'q=NEEDLE')).found).toEqual([]);
  expect((await search(hub, `q=${encodeURIComponent('/NEEDLE h.re/i')}`)).found).toHaveLength(1);
  expect((await hub.get(`/api/v1/search?q=${encodeURIComponent('/(/')}`)).status).toBe(400);
  expect((await hub.get('/api/v1/search')).status).toBe(400);
});
