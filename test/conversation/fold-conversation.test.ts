// From entries to blocks: what belongs together is one block, nothing gets lost, and the texts that are made of it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Block,
  type ConversationEvent,
  childrenOf,
  conversationToMarkdown,
  createEntryCollector,
  type Entry,
  flattenBlocks,
  foldConversation,
  type ToolBlock,
} from '../../src/conversation/index.ts';
import type { JournalRecord } from '../../src/core/record.ts';

const subject = { step: 'ask', attempt: 1 };
const main = { parentToolUseId: undefined };

function entriesOf(...events: readonly ConversationEvent[]): readonly Entry[] {
  return events.map((event, seq) => ({ seq, timeNs: BigInt(seq) * 1_000_000_000n, ...subject, event }));
}

const said = (text: string, parentToolUseId?: string): ConversationEvent => ({
  type: 'claude.message',
  text,
  parentToolUseId,
});
const called = (toolUseId: string, tool: string, input: object, parentToolUseId?: string): ConversationEvent => ({
  type: 'claude.tool_called',
  ...{ toolUseId, tool, input: JSON.stringify(input), parentToolUseId },
});
const returned = (toolUseId: string, text: string, isError = false, parentToolUseId?: string): ConversationEvent => ({
  type: 'claude.tool_returned',
  ...{ toolUseId, isError, text, bytes: text.length, parentToolUseId },
});
const used = (messageId: string, costUsd: number): ConversationEvent => ({
  type: 'claude.usage',
  messageId,
  usage: { model: 'opus', inputTokens: 10, outputTokens: 5, cacheReadTokens: 100, cacheCreationTokens: 1, costUsd },
});
const denied = (toolUseId: string): ConversationEvent => ({
  type: 'claude.permission_denied',
  ...{ tool: 'Write', toolUseId, input: '{}', reason: 'not allowed here' },
});
const retried = (attempt: number): ConversationEvent => ({
  type: 'claude.retrying',
  ...{ attempt, maxRetries: 10, delayMs: 500, error: 'overloaded (529)' },
});

function toolsOf(blocks: readonly Block[]): readonly ToolBlock[] {
  return blocks.filter((block) => block.kind === 'tool');
}

