// What blocks of Claude Code's messages become: thinking, what the API carries out itself, pictures, and blocks that no
// version has yet. Each is an event and a readable line; none is lost.
import { describe, expect, test } from 'vitest';
import type { ClaudeEvent } from '../../src/core/claude-event.ts';
import { createCostMeter } from '../../src/run/claude/cost.ts';
import { createStreamJsonReader } from '../../src/run/claude/stream-json.ts';

function read(...messages: readonly object[]) {
  const events: ClaudeEvent[] = [];
  const said: string[] = [];
  const reader = createStreamJsonReader({
    meter: createCostMeter(),
    emit: (event) => events.push(event),
    show: (text) => said.push(text),
    version: '1.0.60',
  });
  reader.push(Buffer.from(messages.map((message) => `${JSON.stringify(message)}\n`).join('')));
  reader.end();
  return { events: events.filter(({ type }) => type !== 'claude.usage'), said, findings: reader.findings() };
}

const assistant = (...content: readonly object[]) => ({ type: 'assistant', message: { id: 'm', content } });
const user = (...content: readonly object[]) => ({ type: 'user', message: { content } });

describe('a block', () => {
  test('of thinking is an event and a line, also where the API does not show it', () => {
    const { events, said } = read(
      assistant({ type: 'thinking', thinking: 'First I look.\nThen I act.', signature: 'x' }),
      assistant({ type: 'redacted_thinking', data: 'x' }),
    );
    expect(events).toMatchObject([
      { type: 'claude.thinking', text: 'First I look.\nThen I act.' },
      { type: 'claude.thinking', text: '' },
    ]);
    expect(said).toEqual(['✻ First I look.\n  Then I act.', '✻ thinking (not shown by the API)']);
  });

  test('of a tool that the API carries out is a call and a result', () => {
    const hit = { type: 'web_search_result', title: 'Node 24', url: 'https://nodejs.org/24' };
    const error = { type: 'web_fetch_tool_result_error', error_code: 'url_not_accessible' };
    const { events, said, findings } = read(
      assistant({ type: 'server_tool_use', id: 's1', name: 'web_search', input: { query: 'node 24' } }),
      assistant({ type: 'web_search_tool_result', tool_use_id: 's1', content: [hit] }),
      assistant({ type: 'server_tool_use', id: 's2', name: 'web_fetch', input: { url: 'https://x.example' } }),
      assistant({ type: 'web_fetch_tool_result', tool_use_id: 's2', content: error }),
      { type: 'result', subtype: 'success' },
    );
    expect(events.slice(0, 4)).toMatchObject([
      { type: 'claude.tool_called', tool: 'web_search', toolUseId: 's1', serverSide: true },
      { type: 'claude.tool_returned', toolUseId: 's1', isError: false, text: 'Node 24 https://nodejs.org/24' },
      { type: 'claude.tool_called', tool: 'web_fetch', serverSide: true },
      {
        type: 'claude.tool_returned',
        toolUseId: 's2',
        isError: true,
        text: '[web_fetch_tool_result_error: url_not_accessible]',
      },
    ]);
    expect(said.slice(0, 2)).toEqual(['● web_search(node 24)', '  ⎿ Node 24 https://nodejs.org/24']);
    expect(findings.counts).toEqual({});
  });

  test('of a kind that nobody knows is kept by its name', () => {
    const { events, said } = read(assistant({ type: 'hologram', beam: 1 }));
    expect(events).toEqual([{ type: 'claude.unknown', messageType: 'assistant', blockType: 'hologram' }]);
    expect(said).toEqual(['◦ a block of type hologram']);
  });

  test('with data in base64 is named by its type and size, and never repeated', () => {
    const data = Buffer.alloc(1_900_000, 7).toString('base64');
    const { events, said } = read(
      assistant({ type: 'tool_use', id: 't', name: 'Read', input: { file_path: '/a.png' } }),
      user({
        type: 'tool_result',
        tool_use_id: 't',
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data } },
          { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data } },
          { type: 'resource', resource: { uri: 'db://x', mimeType: 'audio/wav', blob: data } },
        ],
      }),
    );
    const text =
      '[image image/png, 1.8 MiB]\n[document application/pdf, 1.8 MiB]\n[resource db://x, audio/wav, 1.8 MiB]';
    expect(events.at(-1)).toMatchObject({ type: 'claude.tool_returned', text });
    expect(JSON.stringify(events).length + said.join('').length).toBeLessThan(2_000);
  });
});

