// The state of runs over real WebSockets: whole at first, then patches, until it is the state that the API answers.
import { expect, onTestFinished, test } from 'vitest';
import { createTailClient, type RunAnswer, type WatchedRuns } from '../../../src/api/tail/client.ts';
import { newRunId } from '../../../src/core/ids.ts';
import { createJournal, dataFolder } from '../../../src/journal/index.ts';
import { createCatalogue } from '../../../src/runs/index.ts';
import { output, runFinished, stepStarted, subject, tempRoot } from '../../journal/journal-rig.ts';
import { attemptFinished, attemptStarted, runStarted, stepFinished, viewOfRun } from '../../runs/journal-of.ts';
import { until } from '../../support/until.ts';
import { serveTail, watcher } from './tail-rig.ts';

async function startRun(root: string) {
  const journal = createJournal(dataFolder(root).runDir(newRunId()), {});
  const { runId } = journal.folder;
  journal.event(runStarted(['build', 'test'], { runId }));
  journal.event(stepStarted, subject);
  journal.event(attemptStarted, subject);
  return journal;
}

test('the view of a run is sent whole, then as patches that lead to what the API answers', async () => {
  const root = tempRoot();
  const { url } = await serveTail(root);
  const journal = await startRun(root);
  const { runId } = journal.folder;
  const raw = await watcher(url);
  raw.say({ type: 'subscribe_view', executionId: runId, id: 'v' });
  const client = createTailClient({ url });
  onTestFinished(() => client.close());
  const views: RunAnswer[] = [];
  client.watchRun(runId, { onView: (view) => void views.push(view) });
  await raw.heard('run_view', ({ data }) => data.id === 'v' && data.view.currentStep === 'build');
  await until(() => views.length > 0);
  journal.output(output('one\ntwo\n'));
  await until(() => views.at(-1)?.lines.stdout === 2 && views.at(-1)?.steps[0]?.lastLine === 'two');
  journal.event(attemptFinished(), subject);
  journal.event(stepFinished(), subject);
  journal.event(runFinished);
  await journal.close();
  await until(() => views.at(-1)?.state === 'success');
  await raw.heard('run_patch', ({ data }) => data.patch.state === 'success');
  const answered = await viewOfRun(createCatalogue({ data: dataFolder(root) }), runId);
  expect(views.at(-1)).toEqual({ ...answered, firstSeq: 0, links: [] });
  // Untouched parts stay the same objects, and what is sent once is not sent again.
  expect(views.at(-1)?.steps[1]).toBe(views[0]?.steps[1]);
  const patches = raw.messages.filter(({ type }) => type === 'run_patch');
  expect(JSON.stringify(patches)).not.toContain('"workflow"');
});

test('a view of a run that does not exist is refused, and one that is given up sends no more', async () => {
  const root = tempRoot();
  const { url } = await serveTail(root);
  const journal = await startRun(root);
  const { runId } = journal.folder;
  const raw = await watcher(url);
  raw.say({ type: 'subscribe_view', executionId: newRunId(), id: 'none' });
  expect((await raw.heard('error')).data).toMatchObject({ code: 'not_found', id: 'none' });
  raw.say({ type: 'subscribe_view', executionId: runId });
  await raw.heard('run_view');
  raw.say({ type: 'unsubscribe_view', executionId: runId });
  raw.say({ type: 'unsubscribe_view', executionId: runId });
  await raw.heard('error', ({ data }) => data.code === 'not_subscribed');
  const before = raw.messages.length;
  journal.event(runFinished);
  await journal.close();
  raw.say({ type: 'subscribe_view', executionId: runId, id: 'again' });
  await raw.heard('run_view', ({ data }) => data.id === 'again' && data.view.state === 'success');
  expect(raw.messages.slice(before).map(({ type }) => type)).toEqual(['run_view']);
});

test('the list of runs is sent whole, then what comes, changes and goes', async () => {
  const root = tempRoot();
  const { url } = await serveTail(root);
  const first = await startRun(root);
  const client = createTailClient({ url });
  onTestFinished(() => client.close());
  let list: WatchedRuns | undefined;
  client.watchRuns((now) => {
    list = now;
  });
  const states = (): readonly string[] => (list?.runs ?? []).map(({ runId, state }) => `${runId} ${state}`);
  const [a] = [first.folder.runId];
  await until(() => states().join() === `${a} running`);
  expect(list?.isComplete).toBe(true);
  first.event(runFinished);
  await first.close();
  await until(() => states().join() === `${a} success`);
  const second = await startRun(root);
  const b = second.folder.runId;
  const order = a < b ? [`${b} running`, `${a} success`] : [`${a} success`, `${b} running`];
  await until(() => states().join() === order.join());
  await second.close();
});

test('a watcher that comes back after a restart of the server gets the state of then', async () => {
  const root = tempRoot();
  const before = await serveTail(root);
  const journal = await startRun(root);
  const views: RunAnswer[] = [];
  const lists: WatchedRuns[] = [];
  const client = createTailClient({ url: before.url, retry: { firstMs: 20, longestMs: 50 } });
  onTestFinished(() => client.close());
  client.watchRun(journal.folder.runId, { onView: (view) => void views.push(view) });
  client.watchRuns((list) => void lists.push(list));
  await until(() => views.length > 0 && lists.length > 0);
  await before.tail.stop();
  before.server.close();
  before.server.closeAllConnections();
  journal.event(runFinished);
  await journal.close();
  await serveTail(root, {}, before.port);
  await until(() => views.at(-1)?.state === 'success' && lists.at(-1)?.runs[0]?.state === 'success');
});
