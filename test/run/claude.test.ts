// Steps of Claude Code through the whole of stepspan: the real CLI, started by the real engine, against a scripted API.
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelUsage } from '../../src/core/claude-event.ts';
import { parentSpanId } from '../../src/core/ids.ts';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';
import type { RunJournal } from '../support/journal.ts';

const usage = { input: 1_000, output: 100, cacheRead: 500, cacheCreation: 200 } as const;
const bash = (command: string) => ({ name: 'Bash', input: { command, description: 'x' } });

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig({
    script: [
      {
        prompt: 'Count the files of main',
        turns: [
          { kind: 'reply', text: 'I look.', tools: [bash('ls -1 *.txt | wc -l')], usage },
          { kind: 'reply', text: 'There are 2.', usage },
        ],
      },
      { prompt: 'And now add one', turns: [{ kind: 'reply', text: 'That makes 3.', usage }] },
      {
        prompt: 'Judge',
        turns: [
          { kind: 'reply', tools: [{ name: 'StructuredOutput', input: { verdict: 'fix', items: [{ n: 7 }] } }] },
          { kind: 'reply', text: 'Done.' },
        ],
      },
      {
        prompt: 'Write a file',
        turns: [
          { kind: 'reply', tools: [bash('touch written')] },
          { kind: 'reply', text: 'I was not allowed.' },
        ],
      },
      { prompt: 'Fail', turns: [{ kind: 'error', status: 400, message: 'the prompt is bad' }] },
      {
        prompt: 'Overload',
        turns: [
          { kind: 'error', status: 529, times: 1 },
          { kind: 'reply', text: 'Better now.' },
        ],
      },
      {
        prompt: 'Ask the server',
        turns: [
          { kind: 'reply', tools: [{ name: 'mcp__sums__add', input: { a: 20, b: 22 } }] },
          { kind: 'reply', text: 'It is 42.' },
        ],
      },
      { prompt: 'Say nothing', turns: [{ kind: 'silence' }] },
      { prompt: 'Always overloaded', turns: [{ kind: 'error', status: 529 }] },
    ],
  });
  for (const name of ['a.txt', 'b.txt']) writeFileSync(path.join(rig.work, name), '');
});
afterAll(() => rig.close());

const sum = (uses: readonly ModelUsage[]): number =>
  uses.reduce((n, use) => n + use.inputTokens + use.outputTokens + use.cacheReadTokens + use.cacheCreationTokens, 0);

const work = `
name: work
params: {what: main}
steps:
  - {id: before, run: 'x="{ params.what }"; printf "it is %s" "{$x}"', readOnly: true}
  - id: count
    needs: before
    claude: {promptFile: prompts/count.md, allowedTools: [Bash], model: sonnet, appendSystemPrompt: 'of {{ params.what }}'}
  - {id: more, needs: count, claude: {resume: count, prompt: 'And now add one to {{ steps.count.output }}'}}
  - id: judge
    claude:
      prompt: Judge
      jsonSchema:
        type: object
        properties: {verdict: {type: string}, items: {type: array, items: {type: object, properties: {n: {type: number}}}}}
        required: [verdict]
  - {id: fix, needs: judge, when: steps.judge.output.verdict == 'fix', env: {N: '{{ steps.judge.output.items.0.n }}'}, run: 'echo "$N $STEPSPAN_OUTPUT_JUDGE"'}
  - {id: leave, needs: judge, when: steps.judge.output.verdict != 'fix', run: 'true'}
`;

