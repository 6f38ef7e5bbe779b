// Work of Claude Code in the background after its result: what is waited for, what is ended, and what is reported.
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';

const rigs: CliRig[] = [];
afterAll(() => Promise.all(rigs.map((rig) => rig.close())));

async function newRig(...options: Parameters<typeof startCliRig>): Promise<CliRig> {
  const rig = await startCliRig(...options);
  rigs.push(rig);
  return rig;
}

const fake = { STEPSPAN_CLAUDE: path.resolve(import.meta.dirname, '../fixtures/fake-claude.mjs') };

describe('a step whose result says success', () => {
  test('succeeds also where a server that it started lives on, which is ended and named', async () => {
    const rig = await newRig();
    const { result, stderr: shown } = await rig.runYaml(
      `
name: background
concurrency: 8
steps:
  - {id: grace, timeout: 50s, claude: {prompt: leaves a server running}}
  - {id: short, timeout: 50s, claude: {prompt: leaves a server running, waitForBackground: 100ms}}
  - {id: wanted, timeout: 8s, claude: {prompt: leaves a server running, waitForBackground: 10m}}
  - {id: agent, timeout: 8s, claude: {prompt: leaves an agent running}}
  - {id: silent, claude: leaves an agent running, stalls: {noOutput: {after: 6s, action: kill}}}
  - {id: turn, timeout: 8s, claude: {prompt: asks again after its result, waitForBackground: 100ms}}
  - {id: next, needs: grace, run: echo done}
`,
      [],
      fake,
    );
    expect(outcomesOf(result)).toEqual({
      grace: 'success',
      short: 'success',
      wanted: 'success',
      agent: 'success',
      silent: 'success',
      // A turn that began after the result has none of its own.
      turn: 'timeout',
      next: 'success',
    });
    const journal = await rig.journal(result.runId);
    for (const step of ['grace', 'short', 'wanted', 'agent', 'silent']) {
      expect(journal.events('process.orphaned', step)).toMatchObject([
        { processes: [{ command: expect.stringContaining('sleep 300') }] },
      ]);
      expect(shown).toMatch(new RegExp(`${step} \\| left a process running, now ended: \\d+ \\(sleep 300\\)`));
    }
    expect(journal.events('process.signalled', 'short')[0]?.reason).toContain('in the background: npm run dev');
    const [finished] = journal.events('attempt.finished', 'grace');
    expect(finished?.durationMs).toBeGreaterThanOrEqual(10_000);
    // Not as long as the background command, which sleeps for 300 s.
    expect(finished?.durationMs).toBeLessThan(300_000);
    expect(rig.processes()).toEqual([]);
  });

  test('of the real Claude Code, whose background command it would wait for itself', async () => {
    const rig = await newRig({
      script: [
        {
          prompt: 'start a server',
          turns: [
            { kind: 'reply', tools: [{ name: 'Bash', input: { command: 'sleep 1000', run_in_background: true } }] },
            { kind: 'reply', text: 'the server runs' },
          ],
        },
      ],
    });
    const { result } = await rig.runYaml(`
name: real
steps:
  - {id: a, timeout: 80s, claude: {prompt: start a server, allowedTools: [Bash], waitForBackground: 1s}}
`);
    expect(outcomesOf(result)).toEqual({ a: 'success' });
    const journal = await rig.journal(result.runId);
    const named = journal.events('process.orphaned', 'a').flatMap(({ processes }) => processes);
    expect(named.map(({ command }) => command).join('\n')).toContain('sleep 1000');
    expect(rig.processes()).toEqual([]);
  });
});
