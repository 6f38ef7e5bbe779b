// The engine in this process, as programs use it: pausing, cancelling by a signal of their own, several runs at once.
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  dataFolder,
  planResume,
  type RunOptions,
  runWorkflow,
  type StartedRun,
  startWorkflow,
} from '../../src/library/index.ts';
import { eventsIn, readRecords } from '../support/journal.ts';
import { until, untilStill } from '../support/until.ts';

let folder: string;
const runs: StartedRun[] = [];
beforeAll(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'stepspan-library-')));
});
afterAll(async () => {
  // A test that failed may have left its run behind.
  for (const run of runs) for (let twice = 0; twice < 2; twice++) run.cancel('api');
  await Promise.all(runs.map((run) => run.done));
  rmSync(folder, { recursive: true, force: true });
});

const surroundings = (): Pick<RunOptions, 'dataDir' | 'env'> & { cwd: string } => ({
  dataDir: path.join(folder, 'data'),
  env: { PATH: process.env.PATH, HOME: folder },
  cwd: folder,
});

async function started(options: RunOptions): Promise<StartedRun> {
  const start = await startWorkflow(options);
  if (start.kind !== 'started') throw new Error(start.message);
  runs.push(start.run);
  return start.run;
}

const beats = (name: string): number => {
  try {
    return readFileSync(path.join(folder, name)).length;
  } catch {
    return 0;
  }
};

async function eventsOf(run: Pick<StartedRun, 'runId'>) {
  const records = await readRecords(dataFolder(path.join(folder, 'data')).runDir(run.runId));
  return eventsIn(records).map(({ subject, ...event }) => ({ ...event, step: subject?.step }));
}

describe('a pause', () => {
  test('lets running steps continue and starts no other', async () => {
    const run = await started({
      ...surroundings(),
      workflow: {
        name: 'soft',
        steps: [
          { id: 'a', run: 'echo . >> soft-a; until [ -e go ]; do sleep 0.02; done' },
          { id: 'b', needs: 'a', run: 'touch soft-b' },
        ],
      },
    });
    await until(() => beats('soft-a') > 0);
    expect(run.pause('test', false)).toBe(true);
    expect(run.pause('test', false)).toBe(false);
    expect(run.phase()).toMatchObject({ kind: 'paused', now: false });
    writeFileSync(path.join(folder, 'go'), '');
    await until(async () => (await eventsOf(run)).some((e) => e.type === 'step.finished' && e.step === 'a'));
    expect((await eventsOf(run)).some((event) => event.type === 'step.started' && event.step === 'b')).toBe(false);
    expect(run.resume('test')).toBe(true);
    expect(run.resume('test')).toBe(false);
    const { result } = await run.done;
    expect(result.outcome).toBe('success');
    const events = await eventsOf(run);
    expect(events.filter(({ type }) => type === 'run.paused' || type === 'run.resumed')).toMatchObject([
      { by: 'test', now: false },
      { by: 'test' },
    ]);
  });

  test('`now` freezes what runs, and neither its timeout nor that of the run counts the time', async () => {
    const run = await started({
      ...surroundings(),
      workflow: {
        name: 'hard',
        timeout: '7s',
        steps: [{ id: 'a', timeout: '6s', run: 'until [ -e hard-go ]; do echo . >> hard; sleep 0.05; done' }],
      },
    });
    await until(() => beats('hard') > 2);
    run.pause('test', true);
    const still = await untilStill(() => beats('hard'));
    // Longer than both timeouts, which would end it if they counted.
    await sleep(7_500);
    expect(beats('hard')).toBe(still);
    // It ends at once, so that its own time is short however busy the machine is.
    writeFileSync(path.join(folder, 'hard-go'), '');
    run.resume('test');
    const { result } = await run.done;
    expect(result).toMatchObject({ outcome: 'success', steps: [{ id: 'a', outcome: 'success' }] });
    const finished = (await eventsOf(run)).find(({ type }) => type === 'attempt.finished');
    expect(finished).toMatchObject({ pausedMs: expect.toSatisfy((ms: number) => ms >= 7_500) });
  });

  test('that comes while a step is being started freezes that step too', async () => {
    const run = await started({
      ...surroundings(),
      workflow: {
        name: 'early',
        steps: [{ id: 'a', run: 'for i in $(seq 40); do echo . >> early; sleep 0.05; done' }],
      },
    });
    // The step begins in the turn that follows; its process starts about then.
    await setImmediate();
    run.pause('test', true);
    await until(async () => (await eventsOf(run)).some(({ type }) => type === 'attempt.started'));
    expect(await untilStill(() => beats('early'))).toBeLessThan(80);
    expect(run.phase()).toMatchObject({ kind: 'paused', now: true });
    run.resume('test');
    expect((await run.done).result.outcome).toBe('success');
    expect(beats('early')).toBe(80);
    const order = (await eventsOf(run)).map(({ type }) => type);
    expect(order.indexOf('step.started')).toBeLessThan(order.indexOf('run.paused'));
  });

  test('ends by a cancel, which reaches frozen processes too', async () => {
    const run = await started({
      ...surroundings(),
      workflow: { name: 'frozen', steps: [{ id: 'a', run: 'touch frozen; echo . >> frozen; sleep 60' }] },
    });
    await until(() => beats('frozen') > 0);
    run.pause('test', true);
    run.cancel('api');
    const { result } = await run.done;
    expect(result).toMatchObject({ outcome: 'cancellation', message: 'cancelled by api' });
  });
});

