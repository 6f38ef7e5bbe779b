// When each alert of a run arose, as the API's answer of a run and the tail tell it.
import { expect, test } from 'vitest';
import { alertsOf } from '../../../src/api/http/run-alerts.ts';
import { messagesOf } from '../../../src/api/tail/map.ts';
import type { Event } from '../../../src/core/event.ts';
import type { RunId } from '../../../src/core/ids.ts';
import { processIdentity } from '../../../src/journal/index.ts';
import { foldAll, isoOfNs } from '../../../src/runs/index.ts';
import { journalOf, runFinished, runStarted } from '../../runs/journal-of.ts';

const events: readonly (readonly [kind: string, rule: string, event: Event])[] = [
  [
    'budget',
    'StepspanBudgetExceeded',
    { type: 'run.budget_exceeded', unit: 'USD', used: 11, limit: 10, estimated: false },
  ],
  [
    'lost',
    'StepspanLinesLost',
    { type: 'journal.lost', reason: 'disk', lines: 1, events: 0, bytes: 1, reader: undefined },
  ],
  ['hidden', 'StepspanSecretHidden', { type: 'secret.redacted', kinds: { rule: 1 } }],
  ['stall', 'StepspanRunStuck', { type: 'stall.detected', cause: 'no_output', durationMs: 60_000, action: 'none' }],
  ['left_over', 'StepspanProcessesRemain', { type: 'process.orphaned', processes: [{ pid: 7, command: 'x' }] }],
];

test.each(events)('%s: at the time of its event', (kind, rule, event) => {
  const journal = journalOf()
    .event(runStarted(['a'], { writer: processIdentity() }))
    .output('one\n', 'a')
    .event(event, 'a');
  const at = journal.records.at(-1)?.timeNs ?? 0n;
  const [told] = [...messagesOf('20261123-151402-abc123' as RunId, journal.records.slice(-1))];
  expect(told).toMatchObject({ type: 'alert_triggered', timestamp: isoOfNs(at), data: { kind } });
  const { records } = journal.output('two\n', 'a');
  expect(alertsOf(foldAll(records), false)).toMatchObject([{ rule, since: isoOfNs(at) }]);
});

test('abandoned: when it was recorded, or as long as nobody has, at the last sign of the run', () => {
  const journal = journalOf().event(runStarted(['a'], { writer: { ...processIdentity(), pid: 2 ** 22 } }));
  const last = journal.output('one\n', 'a').records.at(-1)?.timeNs ?? 0n;
  expect(alertsOf(foldAll(journal.records), true)).toMatchObject([
    { rule: 'StepspanRunAbandoned', since: isoOfNs(last) },
  ]);
  journal.event(runFinished({ kind: 'error', reason: 'abandoned', message: '' }));
  const ended = journal.records.at(-1)?.timeNs ?? 0n;
  expect(alertsOf(foldAll(journal.records), true)).toMatchObject([
    { rule: 'StepspanRunAbandoned', since: isoOfNs(ended) },
  ]);
});

test('a left over process is told as one, several as several', () => {
  const messages = (count: number): readonly string[] => {
    const processes = Array.from({ length: count }, (_, index) => ({ pid: index + 2, command: 'x' }));
    const journal = journalOf().event(runStarted(['a'], { writer: processIdentity() }));
    const { records } = journal.event({ type: 'process.orphaned', processes }, 'a');
    return alertsOf(foldAll(records), false).map(({ description }) => description);
  };
  expect([messages(1), messages(2)]).toEqual([['It left 1 process running.'], ['It left 2 processes running.']]);
});