describe('a workflow of Claude Code steps', () => {
  let ran: Awaited<ReturnType<CliRig['runYaml']>>;
  let journal: RunJournal;
  beforeAll(async () => {
    rig.write('prompts/count.md', 'Count the files of {{ params.what }}, {{ steps.before.output }}\n');
    ran = await rig.runYaml(work);
    journal = await rig.journal(ran.result.runId);
  });

  test('succeeds, and chooses steps by what another one answered', () => {
    expect([ran.code, ran.result.outcome]).toEqual([0, 'success']);
    expect(outcomesOf(ran.result)).toMatchObject({
      count: 'success',
      more: 'success',
      judge: 'success',
      fix: 'success',
      leave: 'skip',
    });
    expect(journal.text('stdout', 'fix')).toBe('7 {"verdict":"fix","items":[{"n":7}]}\n');
    expect(rig.processes()).toEqual([]);
  });

  test('asks with values filled in once', () => {
    const prompts = rig.api?.requests.flatMap(({ body }) => (body === undefined ? [] : [JSON.stringify(body)])) ?? [];
    expect(prompts.some((text) => text.includes('Count the files of main, it is {{ params.what }}'))).toBe(true);
    expect(prompts.some((text) => text.includes('And now add one to There are 2.'))).toBe(true);
  });

  test('shows what it did for people and as events, beside the raw lines', () => {
    expect(ran.stderr).toContain('count | I look.\n');
    expect(journal.text('stdout', 'count')).toMatch(/I look\.[\s\S]*Bash[\s\S]*ls -1[\s\S]*2[\s\S]*There are 2\./);
    expect(journal.events('claude.tool_called', 'count')).toMatchObject([{ tool: 'Bash' }]);
    expect(journal.events('claude.tool_returned', 'count')).toMatchObject([{ isError: false, text: '2' }]);
    const raw = journal
      .text('debug', 'count')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).type);
    expect(raw[0]).toBe('system');
    expect(raw.at(-1)).toBe('result');
  });

  test('continues a session', () => {
    const sessions = ['count', 'more'].map((step) => journal.events('claude.session', step)[0]?.sessionId);
    expect(sessions[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(journal.events('attempt.started', 'more')[0]?.command).toContain(`--resume ${sessions[0]}`);
  });

  test('costs the same in the API, the result lines, the events and the JSON', () => {
    const { result } = ran;
    const costs = ['count', 'more', 'judge'].map((step) => journal.events('claude.cost', step).at(-1));
    expect(sum(costs[0]?.models ?? [])).toBe(2 * 1_800);
    expect(sum(costs[1]?.models ?? [])).toBe(1_800);
    const results = ['count', 'more', 'judge'].map((step) => journal.events('claude.result', step)[0]?.costUsd ?? 0);
    expect(costs.map((cost) => cost?.costUsd)).toEqual(results);
    expect(results.every((cost) => cost > 0)).toBe(true);
    const total = results.reduce((a, b) => a + b, 0);
    expect(result.costUsd).toBeCloseTo(total, 8);
    expect(result.tokens).toBe(costs.reduce((n, cost) => n + sum(cost?.models ?? []), 0));
    expect(result.costEstimated).toBe(false);
    expect(journal.events('run.finished')[0]?.costUsd).toBeCloseTo(total, 8);
    expect(result.steps.map(({ id, costUsd }) => [id, costUsd])).toContainEqual(['count', results[0]]);
  });

  test('has the spans of Claude Code below those of its steps', () => {
    const { result } = ran;
    for (const step of ['count', 'more', 'judge']) {
      const [nesting] = journal.events('claude.nesting', step);
      expect({ step, own: (nesting?.ownSpans ?? 0) > 0, derived: nesting?.derivedSpans }).toEqual({
        step,
        own: true,
        derived: 0,
      });
    }
    const traces = journal.events('claude.telemetry', 'count').filter(({ signal }) => signal === 'traces');
    const text = JSON.stringify(traces.map(({ request }) => request));
    expect(text).toContain(parentSpanId(result.runId as never, 'count', 1));
    expect(text).toContain(result.traceId);
  });
});

