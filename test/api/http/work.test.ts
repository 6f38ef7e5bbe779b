// What Claude did in a run is read where its attempts are, and not in what other steps print.
import { expect, test } from 'vitest';
import { createRunMemory } from '../../../src/api/http/run-memory.ts';
import type { Subject } from '../../../src/core/record.ts';
import { createJournal, openJournal } from '../../../src/journal/index.ts';
import type { StepState } from '../../../src/runs/index.ts';
import { nextRunId, tempData } from '../../hub/hub-rig.ts';
import { output } from '../../journal/journal-rig.ts';

test('the work of Claude is found without reading the output of other steps', async () => {
  const data = tempData();
  const runId = nextRunId();
  const journal = createJournal(data.runDir(runId), { archive: false, durability: 'none' });
  const fix: Subject = { step: 'fix', attempt: 1 };
  const late: Subject = { step: 'late', attempt: 1 };
  const call = (subject: Subject, toolUseId: string): number => {
    const ids = { toolUseId, parentToolUseId: undefined } as const;
    const seq = journal.event({ type: 'claude.tool_called', tool: 'Bash', input: '{}', ...ids }, subject);
    journal.event({ type: 'claude.tool_returned', isError: false, text: '', bytes: 0, ...ids }, subject);
    return seq;
  };
  const block = `${'x'.repeat(1023)}\n`.repeat(1_024);
  const print = () => {
    for (let at = 0; at < 8; at++) journal.output(output(block));
  };
  print();
  const first = call(fix, 'one');
  print();
  const second = call(late, 'two');
  print();
  await journal.close();

  const step = (id: string, firstSeq: number, toolCalls: number) =>
    ({ id, kind: 'run', toolCalls, attempts: [{ firstSeq, lastSeq: firstSeq + 1 }] }) as unknown as StepState;
  let steps = [step('fix', first, 1), step('late', second, 0)];
  let records = 0;
  const memory = createRunMemory({
    readerOf: (id) => {
      const reader = openJournal(data.runDir(id));
      return {
        ...reader,
        async *read(options) {
          for await (const batch of reader.read(options)) {
            records += batch.length;
            yield batch;
          }
        },
      };
    },
    problemsOf: () => ({ note: () => undefined, sentences: () => [] }),
    evaluationOf: () => Promise.resolve({ run: { steps } } as never),
  });
  const calls = async () => (await memory.workOf(runId)).tools.map((tool) => tool.calls);
  expect(await calls()).toEqual([1]);
  expect(records).toBeLessThan(8);
  // Its first call was not known when the rest was read.
  steps = [step('fix', first, 1), step('late', second, 1)];
  expect(await calls()).toEqual([2]);
  records = 0;
  expect(await calls()).toEqual([2]);
  expect(records).toBe(0);
});
