// What Claude did, summed up: files by their changes, tools by their calls, and nothing of what was denied or failed.
import { expect, test } from 'vitest';
import { createWorkFold, type Entry } from '../../src/conversation/index.ts';

type Event = NonNullable<Entry['event']>;

const main = { parentToolUseId: undefined };
const called = (toolUseId: string, tool: string, input: object): Event => ({
  type: 'claude.tool_called',
  ...{ toolUseId, tool, input: JSON.stringify(input), ...main },
});
const returned = (toolUseId: string, isError = false): Event => ({
  type: 'claude.tool_returned',
  ...{ toolUseId, isError, text: 'done', bytes: 4, ...main },
});
const denied = (toolUseId: string, tool: string): Event => ({
  type: 'claude.permission_denied',
  ...{ tool, toolUseId, input: '{}' },
});
const patch = { file: '/w/a.ts', hunks: [{ oldStart: 7, newStart: 7, lines: ['-x', '+y'] }], added: 1, removed: 1 };
const result = (toolUseId: string): Entry['message'] => ({
  ...{ type: 'user', toolUseIds: [toolUseId], blocks: [], patch: { ...patch, isNew: false, isCut: false } },
});

function workOf(parts: readonly (Event | Entry['message'])[], attempt = 1, maxHeld?: number) {
  const fold = createWorkFold(maxHeld);
  parts.forEach((part, seq) => {
    const place = { seq, timeNs: BigInt(seq), step: 'fix', attempt };
    if (part === undefined) return;
    fold.add('toolUseIds' in part ? { ...place, message: part } : { ...place, event: part });
  });
  return fold.work();
}

test('a file is listed with all of its changes, as the results of the calls report them', () => {
  const { files } = workOf([
    called('1', 'Write', { file_path: '/w/a.ts', content: 'x\n' }),
    returned('1'),
    called('2', 'Edit', { file_path: '/w/a.ts', old_string: 'x', new_string: 'y' }),
    result('2'),
    returned('2'),
    called('3', 'NotebookEdit', { notebook_path: '/w/b.ipynb', new_source: 'one\ntwo' }),
    returned('3'),
  ]);
  expect(
    files.map(({ file, added, removed, isNew, changes }) => [file, added, removed, isNew, changes.length]),
  ).toEqual([
    ['/w/a.ts', 2, 1, true, 2],
    ['/w/b.ipynb', 2, 0, false, 1],
  ]);
  expect(files[0]?.changes.map(({ seq }) => seq)).toEqual([0, 2]);
  // The result knows where in the file the change is.
  expect(files[0]?.changes[1]?.patch.hunks[0]?.oldStart).toBe(7);
});

test('what was denied, failed or has no result yet changed nothing, and tools count it apart', () => {
  const { files, tools } = workOf([
    called('1', 'Edit', { file_path: '/w/a.ts', old_string: 'x', new_string: 'y' }),
    denied('1', 'Edit'),
    returned('1', true),
    called('2', 'Edit', { file_path: '/w/a.ts', old_string: 'x', new_string: 'y' }),
    returned('2', true),
    called('3', 'Bash', { command: 'rm -rf /' }),
    returned('3'),
    called('4', 'Write', { file_path: '/w/new.ts', content: 'x' }),
    denied('5', 'WebFetch'),
  ]);
  expect(files).toEqual([]);
  expect(tools).toEqual([
    { name: 'Edit', calls: 2, errors: 1, denials: 1 },
    { name: 'Bash', calls: 1, errors: 0, denials: 0 },
    { name: 'WebFetch', calls: 1, errors: 0, denials: 1 },
    { name: 'Write', calls: 1, errors: 0, denials: 0 },
  ]);
});

test('changes over the bound keep their counts', () => {
  const write = (id: string) => called(id, 'Write', { file_path: `/w/${id}.ts`, content: 'x'.repeat(60) });
  const { files } = workOf([write('1'), returned('1'), write('2'), returned('2')], 1, 100);
  expect(files.map(({ added, changes }) => [added, changes[0]?.patch.hunks.length, changes[0]?.patch.isCut])).toEqual([
    [1, 1, false],
    [1, 0, true],
  ]);
});
