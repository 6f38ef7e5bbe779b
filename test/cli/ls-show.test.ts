// ls and show as a person meets them, over journals that the real writer wrote.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunId } from '../../src/core/ids.ts';
import { exit1 } from '../runs/journal-of.ts';
import { createRig, newer, old, type Rig, startStep, writeMixed } from './data-folder-rig.ts';

let rig: Rig;
beforeEach(() => {
  rig = createRig();
});
afterEach(() => rig.remove());

describe('ls', () => {
  test('says that there are no runs, and how to start one', async () => {
    const { stdout, code } = await rig.run('ls');
    expect(stdout.toString()).toBe(`No runs in ${rig.root}. Start one with: stepspan run FILE\n`);
    expect(code).toBe(0);
  });

  test('lists runs newest first: active ones, ended ones, and those whose stepspan was killed', async () => {
    await rig.start({ id: old }).finish(['build'], false);
    const running = rig.start({ id: newer, workflow: 'review', steps: ['a', 'b'] });
    const dead = rig.start({ id: '20260103-120000-cccccc' as RunId, pid: 2 ** 22 - 1 });
    const { stdout } = await rig.run('ls');
    const rows = stdout
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(rows[0]).toEqual(['RUN', 'WORKFLOW', 'STATE', 'STEPS', 'STARTED', 'TIME', 'COST']);
    expect(rows.slice(1).map((row) => row.slice(0, 4))).toEqual([
      ['20260103-120000-cccccc', 'nightly', 'abandoned', '0/1'],
      [newer, 'review', 'running', '0/2'],
      [old, 'nightly', 'failure', '1/1'],
    ]);
    const json = JSON.parse((await rig.call('ls', '--json', '--outcome', 'failure', 'running')).stdout.toString());
    expect(json).toMatchObject([
      { runId: newer, state: 'running', steps: 2 },
      { runId: old, state: 'failure', durationMs: 5000, completedSteps: 1 },
    ]);
    const filtered = JSON.parse((await rig.call('ls', '--json', '--workflow', 'review')).stdout.toString());
    expect(filtered.map((row: { runId: string }) => row.runId)).toEqual([newer]);
    expect((await rig.call('ls', '-n', '1')).stdout.toString()).toContain('2 older runs not searched');
    await running.journal.close();
    await dead.journal.close();
  });

  test('names a run that waits, hangs or is over its budget so, and ls and show agree on it', async () => {
    const untilNs = 4_102_444_800_000_000_000n;
    const waits = rig.start({ id: old });
    startStep(waits, 'build');
    const limit = { reason: 'rate_limit', untilNs: untilNs.toString(), nextAttempt: 2, outcome: exit1 } as const;
    waits.event({ type: 'step.waiting', ...limit }, 'build');
    const hangs = rig.start({ id: newer });
    startStep(hangs, 'build');
    hangs.event({ type: 'stall.detected', cause: 'no_output', durationMs: 60_000, action: 'none' }, 'build');
    const text = (await rig.call('ls')).stdout.toString();
    expect(text).toMatch(/waiting until 00:00:00Z/);
    expect(text).toMatch(/stuck \(no output\)/);
    const listed = JSON.parse((await rig.call('ls', '--json')).stdout.toString());
    expect(listed).toMatchObject([
      { runId: newer, state: 'stuck', cause: 'no output', until: null },
      { runId: old, state: 'waiting', cause: 'rate or usage limit', until: '2100-01-01T00:00:00.000000000Z' },
    ]);
    for (const { runId, state, since, cause, until } of listed) {
      const shown = JSON.parse((await rig.call('show', runId, '--json')).stdout.toString());
      expect(shown).toMatchObject({ state, since, cause, until });
      expect((await rig.call('show', runId)).stdout.toString()).toContain(`${state}: ${cause}`);
    }
    expect(JSON.parse((await rig.call('ls', '--json', '--outcome', 'waiting')).stdout.toString())).toHaveLength(1);
    await waits.journal.close();
    await hangs.journal.close();
  });

  test('says of a filter that nothing fits that there are runs, and takes a time from which on they are listed', async () => {
    await rig.start({ id: old }).finish(['build']);
    await rig.start({ id: newer }).finish(['build']);
    const none = (await rig.call('ls', '--workflow', 'zzz')).stdout.toString();
    expect(none).toBe(`None of the 2 runs in ${rig.root} matches. List them with: stepspan ls\n`);
    const since = async (time: string) =>
      JSON.parse((await rig.call('ls', '--json', '--since', time)).stdout.toString());
    const all = await since('2000-01-01T00:00:00Z');
    const [first, second] = all.map(({ startedAt }: { startedAt: string }) => startedAt);
    expect(all).toHaveLength(2);
    expect((await since(first)).length + (first === second ? 1 : 0)).toBe(first === second ? 3 : 1);
    expect(await since('2999-01-01T00:00:00Z')).toEqual([]);
    const wrong = await rig.run('ls', '--since', 'soon');
    expect(wrong.code).toBe(2);
    expect(wrong.stderr.toString()).toContain('--since: "soon" is not a time; write for example');
  });

  test('reads the journal of a run that has ended once only, and makes a summary that is not one anew', async () => {
    await rig.start({ id: old }).finish(['build']);
    const list = async () => (await rig.call('ls', '--json')).stdout.toString();
    const first = await list();
    const saved = path.join(rig.folderOf(old).dir, 'summary.json');
    expect(existsSync(saved)).toBe(true);
    const good = readFileSync(saved);
    for (const bad of ['', '{}', good.toString().replace('"stepspanState":', '"stepspanState":9')]) {
      rmSync(saved);
      writeFileSync(saved, bad);
      expect(await list()).toBe(first);
      expect(readFileSync(saved)).toEqual(good);
    }
    // The proof that the journal is not read again: it has been removed.
    rmSync(rig.folderOf(old).journalDir, { recursive: true });
    expect(await list()).toBe(first);
  });

  test('refuses a flag or a setting that cannot be with the exit status for bad input', async () => {
    const { stderr, code } = await rig.call('ls', '--colour', 'blue');
    expect(stderr).toBe('stepspan: --colour: colour is "blue", not a known word; write `auto`, `always`, `never`\n');
    expect(code).toBe(2);
  });
});