describe('what a session says', () => {
  test('has the version that was found where Claude Code does not name its own', () => {
    const { said } = read({ type: 'system', subtype: 'init', session_id: 's', model: 'sonnet' });
    expect(said).toEqual(['Claude Code 1.0.60, sonnet, session s']);
  });

  test('of MCP servers that are not connected, whatever the status is called', () => {
    const mcp_servers = [
      { name: 'up', status: 'connected' },
      { name: 'slow', status: 'pending' },
      { name: 'locked', status: 'needs-auth' },
      { name: 'off', status: 'disabled' },
    ];
    const init = {
      type: 'system',
      subtype: 'init',
      session_id: 's',
      model: 'm',
      claude_code_version: '2',
      mcp_servers,
    };
    const { findings } = read(init);
    expect(findings.items.map(({ name, detail }) => `${name} ${detail}`)).toEqual([
      'slow pending',
      'locked needs-auth',
    ]);
    const later = { ...init, mcp_servers: mcp_servers.map((each) => ({ ...each, status: 'connected' })) };
    expect(read(init, later).findings.counts).toEqual({});
  });
});

describe('a denial', () => {
  const call = assistant({ type: 'tool_use', id: 't', name: 'Bash', input: { command: 'npm test' } });
  const refused = user({
    type: 'tool_result',
    tool_use_id: 't',
    is_error: true,
    content: 'This command requires approval',
  });
  const named = (id: string) => ({ tool_name: 'Bash', tool_use_id: id, tool_input: { command: 'npm test' } });
  const result = (...permission_denials: readonly object[]) => ({
    type: 'result',
    subtype: 'success',
    permission_denials,
  });

  test.each([
    ['by the result line alone', [call, result(named('t'))]],
    ['by the result of the tool alone', [call, refused, result()]],
    ['by both', [call, refused, result(named('t'))]],
    ['twice by a result line without ids', [call, result(named(''), named(''))]],
  ])('that comes %s is shown once', (_name, messages) => {
    const { events, said, findings } = read(...messages);
    expect(events.filter(({ type }) => type === 'claude.permission_denied')).toHaveLength(1);
    expect(said.filter((text) => /denied|approval/.test(text))).toHaveLength(1);
    expect(findings).toMatchObject({ counts: { denied: 1 }, items: [{ name: 'Bash', detail: 'npm test' }] });
  });

  test('is not what an interrupted or failing call is', () => {
    const failed = user({
      type: 'tool_result',
      tool_use_id: 't',
      is_error: true,
      content: 'Exit code 1\nPermission denied',
    });
    expect(read(call, failed, result()).findings.counts).toEqual({});
  });
});

describe('a subagent', () => {
  test('that fails is found once, and a command in the background that fails is not one', () => {
    const started = (id: string, task_type: string) => ({
      type: 'system',
      subtype: 'task_started',
      task_id: id,
      tool_use_id: id,
      task_type,
      subagent_type: task_type === 'local_agent' ? 'reviewer' : undefined,
    });
    const ended = (id: string) => ({
      type: 'system',
      subtype: 'task_notification',
      task_id: id,
      tool_use_id: id,
      status: 'failed',
      summary: 'It broke.',
    });
    const { findings } = read(
      started('a', 'local_agent'),
      started('b', 'local_bash'),
      ended('a'),
      ended('a'),
      ended('b'),
    );
    expect(findings.items).toEqual([{ kind: 'subagent_failed', name: 'reviewer', detail: 'It broke.' }]);
  });

  test('or any call that never got a result is found at the end', () => {
    const call = assistant({ type: 'tool_use', id: 't', name: 'Task', input: { prompt: 'look' } });
    const { findings } = read(call, { type: 'result', subtype: 'success' });
    expect(findings.items).toMatchObject([{ kind: 'unanswered', name: 'Task', detail: 'look' }]);
  });
});
