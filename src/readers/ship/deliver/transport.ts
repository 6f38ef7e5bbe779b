// One OTLP request over HTTP, and what became of it. It reads settings as the official exporters do and keeps their
// connection handling, but not their transport: that one retries by itself, and of a 429 or a 503 it reports neither the
// status nor Retry-After, of a partial success only a line in the SDK's log (docs/telemetry.md, "Why not as they are").

import type { Agent as HttpAgent, IncomingMessage } from 'node:http';
import http from 'node:http';
import https from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { formatSetDuration } from '../../../core/duration.ts';
import { secretsOfAddress, secretsOfHeaders, withoutEcho } from '../../../core/echo.ts';
import { errorCode, toError } from '../../../core/errors.ts';
import type { HttpOptions } from '../settings.ts';
import { type Answer, answerOfStatus } from './answer.ts';

/** What a partial success says. It comes from the official deserializers. */
export type PartialSuccess = { readonly rejected: number; readonly message: string };

export type Transport = {
  /** Never throws. `bytes` is what went over the wire, compressed as set. */
  readonly send: (
    body: Uint8Array,
    signal: AbortSignal,
  ) => Promise<{ readonly answer: Answer; readonly bytes: number }>;
  readonly close: () => void;
};

/** An answer longer than this is not an OTLP answer; the rest is not read. */
const maxAnswerBytes = 64 * 1024;

/** Headers of the official exporters that say what is sent. */
const plainHeaders = ['content-type', 'user-agent'];

const compress = promisify(gzip);

export function createTransport(
  options: HttpOptions,
  readPartialSuccess: (body: Uint8Array) => PartialSuccess | undefined,
): Transport {
  const url = new URL(options.url);
  let agent: Promise<HttpAgent> | undefined;

  async function send(body: Uint8Array, signal: AbortSignal): Promise<{ answer: Answer; bytes: number }> {
    let bytes = body.byteLength;
    // An answer is kept beside what was refused, and shown: it must not say our login back.
    const secrets = [...secretsOfAddress(url)];
    try {
      const zipped = options.compression === 'gzip';
      // Level 1: 236 MB/s against 60 at the default of 6, for logs a few percent larger.
      const payload = zipped ? await compress(body, { level: 1 }) : body;
      bytes = payload.byteLength;
      agent ??= Promise.resolve(options.agentFactory(url.protocol));
      const given = await options.headers();
      secrets.push(...secretsOfHeaders(given, plainHeaders));
      const headers = {
        ...given,
        'User-Agent': options.userAgent ?? 'stepspan OTel-OTLP-Exporter-JavaScript',
        'Content-Length': String(payload.byteLength),
        ...(zipped ? { 'Content-Encoding': 'gzip' } : {}),
      };
      const { response, text } = await exchange(url, payload, {
        headers,
        agent: await agent,
        signal,
        timeoutMs: options.timeoutMillis,
      });
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300 && isWebPage(response)) {
        const message = 'it answered with a web page, as a login page or a wrong address does';
        return { answer: { kind: 'misconfigured', status, message }, bytes };
      }
      if (status >= 200 && status < 300) {
        const partial = readPartialSuccess(text);
        return {
          answer: {
            kind: 'accepted',
            rejected: partial?.rejected ?? 0,
            message: withoutEcho(partial?.message ?? '', secrets),
          },
          bytes,
        };
      }
      const said = withoutEcho(text.toString(), secrets);
      return { answer: answerOfStatus(status, said, response.headers['retry-after'], Date.now()), bytes };
    } catch (error) {
      const message = withoutEcho(describe(error, url), secrets);
      return { answer: { kind: 'unreachable', message, hasConnected: hasConnected(error) }, bytes };
    }
  }

  return {
    send,
    close() {
      agent?.then((made) => made.destroy()).catch(() => {});
    },
  };
}

type Exchange = {
  readonly headers: Record<string, string>;
  readonly agent: HttpAgent;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
};

function exchange(
  url: URL,
  payload: Uint8Array,
  { headers, agent, signal, timeoutMs }: Exchange,
): Promise<{ response: IncomingMessage; text: Buffer }> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      method: 'POST',
      headers,
      agent,
      signal,
    });
    // A limit on the whole exchange and not on silence only, which a server could stretch with a byte now and then.
    const timer = setTimeout(
      () => request.destroy(new Error(`no answer within ${formatSetDuration(timeoutMs)}`)),
      timeoutMs,
    );
    const settle = (end: () => void) => (): void => {
      clearTimeout(timer);
      end();
    };
    request.on('error', (error) => settle(() => reject(error))());
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= maxAnswerBytes) chunks.push(chunk);
      });
      response.on(
        'end',
        settle(() => resolve({ response, text: Buffer.concat(chunks) })),
      );
      response.on('error', (error) => settle(() => reject(error))());
      // A connection that breaks inside the answer ends with neither `end` nor, at times, `error`.
      response.on(
        'close',
        settle(() => reject(new Error('the connection broke inside the answer'))),
      );
    });
    request.end(payload);
  });
}

/** A portal in between says 200 with its page and has taken nothing; an OTLP server answers in JSON, protobuf, or not at all. */
function isWebPage(response: IncomingMessage): boolean {
  return /^text\/html\b/i.test(response.headers['content-type'] ?? '');
}

/** A host with several addresses fails with one error that holds one for each. */
function firstOf(error: unknown): Error {
  return toError(error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error);
}

/** Whether a server was reached: a connection that broke, or an answer that did not come, is not an endpoint that is off. */
function hasConnected(error: unknown): boolean {
  const first = firstOf(error);
  return !('syscall' in first && (first.syscall === 'connect' || first.syscall === 'getaddrinfo'));
}

function describe(error: unknown, url: URL): string {
  const first = firstOf(error);
  return `${url.origin}${url.pathname}: ${first.message || errorCode(first) || 'the connection failed'}`;
}
