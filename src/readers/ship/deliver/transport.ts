// One OTLP request by an official exporter, and what became of it.
import type { ClientRequest, IncomingMessage } from 'node:http';
import { secretsOfAddress, secretsOfHeaders, withoutEcho } from '../../../core/echo.ts';
import { errorCode, toError } from '../../../core/errors.ts';
import type { HttpOptions } from '../settings.ts';
import { type Answer, answerOfStatus } from './answer.ts';
import type { Export, ExporterOptions } from './exporters.ts';
import { type Answered, guardAgent, watchRequest } from './watch-request.ts';

/** What a partial success says. It comes from the official deserializers. */
export type PartialSuccess = { readonly rejected: number; readonly message: string };

export type Transport<C> = {
  /** Never throws. One at a time. `bytes` is what went over the wire, compressed as set. */
  readonly send: (content: C, signal: AbortSignal) => Promise<{ readonly answer: Answer; readonly bytes: number }>;
  /** After it nothing is sent, whatever an exporter may still want. */
  readonly close: () => void;
};

export type TransportOptions<C> = {
  readonly http: HttpOptions;
  readonly open: (options: Pick<ExporterOptions, 'agent'>) => Promise<Export<C>>;
  readonly readPartialSuccess: (body: Uint8Array) => PartialSuccess | undefined;
};

/** Headers of the official exporters that say what is sent. */
const plainHeaders = ['content-type', 'user-agent'];

export async function openTransport<C>({ http, open, readPartialSuccess }: TransportOptions<C>): Promise<Transport<C>> {
  const url = new URL(http.url);
  const refuse = (): boolean => false;
  /** Set while a request is expected, for that one. */
  let accept: (request: ClientRequest) => boolean = refuse;
  const agent = guardAgent(await http.agentFactory(url.protocol), (request) => accept(request));
  const exportContent = await open({ agent });

  function exchange(content: C, signal: AbortSignal, onBytes: (count: number) => void): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const acceptOnce = (request: ClientRequest): boolean => {
        accept = refuse;
        if (signal.aborted) return false;
        watchRequest(request, { timeoutMs: http.timeoutMillis, signal, onBytes }).then(resolve, reject);
        return true;
      };
      accept = acceptOnce;
      exportContent(content, ({ error }) => {
        // What the exporter says of a request that was sent is known already, and better.
        if (accept === acceptOnce || signal.aborted) reject(error ?? new Error('nothing was sent'));
      });
    });
  }

  async function send(content: C, signal: AbortSignal): Promise<{ answer: Answer; bytes: number }> {
    let bytes = 0;
    // An answer is kept beside what was refused, and shown: it must not say our login back.
    const secrets = [...secretsOfAddress(url)];
    const answered = (answer: Answer) => ({ answer, bytes });
    try {
      secrets.push(...secretsOfHeaders(await http.headers(), plainHeaders));
      const { response, body } = await exchange(content, signal, (count) => {
        bytes += count;
      });
      const status = response.statusCode ?? 0;
      if (status < 200 || status > 299) {
        const said = withoutEcho(body.toString(), secrets);
        return answered(answerOfStatus(status, said, response.headers['retry-after'], Date.now()));
      }
      if (isWebPage(response)) {
        const message = 'it answered with a web page, as a login page or a wrong address does';
        return answered({ kind: 'misconfigured', status, message });
      }
      const partial = readPartialSuccess(body);
      const message = withoutEcho(partial?.message ?? '', secrets);
      return answered({ kind: 'accepted', rejected: partial?.rejected ?? 0, message });
    } catch (error) {
      const message = withoutEcho(describe(error, url), secrets);
      return answered({ kind: 'unreachable', message, hasConnected: hasConnected(error) });
    }
  }

  return {
    send,
    close() {
      accept = refuse;
      agent.destroy();
    },
  };
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