describe('runWorkflow', () => {
  test('ends a run by an AbortSignal, also by one that was aborted before', async () => {
    const steps = [{ id: 'a', run: 'echo . >> aborted; sleep 60' }];
    const controller = new AbortController();
    const running = runWorkflow({ ...surroundings(), workflow: { name: 'abort', steps }, signal: controller.signal });
    await until(() => beats('aborted') > 0);
    controller.abort();
    expect(await running).toMatchObject({ kind: 'finished', outcome: 'cancellation' });
    const before = await runWorkflow({
      ...surroundings(),
      workflow: { name: 'abort', steps: [{ id: 'a', run: 'echo . >> never' }] },
      signal: AbortSignal.abort(),
    });
    expect(before).toMatchObject({ kind: 'finished', outcome: 'cancellation', steps: [{ outcome: 'skip' }] });
    expect(beats('never')).toBe(0);
  });

  test('does two runs at once in one process, each with lines and secrets of its own', async () => {
    const one = (name: string) =>
      runWorkflow({
        ...surroundings(),
        shared: true,
        env: { ...surroundings().env, SOME_TOKEN: `${name}-token-1234` },
        workflow: {
          name,
          steps: [{ id: 'a', run: `for i in $(seq 50); do echo ${name} $i $SOME_TOKEN $(echo left-token)-1234; done` }],
        },
      });
    const results = await Promise.all([one('left'), one('right')]);
    for (const [at, result] of results.entries()) {
      if (result.kind !== 'finished') throw new Error(result.message);
      expect(result).toMatchObject({ outcome: 'success', lines: { stdout: 50 }, hidden: at === 0 ? 100 : 50 });
    }
    const [left, right] = results;
    expect(left).not.toMatchObject({ runId: (right as { runId: string }).runId });
  });

  test('refuses what is wrong without throwing', async () => {
    expect(await runWorkflow({ ...surroundings(), workflow: { name: 'x', steps: [] } })).toMatchObject({
      kind: 'invalid',
      problems: [{ path: expect.anything() }],
    });
    expect(await runWorkflow({ ...surroundings(), resume: '20200101-000000-aaaaaa' as never })).toMatchObject({
      kind: 'not_found',
    });
  });
});

test('what is wrong with a file is reported with its path and line', async () => {
  const refused = await runWorkflow({ file: '/no/such/flow.yaml' });
  expect(refused).toMatchObject({
    kind: 'invalid',
    message: expect.stringMatching(/^\/no\/such\/flow\.yaml:1:1: .*; /),
  });
});

test('a data folder that cannot be used is refused with its path and the code of the system', async () => {
  const file = path.join(folder, 'not-a-folder');
  writeFileSync(file, '');
  const dataDir = path.join(file, 'data');
  const refused = await startWorkflow({
    ...surroundings(),
    dataDir,
    workflow: { name: 'w', steps: [{ id: 'a', run: 'true' }] },
  });
  expect(refused).toMatchObject({ kind: 'unusable', code: 'ENOTDIR', path: expect.stringContaining(dataDir) });
});

