// What page, API and tail show of a run is what the notifier sends: the same rules, texts and starts, while the run is active
// and after it has ended, under the user's alerts.yaml.
import { expect, test } from 'vitest';
import type { Event } from '../../../src/core/event.ts';
import { newRunId } from '../../../src/core/ids.ts';
import { createJournal, dataFolder, openJournal, processIdentity } from '../../../src/journal/index.ts';
import {
  type AlertSettings,
  defaultAlerts,
  emptyEvaluation,
  foldAlerts,
  readAlerts,
  tickAlerts,
} from '../../../src/runs/alerts/index.ts';
import { createCatalogue, isoOfNs, nsOfMs } from '../../../src/runs/index.ts';
import { output, tempRoot } from '../../journal/journal-rig.ts';
import {
  attemptFinished,
  attemptStarted,
  exit1,
  runFinished,
  runStarted,
  stepFinished,
  viewOfRun,
} from '../journal-of.ts';

const one = { step: 'one', attempt: 1 };
const recorded: readonly Event[] = [
  { type: 'secret.redacted', kinds: { aws_key: 2 } },
  { type: 'journal.lost', reason: 'disk', lines: 3, events: 1, bytes: 4096, reader: undefined },
  { type: 'process.orphaned', processes: [{ pid: 7, command: 'node server.js' }] },
];

/** A run in a data folder, and what the evaluation of its records says at a time. */
async function makeRun(events: readonly Event[], settings: AlertSettings, nowMs: number) {
  const data = dataFolder(tempRoot());
  const runId = newRunId();
  const writer = createJournal(data.runDir(runId), {});
  writer.event(runStarted(['one'], { runId, writer: processIdentity() }));
  writer.event({ type: 'step.started' }, one);
  writer.event(attemptStarted, one);
  writer.output(output('compiling\n', { subject: one }));
  for (const event of events) writer.event(event, event.type.startsWith('run.') ? undefined : one);
  await writer.close();
  let evaluation = emptyEvaluation();
  for await (const records of openJournal(data.runDir(runId)).read({ from: 0 }))
    for (const record of records) evaluation = foldAlerts(evaluation, record, settings);
  const sent = Object.values(tickAlerts(evaluation, nowMs, settings).alerts);
  const catalogue = createCatalogue({ data, alerts: settings, now: () => nowMs });
  const shown = (await viewOfRun(catalogue, runId)).alerts;
  return { sent, shown };
}

const brief = (alert: { rule: string; severity: string; summary: string }, since: string) =>
  `${since} ${alert.severity} ${alert.rule}: ${alert.summary}`;

test.each([
  ['an active run', recorded, ['StepspanSecretHidden', 'StepspanOutputLost', 'StepspanProcessesLeft']],
  [
    'a failed run',
    [...recorded, attemptFinished(exit1), stepFinished(exit1), runFinished(exit1)],
    ['StepspanSecretHidden', 'StepspanOutputLost', 'StepspanProcessesLeft', 'StepspanRunFailed'],
  ],
  [
    'a run that was ended for its budget',
    [
      { type: 'run.budget_exceeded', unit: 'USD', used: 11, limit: 10, estimated: false },
      runFinished({ kind: 'error', reason: 'budget', message: 'the budget is used up' }),
    ],
    ['StepspanBudgetExceeded'],
  ],
] as const)('%s: the alerts that are shown are those that are sent', async (_what, events, rules) => {
  const { sent, shown } = await makeRun(events, defaultAlerts(), Date.now());
  expect(sent.map(({ rule }) => rule)).toEqual(rules);
  expect(shown.map((alert) => brief(alert, alert.since)).sort()).toEqual(
    sent.map((alert) => brief(alert, isoOfNs(nsOfMs(alert.startsMs)))).sort(),
  );
});

test('alerts.yaml decides what is shown: thresholds, severities and rules that are off', async () => {
  const read = readAlerts(
    'rules: { StepspanRunStuck: { after: 2h, severity: critical }, StepspanSecretHidden: { enabled: false } }',
    'alerts.yaml',
  );
  if (!read.ok) throw new Error(read.problems.join('\n'));
  const hour = 3_600_000;
  const rulesAt = async (ms: number) => {
    const { shown } = await makeRun(recorded.slice(0, 1), read.settings, Date.now() + ms);
    return shown.map(({ severity, rule }) => `${severity} ${rule}`);
  };
  expect(await rulesAt(hour)).toEqual([]);
  expect(await rulesAt(3 * hour)).toEqual(['critical StepspanRunStuck']);
});