describe('show', () => {
  test('shows the outcome of each step, why, and the last lines of what failed', async () => {
    await writeMixed(rig);
    const { stdout, code } = await rig.run('show', 'latest', '-n', '3');
    const text = stdout.toString();
    expect(text).toContain(`nightly  ${old}  failure`);
    expect(text).toMatch(/✗ {2}build {2}failure .* exit code 1/);
    expect(text.slice(text.indexOf('last lines'))).toBe('last lines of build:\n  50 %\n  ERROR: bad\n  warn\n');
    expect(text).not.toContain('\u001b');
    expect(code).toBe(0);
  });

  test('shows what is whole of a run whose record is damaged, and reports the damage once', async () => {
    const run = rig.start({ steps: ['a', 'b'] });
    await run.finish(['a', 'b'], false);
    const { journalDir } = rig.folderOf(run.runId);
    const file = path.join(journalDir, readdirSync(journalDir).find((name) => name.endsWith('.seg')) ?? '');
    const bytes = readFileSync(file);
    bytes.write('#', bytes.indexOf('step.finished'));
    writeFileSync(file, bytes);
    const { stdout, stderr, code } = await rig.call('show', run.runId);
    expect(stdout.toString()).toMatch(/b +failure .* exit code 1/);
    expect(stderr.match(/is damaged at byte/g)).toHaveLength(1);
    expect(code).toBe(3);
  });

  test('prints Markdown in which text from outside is text', async () => {
    const run = rig.start({ id: old, workflow: 'a|b @team', steps: ['build'] });
    startStep(run, 'build');
    run.output('``` @ada | <b>\n', 'build');
    await run.finish(['build'], false);
    const text = (await rig.call('show', old, '--markdown')).stdout.toString();
    expect(text).toMatch(/^### ✗ a\\\|b @<!-- -->team: failure\n/);
    expect(text).toContain('| ✗ build | failure |');
    expect(text).toContain('````text\n``` @ada | <b>\n````');
    expect(text).toContain(`continue with \`stepspan resume ${old}\``);
  });

  test('names what was checked out in the working folder, and the CI job that started it', async () => {
    const versionControl = {
      url: 'https://example.com/tool',
      branch: 'main',
      revision: 'ab'.repeat(20),
      isDirty: true,
    };
    const ci = { system: 'github', url: 'https://github.com/team/tool/actions/runs/7' } as const;
    await rig.start({ id: old, started: { versionControl, ci } }).finish(['build']);
    await rig.start({ id: newer, started: { versionControl: { revision: 'ab'.repeat(20) } } }).finish(['build']);
    const text = async (run: string) => (await rig.call('show', run)).stdout.toString();
    expect(await text(old)).toContain('\n  main at abababababab with uncommitted changes, https://example.com/tool\n');
    expect(await text(old)).toContain(`\n  started by a job of GitHub Actions, ${ci.url}\n`);
    expect(await text(newer)).toContain('\n  abababababab\n');
    const json = JSON.parse((await rig.call('show', newer, '--json')).stdout.toString());
    expect(json.versionControl).toEqual({ url: null, branch: null, revision: 'ab'.repeat(20), isDirty: null });
  });

  test('says of a run that was killed, before anybody closes it, what ended, what it printed and how to continue', async () => {
    const dead = rig.start({ id: old, steps: ['build', 'after'], pid: 2 ** 22 - 1 });
    startStep(dead, 'build');
    dead.output('  1 %\r 99 %', 'build');
    await dead.journal.close();
    const text = (await rig.call('show', old)).stdout.toString();
    expect(text).toContain(`nightly  ${old}  abandoned`);
    expect(text).toMatch(/build {2}error .* stepspan \(pid 4194303\) was killed; the run is not closed yet/);
    expect(text).not.toContain('running');
    expect(text).toContain(`to continue: stepspan resume ${old}`);
    expect(text.slice(text.indexOf('last lines'))).toBe('last lines of build:\n   99 %\n');
    const json = JSON.parse((await rig.call('show', old, '--json')).stdout.toString());
    expect(json).toMatchObject({ state: 'abandoned', outcome: 'error', steps: [{ lastLines: [' 99 %'] }, {}] });
  });

  test('finds the last lines of a step behind any amount of output of others', async () => {
    const run = rig.start({ id: old, steps: ['build', 'noisy'] });
    startStep(run, 'build');
    run.output('the reason\n', 'build');
    startStep(run, 'noisy');
    run.output('x\n'.repeat(20_000), 'noisy');
    await run.finish(['build'], false);
    const json = JSON.parse((await rig.call('show', old, '--json')).stdout.toString());
    expect(json.steps[0].lastLines).toEqual(['the reason']);
    expect(json).toMatchObject({
      outcome: 'failure',
      state: 'failure',
      lines: { stdout: 20_001 },
      dataDir: rig.folderOf(old).dir,
    });
    expect(json.steps[0].attempts[0]).toMatchObject({ number: 1, outcome: { kind: 'failure', exitCode: 1 } });
  });

  test('finds a run by a part of its id, and says when it fits none or several', async () => {
    await rig.start({ id: old }).finish([]);
    await rig.start({ id: newer }).finish([]);
    expect(JSON.parse((await rig.call('show', 'bbbbbb', '--json')).stdout.toString()).runId).toBe(newer);
    for (const text of ['2026', 'zzz', '../..']) {
      const { stderr, code } = await rig.call('show', text);
      expect(stderr).toMatch(/^stepspan: /);
      expect(code).toBe(7);
    }
  });
});