describe('a call and its result', () => {
  test('are one block, in the order of the calls, whatever the order of the results', () => {
    const { blocks } = foldConversation(
      entriesOf(
        called('a', 'Bash', { command: 'npm test' }),
        called('b', 'Read', { file_path: '/x' }),
        returned('b', 'text'),
        returned('a', 'Exit code 3\nbad', true),
      ),
    );
    expect(toolsOf(blocks)).toMatchObject([
      { tool: 'Bash', target: 'npm test', state: 'error', exitCode: 3, timeMs: 0, endMs: 3_000, events: [0, 3] },
      { tool: 'Read', target: '/x', state: 'ok', result: 'text', events: [1, 2] },
    ]);
  });

  test('change a file by the lines of the input until the result has the real ones', () => {
    const edit = { file_path: 'a.ts', old_string: 'one\ntwo', new_string: 'one\nthree\nfour' };
    const open = foldConversation(entriesOf(called('a', 'Edit', edit)));
    expect(toolsOf(open.blocks)[0]?.patch).toMatchObject({
      ...{ added: 2, removed: 1 },
      hunks: [{ oldStart: 0, lines: [' one', '-two', '+three', '+four'] }],
    });
    const result = {
      ...{ type: 'user', message: { content: [{ type: 'tool_result', tool_use_id: 'a', content: 'done' }] } },
      tool_use_result: {
        filePath: 'a.ts',
        structuredPatch: [{ oldStart: 7, oldLines: 1, newStart: 7, newLines: 1, lines: ['-two', '+three'] }],
      },
    };
    const collector = createEntryCollector(subject);
    const records: readonly JournalRecord[] = [
      { kind: 'event', seq: 0, timeNs: 0n, subject, event: called('a', 'Edit', edit) },
      ...linesOfDebug(1, `${JSON.stringify(result)}\n`),
      { kind: 'event', seq: 3, timeNs: 3n, subject, event: returned('a', 'done') },
    ];
    const done = foldConversation(records.flatMap((record) => collector.add(record)));
    expect(toolsOf(done.blocks)[0]).toMatchObject({
      patch: { added: 1, removed: 1, hunks: [{ oldStart: 7 }] },
      resultSource: 2,
    });
  });

  test('that was denied is one block, however often that is reported', () => {
    const { blocks } = foldConversation(
      entriesOf(
        called('a', 'Write', { file_path: '/x' }),
        denied('a'),
        returned('a', 'no', true),
        denied('a'),
        denied('z'),
      ),
    );
    expect(blocks).toMatchObject([
      { kind: 'tool', state: 'denied', reason: 'not allowed here', events: [0, 1, 2, 3] },
      { kind: 'denial', tool: 'Write' },
    ]);
  });

  test('keep the list of tasks', () => {
    const { tasks } = foldConversation(
      entriesOf(
        ...[called('a', 'TaskCreate', { subject: 'Read' }), returned('a', 'Task #1 created successfully: Read')],
        ...[called('b', 'TaskCreate', { subject: 'Fix' }), returned('b', 'Task #2 created successfully: Fix')],
        ...[called('c', 'TaskUpdate', { taskId: '2', status: 'in_progress' }), returned('c', 'Updated task #2')],
        ...[called('d', 'TaskUpdate', { taskId: '1', status: 'completed' }), returned('d', 'Updated task #1')],
      ),
    );
    expect(tasks).toEqual([
      { id: '1', text: 'Read', state: 'completed' },
      { id: '2', text: 'Fix', state: 'in_progress' },
    ]);
  });
});

test('a turn costs what its last usage says, a subagent the sum of its own turns, and a model without a price is named', () => {
  const { blocks, turns, total } = foldConversation(
    entriesOf(
      ...[said('I ask.'), used('m1', 0.01), called('t', 'Task', { description: 'look' }), used('m1', 0.02)],
      ...[said('I look.', 't'), used('m2', 0.03), said('I end.', 't'), used('m3', 0.04)],
      ...[returned('t', 'found'), said('Thanks.'), used('m4', 0)],
    ),
  );
  expect(turns.map(({ number, key, use }) => [number, key, use?.costUsd])).toEqual([
    [1, 0, 0.02],
    [2, 4, 0.03],
    [3, 6, 0.04],
    [4, 9, 0],
  ]);
  expect(turns.map((turn) => turn.total.costUsd)).toEqual([0.02, 0.05, 0.09, 0.09]);
  expect(toolsOf(blocks)[0]).toMatchObject({ turn: 1, use: { costUsd: 0.07, inputTokens: 222, isUnpriced: false } });
  expect(total.isUnpriced).toBe(true);
});

test('retries and limits are one block each until something else happens', () => {
  const limited: ConversationEvent = { type: 'claude.rate_limited', status: 'rejected', resetsAt: undefined };
  const { blocks } = foldConversation(
    entriesOf(retried(1), limited, retried(2), limited, retried(3), said('Now.'), retried(1)),
  );
  expect(blocks.map(({ kind, events }) => [kind, events])).toEqual([
    ['retry', [0, 2, 4]],
    ['limit', [1, 3]],
    ['message', [5]],
    ['retry', [6]],
  ]);
});

