// The numbers of lines that the page shows: they count lines, whatever events and raw messages lie between, from whatever place of
// the run they are asked for first.
import { expect, test } from 'vitest';
import { createLineNumbers } from '../../../src/api/http/line-numbers.ts';
import { linesOf } from '../../../src/core/record.ts';
import { createJournal, openJournal } from '../../../src/journal/index.ts';
import { nextRunId, tempData } from '../../hub/hub-rig.ts';
import { output, stepStarted } from '../../journal/journal-rig.ts';
import { runFinished, runStarted } from '../../runs/journal-of.ts';
import { liveHub } from './api-rig.ts';

type Answer = {
  readonly nextNumber: number;
  readonly lines: readonly { readonly seq: number; readonly number?: number }[];
};

/** More lines than lie between two marks, in records of 1 to 300 lines with events, pieces and raw messages between. */
async function mixedRun() {
  const data = tempData();
  const runId = nextRunId();
  const journal = createJournal(data.runDir(runId), { archive: false, durability: 'none' });
  journal.event(runStarted(['a'], { runId }));
  for (let at = 0; at < 300; at++) {
    journal.output(output('line\n'.repeat(1 + ((at * 37) % 300))));
    if (at % 2 === 0) journal.event(stepStarted);
    if (at % 3 === 0) journal.output(output('{"raw":1}\n'.repeat(at % 7), { stream: 'debug' }));
    if (at % 5 === 0) {
      journal.output(output('begins'));
      journal.output(output(' and ends\nnext\n', { continues: true }));
    }
  }
  journal.event(runFinished());
  await journal.close();
  const reader = openJournal(data.runDir(runId));
  /** By number in the journal. */
  const expected = new Map<number, number>();
  let lines = 0;
  for await (const records of reader.read({ from: 0 }))
    for (const record of records) {
      if (record.kind !== 'output' || record.stream === 'debug') continue;
      for (const line of linesOf(record)) {
        lines += line.continues ? 0 : 1;
        expected.set(line.seq, lines);
      }
    }
  const { nextSeq } = await reader.head();
  return { data, runId, reader, expected, head: { seq: nextSeq, lines } };
}

test('lines are counted from the beginning, whichever is asked for first', async () => {
  const { data, runId, reader, expected, head } = await mixedRun();
  const seqs = [...expected.keys()];
  const places = [0.9, 0.1, 0.5, 0.55, 0.99, 0, 0.3].map((share) => Math.floor(share * seqs.length));
  const numbers = createLineNumbers(reader, (problem) => {
    throw new Error(`the journal is damaged: ${problem.kind}`);
  });
  for (const place of places) {
    const wanted = [...seqs.slice(place, place + 40), ...seqs.slice(-2)];
    await expect.poll(() => numbers.of(wanted, head)).toEqual(wanted.map((seq) => expected.get(seq)));
  }

  const hub = await liveHub(data);
  /** A slow machine counts in several requests. */
  const ask = async (query: string): Promise<Answer> => {
    const { body } = await hub.get(`/api/v1/runs/${runId}/output?numbers=true&${query}`);
    return body.nextNumber === undefined ? ask(query) : body;
  };
  const end = await ask(`anchor=${head.seq}&before=10&stream=stdout`);
  expect(end.nextNumber).toBe(head.lines + 1);
  const middle = await ask(`anchor=${seqs[9_000]}&before=20&after=20`);
  for (const { lines } of [end, middle])
    for (const { seq, number } of lines) expect([seq, number]).toEqual([seq, expected.get(seq)]);
  expect((await ask('from=0&limit=1&stream=debug')).lines[0]).not.toHaveProperty('number');
});
