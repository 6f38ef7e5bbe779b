// The scripted Messages API itself: which turn answers which request, and the forms of its answers.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MessagesRequest, positionOf, turnFor } from '../../demo/messages-api/script.ts';
import { type MessagesApi, startMessagesApi } from '../../demo/messages-api/server.ts';

const user = (...texts: readonly string[]) => ({
  role: 'user',
  content: texts.map((text) => ({ type: 'text', text })),
});
const assistant = { role: 'assistant', content: [{ type: 'text', text: 'ok' }] };
const toolResult = {
  role: 'user',
  content: [
    { type: 'tool_result', tool_use_id: 't' },
    { type: 'text', text: 'beside' },
  ],
};
const request = (...messages: MessagesRequest['messages']): MessagesRequest => ({ model: 'm', messages });

describe('a request', () => {
  test('is at its newest prompt, after as many answers as followed it', () => {
    const reminder = '<system-reminder>be good</system-reminder>';
    expect(
      positionOf(request(user(reminder, 'one'), assistant, user('two'), assistant, toolResult, assistant)),
    ).toEqual({
      prompt: 'two',
      answers: 2,
    });
    expect(positionOf(request(user('one'), user(reminder)))).toEqual({ prompt: 'one', answers: 0 });
  });

  test('gets each error the written number of times, then the reply', () => {
    const script = [
      {
        prompt: 'one',
        turns: [
          { kind: 'error', status: 529, times: 2 },
          { kind: 'reply', text: 'first' },
          { kind: 'error', status: 429, times: 1 },
          { kind: 'reply', text: 'last' },
        ],
      },
    ] as const;
    const at = (failed: number, ...answers: MessagesRequest['messages']) => {
      const turn = turnFor(script, request(user('one'), ...answers), failed);
      return turn.kind === 'error' ? turn.status : turn.kind === 'reply' ? turn.text : turn.kind;
    };
    expect([at(0), at(1), at(2), at(0, assistant), at(1, assistant)]).toEqual([529, 529, 'first', 429, 'last']);
    expect(at(0, assistant, toolResult, assistant)).toBe('last');
  });

  test('that no conversation knows is an error that names the prompt', () => {
    expect(turnFor([], request(user('what?')), 0)).toMatchObject({
      status: 400,
      message: expect.stringContaining('what?'),
    });
  });
});

describe('the server', () => {
  let api: MessagesApi;
  beforeAll(async () => {
    const turns = [
      { kind: 'error', status: 429, retryAfterSeconds: 3, times: 1 },
      {
        kind: 'reply',
        text: 'hello',
        tools: [{ name: 'Bash', input: { command: 'ls' } }],
        usage: { input: 7, output: 9 },
      },
    ] as const;
    api = await startMessagesApi({ script: [{ prompt: 'hi', turns }] });
  });
  afterAll(() => api.close());
  const post = (path: string, body: unknown) =>
    fetch(`${api.url}${path}`, { method: 'POST', body: JSON.stringify(body) });

  test('has errors in the form of the API, and whole messages for a client that does not stream', async () => {
    const limited = await post('/v1/messages', request(user('hi')));
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '3']);
    expect(await limited.json()).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } });
    expect(await (await post('/v1/messages?beta=true', request(user('hi')))).json()).toMatchObject({
      role: 'assistant',
      stop_reason: 'tool_use',
      content: [{ text: 'hello' }, { name: 'Bash', input: { command: 'ls' } }],
      usage: { input_tokens: 7, output_tokens: 9 },
    });
  });

  test('counts tokens, answers probes and records what it was asked', async () => {
    expect(await (await post('/v1/messages/count_tokens', request(user('hi')))).json()).toEqual({
      input_tokens: expect.any(Number),
    });
    expect((await fetch(api.url, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${api.url}/v1/unknown`)).status).toBe(404);
    expect(api.requests.map(({ method, path }) => `${method} ${path}`).slice(-3)).toEqual([
      'POST /v1/messages/count_tokens',
      'HEAD /',
      'GET /v1/unknown',
    ]);
  });
});