describe('a Claude Code step', () => {
  test('says what was refused, what the API said, and why it could not begin', async () => {
    const { code, result } = await rig.runYaml(
      `
name: bad
concurrency: 3
steps:
  - {id: denied, claude: {prompt: Write a file, permissionMode: dontAsk}}
  - {id: api, claude: Fail}
  - {id: again, claude: Overload}
  - {id: wrote, run: echo no gone.md}
  - {id: gone, needs: wrote, claude: {promptFile: gone.md}}
  - {id: text, run: 'echo no json'}
  - {id: field, needs: text, claude: 'Use {{ steps.text.output.name }}'}
  - {id: empty, needs: nothing, claude: '{{ steps.nothing.output }}'}
  - {id: nothing, run: 'true'}
  - {id: lost, needs: [api, gone], when: always(), claude: {resume: gone, prompt: continue}}
`,
    );
    expect(code).toBe(1);
    expect(outcomesOf(result)).toEqual({
      denied: 'success',
      api: 'failure',
      again: 'success',
      wrote: 'success',
      gone: 'error',
      text: 'success',
      field: 'error',
      empty: 'error',
      nothing: 'success',
      lost: 'error',
    });
    const messages = Object.fromEntries(result.steps.map(({ id, message }) => [id, message]));
    expect(messages.api).toContain('the prompt is bad');
    expect(messages.gone).toMatch(/gone\.md/);
    expect(messages.field).toMatch(/step `text` is not JSON/);
    expect(messages.empty).toMatch(/prompt is empty/);
    expect(messages.lost).toMatch(/step `gone` left no session/);
    const journal = await rig.journal(result.runId);
    expect(journal.events('claude.permission_denied', 'denied')).toMatchObject([{ tool: 'Bash' }]);
    expect(journal.events('claude.retrying', 'again').length).toBeGreaterThan(0);
    expect(journal.events('step.finished', 'gone')[0]?.outcome).toMatchObject({ reason: 'setup' });
  });

  test('uses an MCP server that the workflow configures, and leaves no file with its configuration behind', async () => {
    rig.write(
      'sums.mjs',
      `import { createInterface } from 'node:readline';
const send = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n');
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (method === 'initialize') send(id, { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'sums', version: '1' } });
  else if (method === 'tools/list') send(id, { tools: [{ name: 'add', inputSchema: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } } }] });
  else if (method === 'tools/call') send(id, { content: [{ type: 'text', text: String(params.arguments.a + params.arguments.b) }] });
  else if (id !== undefined) send(id, {});
}
`,
    );
    const { code, result } = await rig.runYaml(
      `
name: mcp
steps:
  - id: ask
    claude:
      prompt: Ask the server
      allowedTools: [mcp__sums__add]
      mcpConfig: {mcpServers: {sums: {command: node, args: ['${path.join(rig.work, 'sums.mjs')}'], env: {X: '1'}}}}
`,
      [],
      { TMPDIR: rig.folder },
    );
    expect([code, result.outcome]).toEqual([0, 'success']);
    const journal = await rig.journal(result.runId);
    expect(journal.events('claude.session')[0]?.mcpServers).toEqual([{ name: 'sums', status: 'connected' }]);
    expect(journal.events('claude.tool_returned')).toMatchObject([{ isError: false, text: '42' }]);
    expect(readdirSync(rig.folder).filter((name) => name.startsWith('stepspan-mcp-'))).toEqual([]);
    expect(rig.processes()).toEqual([]);
  });
});

describe('Claude Code that is ended', () => {
  test('by a timeout while the API is silent leaves nothing running, and the silence was shown before', async () => {
    const {
      code,
      result,
      stderr: shown,
    } = await rig.runYaml(`
name: silent
steps:
  - {id: quiet, timeout: 3s, claude: Say nothing, stalls: {noOutput: {after: 1s}}}
`);
    expect([code, result.steps[0]?.outcome]).toEqual([1, 'timeout']);
    expect(shown).toMatch(/stalled \(no output\)/);
    const journal = await rig.journal(result.runId);
    // On a machine that is out of breath a late line of its start clears the first stall, and there is a second.
    const [stall] = journal.events('stall.detected');
    expect(stall).toMatchObject({ cause: 'no_output', action: 'none' });
    expect(journal.events('claude.nesting')).toHaveLength(1);
    expect(rig.processes()).toEqual([]);
  });

  test('by a stall has stalled, whatever its last result line says', async () => {
    const { code, result } = await rig.runYaml(`
name: stalled
steps:
  - {id: quiet, claude: Always overloaded, stalls: {rateLimited: {after: 1s, action: kill}}}
`);
    const journal = await rig.journal(result.runId);
    // None if the machine is so busy that it is killed before it has written one.
    expect(journal.events('claude.result').every(({ isError }) => isError)).toBe(true);
    expect(journal.events('step.finished')[0]?.outcome).toMatchObject({ kind: 'error', reason: 'stalled' });
    expect(code).toBe(3);
  });
});
