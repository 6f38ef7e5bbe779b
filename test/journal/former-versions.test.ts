// Journals of earlier versions of stepspan, as their writers left them, read with today's names.
import { cpSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { isRunId } from '../../src/core/ids.ts';
import { dataFolder } from '../../src/journal/index.ts';
import { foldAll } from '../../src/runs/index.ts';
import { readRecords } from '../support/journal.ts';
import { tempRoot } from './journal-rig.ts';

/** It was written by format version 1.0 and has each event that 1.1 renamed, or of which it renamed a field. */
const fixture = fileURLToPath(new URL('../fixtures/journal-1.0', import.meta.url));

test('a journal of format 1.0 is read with the names of today', async () => {
  const runId = '20261120-101500-abc234';
  if (!isRunId(runId)) throw new Error('not a run id');
  const folder = dataFolder(tempRoot()).runDir(runId);
  mkdirSync(folder.journalDir, { recursive: true });
  cpSync(fixture, folder.journalDir, { recursive: true });

  const records = await readRecords(folder);

  const events = records.flatMap((record) => (record.kind === 'event' ? [record.event] : []));
  const usage = {
    model: 'claude-opus-4',
    inputTokens: 10,
    outputTokens: 20,
    cacheReadTokens: 30,
    cacheCreationTokens: 40,
    costUsd: 0.5,
  };
  expect(events.map(({ type }) => type).slice(0, 3)).toEqual(['run.started', 'step.started', 'attempt.started']);
  expect(events.slice(3, 14)).toEqual([
    { type: 'claude.message', text: 'I will look.' },
    { type: 'claude.thinking', text: 'What does it do?' },
    { type: 'claude.usage', messageId: 'msg_1', usage },
    { type: 'claude.notice', subtype: 'compact_boundary', text: 'compacted' },
    {
      type: 'claude.permission_denied',
      tool: 'Bash',
      toolUseId: 'toolu_1',
      input: '{"command":"rm -r x"}',
      reason: 'The rule denies it.',
    },
    { type: 'secret.redacted', kinds: { API_KEY: 2 } },
    { type: 'stall.detected', cause: 'no_output', durationMs: 60000, action: 'none', activity: 'running Bash' },
    { type: 'stall.cleared', cause: 'no_output', durationMs: 61000 },
    { type: 'run.budget_uncertain', reason: 'the model has no price' },
    { type: 'journal.lost', reason: 'size', lines: 0, events: 1, bytes: 17000000 },
    { type: 'process.orphaned', processes: [{ pid: 4713, command: 'npm run dev' }] },
  ]);
  expect(
    events.slice(14).map((event) => ('reason' in event ? event.reason : 'actual' in event ? event.actual : event.type)),
  ).toEqual(['the step ended', 'attempt.finished', 'none', 'step.finished', 'run.finished']);
  expect(foldAll(records)).toMatchObject({ hidden: { API_KEY: 2 }, lost: { size: { events: 1 } } });
});
