// The OTLP intake against callers without a token: what they can occupy, and bytes that are not a request.
import { expect, onTestFinished, test } from 'vitest';
import type { RunId } from '../../src/core/ids.ts';
import { type Intake, type OpenedIntake, startIntake } from '../../src/run/claude/intake/server.ts';
import * as raw from '../support/raw-http.ts';

const attempt = {
  runId: '20260101-000000-aaaaaa' as RunId,
  subject: { step: 'ask', attempt: 1 },
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
};

async function serve(headMs?: number): Promise<{ intake: Intake; opened: OpenedIntake; taken: () => number }> {
  let taken = 0;
  const onRequest = (): void => {
    taken += 1;
  };
  const intake = await startIntake({ onRequest, ...(headMs === undefined ? {} : { headMs }) });
  onTestFinished(() => intake.close());
  return { intake, opened: intake.open(attempt), taken: () => taken };
}

function strange(port: number, bytes: string): raw.Raw {
  const sent = raw.send(port, bytes);
  onTestFinished(() => void sent.socket.destroy());
  return sent;
}

const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: attempt.traceId }] }] }] });

/** A request as Claude Code sends it, with these lines of its head in place of ours. */
function request({ url, token }: OpenedIntake, lines: readonly string[] = [], path = '/v1/traces'): string {
  const { host, pathname } = new URL(url);
  const own = [
    `Host: ${host}`,
    'Content-Type: application/json',
    `X-Stepspan-Token: ${token}`,
    `Content-Length: ${body.length}`,
  ];
  const nameOf = (line: string): string | undefined => line.split(':')[0]?.trim().toLowerCase();
  const kept = own.filter((line) => !lines.some((other) => nameOf(other) === nameOf(line)));
  return `POST ${pathname}${path} HTTP/1.1\r\n${[...kept, ...lines, 'Connection: close'].join('\r\n')}\r\n\r\n${body}`;
}

test('a request that is not of Claude Code is refused, and nothing behind it is read', async () => {
  const { intake, opened, taken } = await serve();
  const shapes = [
    request(opened, ['Content-Length: 5', 'Transfer-Encoding: chunked']),
    request(opened, ['Transfer-Encoding : chunked']),
    request(opened, ['Content-Length: 2', 'Content-Length: 200']),
    request(opened, [`X: ${'a'.repeat(100_000)}`]),
    request(opened, Array<string>(3_000).fill('a: b')),
    request(opened, ['Origin: null']),
    request(opened, ['Host: evil.example']),
    request(opened, ['Host: 127.0.0.1.evil.example']),
    request(opened, [`X-Stepspan-Token: ${opened.token}, ${opened.token}`]),
    request(opened, [`X-Stepspan-Token: ${opened.token}`, `X-Stepspan-Token: ${opened.token}`]),
    request(opened, ['X-Stepspan-Token: ']),
    request(opened, [`X-Stepspan-Token: ${opened.token.toUpperCase()}x`]),
    request(opened, [], '/v1/traces%2f'),
    request(opened, [], '/v1/traces?x=1'),
    request(opened, [], '/../x/v1/traces'),
    request(opened).replace('POST /', `POST http://127.0.0.1:${intake.port}/`),
    request(opened).replace('POST', 'CONNECT'),
    request(opened).replace('HTTP/1.1', 'HTTP/9.9'),
    '\0\0\0\r\n\r\n',
    `\x16\x03\x01\x02${'\0'.repeat(600)}`,
  ];
  for (const shape of shapes) {
    const text = await strange(intake.port, shape).over;
    expect(text, shape.slice(0, 400)).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
    expect(text).not.toContain(opened.token);
  }
  expect(taken()).toBe(0);
  expect(await strange(intake.port, request(opened)).over).toMatch(/^HTTP\/1\.1 200 /);
  expect(taken()).toBe(1);
});

test('who sends nothing or half a head is cut, and a body without a token is not waited for', async () => {
  const { intake, opened } = await serve(150);
  const slow = ['', 'POST /', request(opened).split('\r\n\r\n')[0] as string];
  for (const { over } of slow.map((bytes) => strange(intake.port, bytes))) {
    expect(await over).toMatch(/^(HTTP\/1\.1 408 |$)/);
  }
  const endless = request(opened, ['X-Stepspan-Token: x', 'Content-Length: 60000000']);
  expect(await strange(intake.port, endless).over).toMatch(/^HTTP\/1\.1 401 /);
});

test('unknown callers that take all connections lose them again', async () => {
  const { intake, opened, taken } = await serve(150);
  const flood = Array.from({ length: 300 }, () => strange(intake.port, ''));
  await Promise.all(flood.map(({ over }) => over));
  expect(await strange(intake.port, request(opened)).over).toMatch(/^HTTP\/1\.1 200 /);
  expect(taken()).toBe(1);
});
