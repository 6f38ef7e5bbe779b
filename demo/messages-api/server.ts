// A scripted stand-in for Anthropic's Messages API, on loopback. It is a fake, because the real API needs an account
// and a network that tests and the demo do not have. The Claude Code CLI that talks to it is the real one.
// It knows nothing of stepspan: it takes a script and answers requests.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MessagesRequest, positionOf, type Script, type Turn, turnFor } from './script.ts';
import { contentEvents, endEvents, messageStart, replyBody, type SseEvent } from './sse.ts';

export type RecordedRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The parsed body of a message request, else undefined. */
  readonly body: MessagesRequest | undefined;
};

export type MessagesApi = {
  /** For ANTHROPIC_BASE_URL. */
  readonly url: string;
  /** Every request so far, in order of arrival. */
  readonly requests: readonly RecordedRequest[];
  /** Resolves as soon as a recorded request passes the test. */
  readonly waitFor: (test: (request: RecordedRequest) => boolean) => Promise<RecordedRequest>;
  /** Breaks open connections and stops listening. */
  readonly close: () => Promise<void>;
};

/** Starts the API on a free port. Bad scripts show as HTTP 400 with a message that names the prompt. */
export async function startMessagesApi(options: { readonly script: Script }): Promise<MessagesApi> {
  const requests: RecordedRequest[] = [];
  const waiting = new Set<() => void>();
  const failures = new Map<string, number>();
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://loopback').pathname;
    const text = await bodyOf(request);
    const isMessages = request.method === 'POST' && path.startsWith('/v1/messages');
    const body = isMessages ? (JSON.parse(text) as MessagesRequest) : undefined;
    requests.push({ method: request.method ?? '', path, headers: request.headers, body });
    for (const wake of waiting) wake();
    if (path === '/v1/messages/count_tokens')
      return sendJson(response, 200, { input_tokens: Math.ceil(text.length / 4) });
    if (body !== undefined) return answerMessages(body, request.headers, response);
    // The CLI probes the API's root before it starts; everything else that it asks for is optional to it.
    if (request.method === 'HEAD' || path === '/') return sendJson(response, 200, {});
    return sendError(response, { kind: 'error', status: 404, message: `the scripted API has no ${path}` });
  }

  async function answerMessages(
    body: MessagesRequest,
    headers: IncomingHttpHeaders,
    response: ServerResponse,
  ): Promise<void> {
    const position = positionOf(body);
    const session = headers['x-claude-code-session-id'] ?? body.metadata?.user_id ?? '';
    const key = `${String(session)}\n${position.answers}\n${position.prompt}`;
    const failed = failures.get(key) ?? 0;
    const turn = turnFor(options.script, body, failed);
    if (turn.kind === 'error') failures.set(key, failed + 1);
    await play(turn, body, response);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    waitFor: (test) =>
      new Promise((resolve) => {
        const look = () => {
          const found = requests.find(test);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Sends one turn. A client that goes away in between ends it silently. */
async function play(turn: Turn, request: MessagesRequest, response: ServerResponse): Promise<void> {
  const messageId = `msg_${randomUUID().replaceAll('-', '').slice(0, 24)}`;
  switch (turn.kind) {
    case 'error':
      return sendError(response, turn);
    case 'silence':
      return;
    case 'hang':
      writeUnended(turn.text, request, messageId, response);
      return;
    case 'drop':
      writeUnended(turn.text, request, messageId, response);
      // Only when the text is on its way: the client is to see a stream that breaks, not one that never began.
      return void response.write('\n', () => response.destroy());
    case 'reply': {
      if (turn.delayMs !== undefined) await sleep(turn.delayMs);
      if (request.stream !== true) return sendJson(response, 200, replyBody(turn, request, messageId));
      openStream(response);
      write(response, messageStart(turn, request, messageId));
      for (const event of contentEvents(turn, messageId)) {
        if (turn.pieceDelayMs !== undefined) await sleep(turn.pieceDelayMs);
        write(response, event);
      }
      for (const event of endEvents(turn)) write(response, event);
      response.end();
    }
  }
}

function writeUnended(text: string, request: MessagesRequest, messageId: string, response: ServerResponse): void {
  const reply = { kind: 'reply', text } as const;
  openStream(response);
  write(response, messageStart(reply, request, messageId));
  for (const event of contentEvents(reply, messageId)) if (event.event !== 'content_block_stop') write(response, event);
}

function openStream(response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'request-id': `req_${randomUUID().slice(0, 8)}`,
  });
}

function write(response: ServerResponse, { event, data }: SseEvent): void {
  response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Error types by status, from the API's error reference. */
const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  500: 'api_error',
  529: 'overloaded_error',
};

function sendError(response: ServerResponse, turn: Extract<Turn, { kind: 'error' }>): void {
  const type = ERROR_TYPES[turn.status] ?? 'api_error';
  const retry = turn.retryAfterSeconds === undefined ? {} : { 'retry-after': String(turn.retryAfterSeconds) };
  const body = { type: 'error', error: { type, message: turn.message ?? `scripted ${type}` } };
  response
    .writeHead(turn.status, {
      'content-type': 'application/json',
      'request-id': 'req_scripted',
      ...retry,
      ...turn.headers,
    })
    .end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
