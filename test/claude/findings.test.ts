// What a Claude step's outcome rests on besides its result line, with the real Claude Code CLI: work that was refused or
// cut is found, once, however many messages speak of it.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Turn } from '../../demo/messages-api/script.ts';
import { describeFindings } from '../../src/runs/describe-findings.ts';
import {
  type ClaudeRun,
  type ClaudeRunOptions,
  eventsOf,
  judged,
  newPlace,
  type Place,
  runClaude,
} from '../support/claude-run.ts';

const done = { kind: 'reply', text: 'All done.' } as const satisfies Turn;
const calls = (...tools: readonly { readonly name: string; readonly input: unknown }[]): Turn => ({
  kind: 'reply',
  tools,
});

describe('a step that ends with success', () => {
  let place: Place;
  beforeEach(() => {
    place = newPlace();
  });
  afterEach(() => place.remove());

  function go(turns: readonly Turn[], options: Partial<ClaudeRunOptions> = {}): Promise<ClaudeRun> {
    return runClaude({ place, prompt: 'do it', script: [{ prompt: /./, turns }], ...options });
  }

  function writeSettings(hooks: unknown): void {
    mkdirSync(path.join(place.cwd, '.claude'), { recursive: true });
    writeFileSync(path.join(place.cwd, '.claude/settings.json'), JSON.stringify({ hooks }));
  }

  test('has the denied calls, each once and with what was asked for', async () => {
    const file = path.join(place.cwd, 'a.txt');
    writeFileSync(file, 'a');
    const edit = { name: 'Edit', input: { file_path: file, old_string: 'a', new_string: 'b' } };
    const run = await go([calls(edit, { name: 'Bash', input: { command: 'npm test' } }), done]);

    expect(run.findings.counts).toEqual({ denied: 2 });
    expect(run.findings.items).toMatchObject([
      { kind: 'denied', name: 'Edit', detail: file, input: expect.stringContaining('"new_string":"b"') },
      { kind: 'denied', name: 'Bash', detail: 'npm test', why: 'This command requires approval' },
    ]);
    expect(eventsOf(run, 'claude.permission_denied')).toHaveLength(2);
    expect(run.said.filter(({ text }) => text.includes('permission denied'))).toHaveLength(2);
    expect(judged(run)).toEqual({ kind: 'success' });
  });

  test('is a failure where the step says so, which names what was denied', async () => {
    const run = await go([calls({ name: 'Bash', input: { command: 'npm test' } }), done]);
    expect(judged(run, { onDenied: 'fail' })).toMatchObject({
      kind: 'failure',
      reason: 'denied',
      message: expect.stringMatching(/^1 tool call denied: Bash npm test; allow them/),
    });
  });

  test('reports a call once that a hook has blocked', async () => {
    const hook = { type: 'command', command: 'echo "no rm here" >&2; exit 2' };
    writeSettings({ PreToolUse: [{ matcher: 'Bash', hooks: [hook] }] });
    const bash = calls({ name: 'Bash', input: { command: 'rm -r x' } });
    const run = await go([bash, done], { step: { allowedTools: ['Bash'] } });

    expect(run.findings.counts).toEqual({ denied: 1 });
    expect(run.findings.items).toMatchObject([{ name: 'Bash', why: expect.stringContaining('no rm here') }]);
    expect(run.said.filter(({ text }) => /denied|hook error/.test(text))).toHaveLength(1);
  });

  test('has the hooks that failed', async () => {
    const hook = { type: 'command', command: 'echo "no such database" >&2; exit 3' };
    const hooks = [{ hooks: [hook] }];
    writeSettings({ SessionStart: hooks, PostToolUse: hooks, Stop: hooks });
    const bash = calls({ name: 'Bash', input: { command: 'echo fine' } });
    const run = await go([bash, done], { step: { allowedTools: ['Bash'] } });
    const failed = { kind: 'hook_failed', detail: 'exit code 3: no such database' };
    expect(run.findings.items).toEqual([
      { ...failed, name: 'SessionStart:startup' },
      { ...failed, name: 'PostToolUse:Bash' },
      { ...failed, name: 'Stop' },
    ]);
  });

  test('has the MCP servers that did not come up, and why a tool does not exist', async () => {
    const config = path.join(place.cwd, 'mcp.json');
    const mcpServers = { crash: { command: '/bin/sh', args: ['-c', 'exit 3'] }, gone: { command: '/no/such/server' } };
    writeFileSync(config, JSON.stringify({ mcpServers }));
    const call = calls({ name: 'mcp__crash__query', input: { sql: 'select 1' } });
    const run = await go([call, done], { invocation: { mcpConfigPath: config } });

    expect(run.findings.counts).toEqual({ mcp_unavailable: 2 });
    expect(run.findings.items).toEqual([
      {
        kind: 'mcp_unavailable',
        name: 'crash',
        detail: 'failed',
        why: 'Claude called mcp__crash__query, which did not exist',
      },
      { kind: 'mcp_unavailable', name: 'gone', detail: 'failed' },
    ]);
    expect(run.said.map(({ text }) => text)).toContain('    the MCP server crash is not connected (failed)');
    expect(describeFindings(run.findings)).toBe('2 MCP servers not connected: crash (failed), gone (failed)');
  });

  test('has the answers that reached the limit of output tokens', async () => {
    const cut = { kind: 'reply', text: 'The first half of', stopReason: 'max_tokens' } as const;
    // The CLI asks for the rest by a prompt of its own.
    const script = [
      { prompt: /^Output token limit hit/, turns: [done] },
      { prompt: 'do it', turns: [cut] },
    ];
    const run = await go([], { script });
    expect(run.result).toMatchObject({ subtype: 'success', isError: false });
    expect(run.findings.counts).toEqual({ cut: 1 });
  });

  test('has the answers that were refused', async () => {
    const refusal = { kind: 'reply', text: 'I', stopReason: 'refusal' } as const;
    const script = [
      { prompt: /safety classifier/, turns: [done] },
      { prompt: 'do it', turns: [refusal] },
    ];
    const run = await go([], { script });
    expect(run.findings.counts).toEqual({ refused: 1 });
  });

  test('has nothing if nothing went wrong', async () => {
    const bash = calls({ name: 'Bash', input: { command: 'echo fine' } });
    const run = await go([bash, done], { step: { allowedTools: ['Bash'] } });
    expect(run.findings).toEqual({ counts: {}, items: [] });
    expect(describeFindings(run.findings)).toBe('');
  });
});
