// A Claude step that ends well although its work was refused, through the whole of stepspan: the real CLI and a scripted
// API. Summary, `--json`, `show` and the outcome say what was denied, and a step can ask for that to be a failure.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig({
    script: [
      {
        prompt: 'Fix it',
        turns: [
          { kind: 'reply', tools: [{ name: 'Bash', input: { command: 'npm test', description: 'x' } }] },
          { kind: 'reply', text: 'All is well.' },
        ],
      },
      { prompt: 'Ask the server', turns: [{ kind: 'reply', text: 'There is none.' }] },
      { prompt: 'Overload', turns: [{ kind: 'error', status: 529 }] },
      { prompt: 'Say nothing', turns: [{ kind: 'silence' }] },
      { prompt: 'Write long', turns: [{ kind: 'reply', text: 'word word wo'.repeat(40), pieceDelayMs: 300 }] },
    ],
  });
  const server = (script: string) => ({ command: '/bin/sh', args: ['-c', script] });
  writeFileSync(path.join(rig.work, 'mcp.json'), JSON.stringify({ mcpServers: { crash: server('exit 3') } }));
  writeFileSync(path.join(rig.work, 'hang.json'), JSON.stringify({ mcpServers: { hang: server('sleep 600') } }));
});
afterAll(() => rig.close());

describe('a Claude step', () => {
  test('that was denied a call succeeds with warnings, which summary, --json and show name', async () => {
    const yaml = 'name: denied\nsteps: [{id: fix, claude: Fix it}]\n';
    const { code, result } = await rig.runYaml(yaml);
    const { stdout } = await rig.run(['run', rig.write('denied.yaml', yaml)]);
    expect([code, result.outcome, result.warnings]).toEqual([0, 'success', 1]);
    const item = { kind: 'denied', name: 'Bash', detail: 'npm test', input: expect.stringContaining('npm test') };
    expect(result.steps).toMatchObject([{ outcome: 'success', findings: { counts: { denied: 1 }, items: [item] } }]);
    const shown = await rig.run(['show', result.runId]);
    for (const text of [stdout, shown.stdout]) {
      expect(text).toContain('success, with warnings');
      expect(text).toContain('1 tool call denied: Bash npm test');
    }
    const json = await rig.run(['show', result.runId, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ warnings: 1, steps: [{ findings: { items: [item] } }] });
  });

  test('with onDenied: fail is a failure that names the call', async () => {
    const { code, result } = await rig.runYaml(`
name: strict
steps: [{id: fix, claude: {prompt: Fix it, onDenied: fail}}]
`);
    expect(code).toBe(1);
    expect(result.steps).toMatchObject([
      { outcome: 'failure', message: expect.stringMatching(/^1 tool call denied: Bash npm test; allow them with/) },
    ]);
  });

  test('that requires an MCP server which did not come up fails at once', async () => {
    const { code, result } = await rig.runYaml(`
name: needy
concurrency: 2
steps:
  - {id: reported, claude: {prompt: Ask the server, mcpConfig: mcp.json}}
  - {id: ask, claude: {prompt: Say nothing, mcpConfig: mcp.json, requireMcp: [crash]}}
  - {id: typo, claude: {prompt: Say nothing, mcpConfig: mcp.json, requireMcp: [crush]}}
  - {id: hung, env: {MCP_TIMEOUT: "500"}, claude: {prompt: Say nothing, mcpConfig: hang.json, requireMcp: [hang]}}
`);
    expect(code).toBe(1);
    expect(outcomesOf(result)).toEqual({
      reported: 'success',
      ask: 'failure',
      typo: 'failure',
      hung: 'failure',
    });
    expect(result.steps).toMatchObject([
      { findings: { counts: { mcp_unavailable: 1 } } },
      { message: expect.stringContaining('a required MCP server is not connected: crash (failed)') },
      { message: expect.stringContaining('crush (not configured)') },
      // Claude Code stops to wait after MCP_TIMEOUT. On a busy machine it calls the server pending then.
      { message: expect.stringMatching(/a required MCP server is not connected: hang \((failed|pending)\)/) },
    ]);
    // The server that hangs does not outlive its step.
    expect(rig.processes()).toEqual([]);
  });
});

describe('a step that is stopped', () => {
  test('names the last error of the API and which try it was', async () => {
    const file = rig.write('overloaded.yaml', 'name: overloaded\nsteps: [{id: ask, claude: Overload}]\n');
    const run = rig.start(['run', file]);
    await run.said(/retry 2 of/);
    run.child.kill('SIGINT');
    const { stdout } = await run.done;
    expect(stdout).toMatch(/last: API error 529 \(overloaded\), try \d+ of \d+/);
  });

  test('names the question that it asked, or that it printed nothing', async () => {
    const { result } = await rig.runYaml(`
name: question
steps:
  - {id: ask, timeout: 5s, run: "printf 'Deleting\\nSure? [y/N] '; sleep 60"}
  - {id: mute, timeout: 1s, run: sleep 60}
`);
    expect(result.steps).toMatchObject([
      { outcome: 'timeout', message: expect.stringMatching(/; waiting for an answer to: Sure\? \[y\/N\]$/) },
      { outcome: 'timeout', message: expect.stringMatching(/; it had printed nothing$/) },
    ]);
  });
});

test('an answer that is being written is a sign of life, and its pieces are not recorded', async () => {
  const { result } = await rig.runYaml(`
name: long
steps: [{id: ask, stalls: {noOutput: {after: 10s, action: kill}}, claude: Write long}]
`);
  expect(outcomesOf(result)).toEqual({ ask: 'success' });
  const journal = await rig.journal(result.runId);
  expect(journal.text('debug', 'ask')).not.toContain('stream_event');
  expect(journal.text('debug', 'ask')).toContain('"type":"assistant"');
  expect(journal.events('claude.streaming', 'ask').length).toBeGreaterThanOrEqual(1);
  expect(journal.events('attempt.finished', 'ask')).toMatchObject([{ partialMessages: expect.any(Number) }]);
});