test('what cannot be resumed, or be run here, is refused with the path and a code for programs', async () => {
  const workflow = { name: 'w', steps: [{ id: 'a', run: 'seq 200000; exit 1' }] };
  const begun = await started({ ...surroundings(), workflow, shared: true, archive: false });
  await begun.done;
  const dataDir = path.join(folder, 'data');
  const { journalDir } = dataFolder(dataDir).runDir(begun.runId);
  const resume = begun.runId;
  expect(await startWorkflow({ ...surroundings(), resume, fromStep: 'b' })).toMatchObject({
    kind: 'unsuited',
    code: 'no_step',
  });
  expect(await startWorkflow({ ...surroundings(), resume: 'zzzzzz' })).toMatchObject({
    kind: 'not_found',
    code: 'no_run',
  });
  const env = { ...surroundings().env, STEPSPAN_CLAUDE: '/no/such/claude' };
  const claude = { name: 'w', steps: [{ id: 'a', claude: 'Hello' }] };
  expect(await startWorkflow({ ...surroundings(), env, workflow: claude })).toMatchObject({
    kind: 'unusable',
    code: 'claude_missing',
    path: '/no/such/claude',
  });
  // Damage that hides the workflow itself leaves nothing to continue.
  const [name = ''] = readdirSync(journalDir).filter((each) => each.endsWith('.seg'));
  damage(path.join(journalDir, name), 'run.started');
  const refused = { kind: 'unusable', code: 'no_journal', path: journalDir, message: expect.stringContaining(name) };
  expect(await startWorkflow({ ...surroundings(), resume })).toMatchObject(refused);
  expect(await planResume({ dataDir, resume })).toMatchObject(refused);
});

/** Flips a byte: at a place, or where a text is the first time behind another one. @returns what undoes it */
function damage(file: string, at: number | string, behind = ''): () => void {
  const bytes = readFileSync(file);
  const place = typeof at === 'number' ? at : bytes.indexOf(at, behind === '' ? 0 : bytes.indexOf(behind));
  const before = bytes.readUInt8(place);
  const flip = (value: number): void => {
    bytes.writeUInt8(value, place);
    writeFileSync(file, bytes);
  };
  flip(before ^ 0xff);
  return () => flip(before);
}

test('a run whose record is damaged continues from what is whole', async () => {
  const steps = [
    { id: 'a', run: 'echo a >> ran; echo from a' },
    { id: 'b', needs: 'a', run: 'echo b >> ran; echo from b' },
    { id: 'c', needs: 'b', run: 'echo c >> ran; test -e good' },
    { id: 'd', run: 'echo d >> ran' },
  ];
  const workflow = { name: 'four', concurrency: 1, steps };
  const begun = await started({ ...surroundings(), workflow, archive: false });
  await begun.done;
  const resume = begun.runId;
  const { dataDir = '' } = surroundings();
  const { journalDir } = dataFolder(dataDir).runDir(resume);
  const [name = ''] = readdirSync(journalDir).filter((each) => each.endsWith('.seg'));
  const segment = path.join(journalDir, name);
  const size = readFileSync(segment).length;

  const succeeded = new Set(['a', 'b', 'd']);
  let lost = 0;
  // A prime, so that every part of a frame is hit, and few enough to stay below a second.
  for (let place = 0; place < size; place += 97) {
    const undo = damage(segment, place);
    const planned = await planResume({ dataDir, resume });
    undo();
    if (planned.kind !== 'planned') {
      expect([place, planned]).toEqual([place, expect.objectContaining({ kind: 'unusable' })]);
      continue;
    }
    for (const { id, action, why } of planned.plan.steps) {
      if (action === 'keep') expect([place, id, succeeded.has(id)]).toEqual([place, id, true]);
      if (!why.includes('damaged')) continue;
      lost += 1;
      expect([place, planned.plan.notes.join()]).toEqual([place, expect.stringContaining(id)]);
    }
  }
  expect(lost).toBeGreaterThan(5);

  // What comes behind the output of b is the end of b.
  damage(segment, 'step.finished', 'from b\n');
  writeFileSync(path.join(folder, 'good'), '');
  writeFileSync(path.join(folder, 'ran'), '');
  const again = await started({ ...surroundings(), resume });
  const { result } = await again.done;
  expect(again.notes.join()).toMatch(/the record is damaged; .* so they run again: b; .*is damaged at byte \d+/);
  expect(result.outcome).toBe('success');
  expect(readFileSync(path.join(folder, 'ran'), 'utf8')).toBe('b\nc\n');
});

test('an id that another run has is refused with the path of its journal', async () => {
  const workflow = { name: 'w', steps: [{ id: 'a', run: 'true' }] };
  const first = await started({ ...surroundings(), workflow, shared: true });
  await first.done;
  const again = await startWorkflow({ ...surroundings(), workflow, runId: first.runId });
  const { journalDir } = dataFolder(surroundings().dataDir).runDir(first.runId);
  expect(again).toMatchObject({ kind: 'unusable', code: 'exists', path: journalDir });
});