test('Markdown has the prompt first, changes as diffs, and a subagent quoted', () => {
  const conversation = foldConversation(
    entriesOf(
      {
        type: 'claude.prompted',
        ...{ text: 'Fix `it`.', bytes: 9, isCut: false, systemPrompt: undefined, appendSystemPrompt: undefined },
      },
      called('a', 'Write', { file_path: 'a.md', content: '```\n' }),
      returned('a', 'created'),
      called('t', 'Task', { description: 'look' }),
      said('I **look**.', 't'),
      returned('t', 'found'),
      said('Done.'),
    ),
  );
  expect(conversationToMarkdown('Ask', conversation)).toBe(
    '# Ask\n\n## Prompt\n\nFix `it`.\n\n**Write** `a.md` (+1 −0, 1.0 s)\n\n````diff\n@@ -0 +1 @@\n+```\n````\n\n' +
      '**Task** `look` (subagent, 1 block, 2.0 s)\n\nfound\n\n> I **look**.\n\nDone.\n',
  );
});

const ids = fc.constantFrom('a', 'b', 'c', 'd');
const parents = fc.option(ids, { nil: undefined });
const anyEvent: fc.Arbitrary<ConversationEvent> = fc.oneof(
  fc.tuple(fc.string(), parents).map(([text, parent]) => said(text, parent)),
  parents.map((parentToolUseId) => ({ type: 'claude.thinking' as const, text: '', parentToolUseId })),
  fc
    .tuple(ids, fc.constantFrom('Bash', 'Edit', 'TodoWrite', '__proto__'), fc.jsonValue(), parents)
    .map(([id, tool, input, parent]) => ({
      type: 'claude.tool_called' as const,
      ...{ toolUseId: id, tool, input: JSON.stringify(input), parentToolUseId: parent === id ? undefined : parent },
    })),
  fc
    .tuple(ids, fc.string(), fc.boolean(), parents)
    .map(([id, text, isError, parent]) => returned(id, text, isError, parent)),
  fc.tuple(ids, fc.nat(100)).map(([id, cents]) => used(id, cents / 100)),
  ids.map(denied),
  fc.nat(9).map(retried),
  fc.constant<ConversationEvent>({ type: 'claude.rate_limited', status: 'rejected', resetsAt: undefined }),
  fc.string().map((text): ConversationEvent => ({ type: 'claude.notice', subtype: 'status', text })),
  fc.string().map((text): ConversationEvent => ({ type: 'claude.unknown', messageType: text })),
  fc.constant<ConversationEvent>({ type: 'claude.streaming', characters: 3, ...main }),
);

test('no event gets lost and none is in two blocks, whatever comes in whichever order', () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
      const conversation = foldConversation(entriesOf(...events));
      const inBlocks = flattenBlocks(conversation.blocks).flatMap(({ block }) => block.events);
      const all = [...inBlocks, ...conversation.silent].toSorted((a, b) => a - b);
      expect(all).toEqual(events.map((_, seq) => seq));
      const keys = flattenBlocks(conversation.blocks).map(({ block }) => block.key);
      expect(new Set(keys).size).toBe(keys.length);
      expect(conversationToMarkdown('x', conversation)).toBeTypeOf('string');
    }),
  );
});

test('5,000 turns with a call each are folded completely', () => {
  const events = Array.from({ length: 5_000 }, (_, n) => [
    ...[said(`turn ${n}`), used(`m${n}`, 0.01), called(`t${n}`, 'Bash', { command: 'x' }), used(`m${n}`, 0.01)],
    returned(`t${n}`, 'ok'),
  ]).flat();
  const conversation = foldConversation(entriesOf(...events));
  expect([conversation.turns.length, conversation.total.costUsd]).toEqual([5_000, 50]);
  expect(conversation.blocks.every((block) => childrenOf(block).length === 0)).toBe(true);
});

/** A raw message that was read in two pieces. */
function linesOfDebug(seq: number, text: string): readonly JournalRecord[] {
  const middle = Math.floor(text.length / 2);
  const base = {
    kind: 'output',
    timeNs: BigInt(seq),
    subject,
    stream: 'debug',
    severity: undefined,
    lineCount: 1,
  } as const;
  return [
    { ...base, seq, bytes: Buffer.from(text.slice(0, middle)), continues: false, unterminated: true },
    { ...base, seq: seq + 1, bytes: Buffer.from(text.slice(middle)), continues: true, unterminated: false },
  ];
}
