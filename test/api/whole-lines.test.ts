// Filters by severity and text compare lines as they were when they ended, however many pieces of them were recorded.
import { describe, expect, test } from 'vitest';
import type { Filters } from '../../src/api/schema/messages.ts';
import type { JournalWriter } from '../../src/journal/index.ts';
import { beginRun, endRun, tempData, type WrittenRun } from '../hub/hub-rig.ts';
import { output } from '../journal/journal-rig.ts';
import { liveHub } from './http/api-rig.ts';
import { entriesOf, serveTail, type Watcher, watch } from './tail/tail-rig.ts';

type Line = readonly [seq: number, text: string];

/** After `beginRun`, whose lines have the numbers 3 to 5. */
function printPieces({ journal }: WrittenRun): void {
  piece(journal, 'ERR', 'start'); // 6
  journal.output(output('between\n', { stream: 'stderr' })); // 7
  piece(journal, 'OR: disk', 'middle'); // 8
  journal.output(output('info 1\ninfo 2\n', { stream: 'stderr' })); // 9, 10
  piece(journal, ' full\nnext line\n', 'end'); // 11, 12
  piece(journal, 'ERROR: no line end', 'start'); // 13, ended by the end of its attempt
}

function piece(journal: JournalWriter, text: string, place: 'start' | 'middle' | 'end'): void {
  journal.output(output(text, { continues: place !== 'start' }));
}

/** A joined line has the number of its last piece. */
const errors: readonly Line[] = [
  [11, 'ERROR: disk full'],
  [13, 'ERROR: no line end'],
];

function linesOf({ messages }: Watcher): readonly Line[] {
  return entriesOf(messages.filter(({ type }) => type === 'output_stream'));
}

describe('a watcher with a filter', () => {
  const filters: readonly Filters[] = [
    { severities: ['error'] },
    { search: 'ERROR: ' },
    { search: '/^ERROR: (disk full|no line end)$/' },
  ];

  test.each(filters)('%j gets whole lines from the journal and live', async (filter) => {
    const data = tempData();
    const run = beginRun(data);
    const { url } = await serveTail(data.root);
    const live = await watch(url, run.journal.folder, { filters: filter });
    await live.heard('caught_up');
    printPieces(run);
    await endRun(run);
    await live.heard('caught_up', ({ data: { ended } }) => ended);
    const late = await watch(url, run.journal.folder, { filters: filter });
    await late.heard('caught_up', ({ data: { ended } }) => ended);
    expect([linesOf(live), linesOf(late)]).toEqual([errors, errors]);
  });

  test('that continues in the middle of a line gets it once, whole, at its end', async () => {
    const data = tempData();
    const run = beginRun(data);
    printPieces(run);
    const { journal } = run;
    const { url } = await serveTail(data.root);
    const filter: Filters = { severities: ['error'] };
    const early = await watch(url, journal.folder, { filters: filter, fromSeq: 9 });
    await early.heard('caught_up');
    expect(linesOf(early)).toEqual(errors.slice(0, 1));
    await endRun(run);
    for (let fromSeq = 0; fromSeq < journal.nextSeq; fromSeq++) {
      const one = await watch(url, journal.folder, { filters: filter, fromSeq });
      await one.heard('caught_up', ({ data: { ended } }) => ended);
      const ended = [11, 14];
      expect(linesOf(one), `from ${fromSeq}`).toEqual(errors.filter((_, at) => (ended[at] ?? 0) >= fromSeq));
      one.socket.terminate();
    }
  });

  test('gets messages whose numbers only rise, also if the end of an attempt ends an older line', async () => {
    const data = tempData();
    const run = beginRun(data);
    piece(run.journal, 'ERROR: no line end', 'start');
    run.journal.output(output('ERROR: other\n', { stream: 'stderr' }));
    await endRun(run);
    const { url } = await serveTail(data.root);
    const one = await watch(url, run.journal.folder, { filters: { severities: ['error'] } });
    await one.heard('caught_up', ({ data: { ended } }) => ended);
    expect(linesOf(one)).toEqual([
      [7, 'ERROR: other'],
      [6, 'ERROR: no line end'],
    ]);
    const numbers = one.messages.flatMap(({ executionId, seq }) => (executionId === null || seq === null ? [] : [seq]));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  });

  test('of streams and steps alone gets the pieces as they are printed', async () => {
    const data = tempData();
    const run = beginRun(data);
    const { url } = await serveTail(data.root);
    const one = await watch(url, run.journal.folder, { filters: { streams: ['stdout'] }, fromSeq: 6 });
    await one.heard('caught_up');
    piece(run.journal, 'Sure? [y/N] ', 'start');
    const { data: heard } = await one.heard('output_stream');
    expect(heard.lines).toMatchObject([{ text: 'Sure? [y/N] ', unterminated: true }]);
    await endRun(run);
  });
});

describe('GET /runs/ID/output', () => {
  async function pieces() {
    const data = tempData();
    const run = beginRun(data);
    printPieces(run);
    const hub = await liveHub(data);
    const ask = async (query: string) => {
      const { body } = await hub.get(`/api/v1/runs/${run.runId}/output?${query}`);
      const lines: readonly { readonly seq: number; readonly text: string }[] = body.lines;
      return { ...body, lines: lines.map(({ seq, text }): Line => [seq, text]) };
    };
    return { run, ask };
  }

  test.each(['severity=error', `search=${encodeURIComponent('/^ERROR: (disk full|no line end)$/')}`])(
    '%s compares whole lines, and returns one when it has ended',
    async (filter) => {
      const { run, ask } = await pieces();
      expect((await ask(filter)).lines).toEqual(errors.slice(0, 1));
      await endRun(run);
      expect((await ask(filter)).lines).toEqual(errors);
      const { lines, prevSeq, nextSeq } = await ask(`${filter}&anchor=12&before=10&after=10`);
      expect(lines).toEqual(errors);
      expect([prevSeq, nextSeq]).toEqual([0, run.journal.nextSeq]);
    },
  );

  test('continues from each place without gap or repeat', async () => {
    const { run, ask } = await pieces();
    await endRun(run);
    const forwards: Line[] = [];
    for (let from = 0; from < run.journal.nextSeq; ) {
      const { lines, nextSeq } = await ask(`severity=error&from=${from}&limit=1`);
      forwards.push(...lines);
      expect(nextSeq).toBeGreaterThan(from);
      from = nextSeq;
    }
    expect(forwards).toEqual(errors);
    const backwards: Line[] = [];
    for (let anchor = run.journal.nextSeq; anchor > 0; ) {
      const { lines, prevSeq } = await ask(`severity=error&anchor=${anchor}&before=1`);
      backwards.unshift(...lines);
      expect(prevSeq).toBeLessThan(anchor);
      anchor = prevSeq;
    }
    expect(backwards).toEqual(errors);
  });
});
