// When the events that alerts are about arose, as the tail shows them.
import { expect, test } from 'vitest';
import { messagesOf } from '../../../src/api/tail/map.ts';
import type { Event } from '../../../src/core/event.ts';
import type { RunId } from '../../../src/core/ids.ts';
import { isoOfNs } from '../../../src/runs/index.ts';
import { journalOf, runStarted } from '../../runs/journal-of.ts';

const events: readonly (readonly [kind: string, event: Event])[] = [
  ['budget', { type: 'run.budget_exceeded', unit: 'USD', used: 11, limit: 10, estimated: false }],
  ['lost', { type: 'journal.lost', reason: 'disk', lines: 1, events: 0, bytes: 1, reader: undefined }],
  ['hidden', { type: 'secret.redacted', kinds: { rule: 1 } }],
  ['stall', { type: 'stall.detected', cause: 'no_output', durationMs: 60_000, action: 'none' }],
  ['left_over', { type: 'process.orphaned', processes: [{ pid: 7, command: 'x' }] }],
];

test.each(events)('%s: at the time of its event', (kind, event) => {
  const journal = journalOf()
    .event(runStarted(['a']))
    .output('one\n', 'a')
    .event(event, 'a');
  const at = journal.records.at(-1)?.timeNs ?? 0n;
  const [message] = [...messagesOf('20261123-151402-abc123' as RunId, journal.records.slice(-1))];
  expect(message).toMatchObject({ type: 'alert_triggered', timestamp: isoOfNs(at), data: { kind } });
});
