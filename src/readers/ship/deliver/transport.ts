// One OTLP request by an official exporter, and what became of it.
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import { secretsOfAddress, secretsOfHeaders, withoutEcho } from '../../../core/echo.ts';
import { errorCode, toError } from '../../../core/errors.ts';
import type { HttpOptions, Signal } from '../settings.ts';
import { type Answer, answerOfStatus } from './answer.ts';
import type { Export, ExporterOptions } from './exporters.ts';
import { type Answered, guardAgent, watchRequest } from './watch-request.ts';

export type Transport<C> = {
  /** Never throws. One at a time. `bytes` is what went over the wire, compressed as set. */
  readonly send: (content: C, signal: AbortSignal) => Promise<{ readonly answer: Answer; readonly bytes: number }>;
  /** After it nothing is sent, whatever an exporter may still want. */
  readonly close: () => void;
};

export type TransportOptions<C> = {
  readonly signal: Signal | 'metrics';
  readonly options: HttpOptions;
  readonly open: (options: Pick<ExporterOptions, 'agent'>) => Promise<Export<C>>;
};

/** Headers that Node and the exporters set by themselves. */
const plainHeaders = ['host', 'connection', 'user-agent', 'content-type', 'content-encoding', 'content-length'];

export async function openTransport<C>({ signal: kind, options, open }: TransportOptions<C>): Promise<Transport<C>> {
  const url = new URL(options.url);
  const headerNames = [...plainHeaders, ...Object.keys(options.headers).map((name) => name.toLowerCase())];
  // An answer is kept beside what was refused, and shown: it must not say our login back.
  const secrets = [...secretsOfAddress(url), ...secretsOfHeaders(options.headers, plainHeaders)];
  const refuse = (): boolean => false;
  /** Set while a request is expected, for that one. */
  let accept: (request: ClientRequest) => boolean = refuse;
  const connections =
    url.protocol === 'https:'
      ? new https.Agent({ keepAlive: true, ...options.tls })
      : new http.Agent({ keepAlive: true });
  const agent = guardAgent(connections, (request) => accept(request));
  const exportContent = await open({ agent });

  function exchange(content: C, signal: AbortSignal, onBytes: (count: number) => void): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const acceptOnce = (request: ClientRequest): boolean => {
        accept = refuse;
        if (signal.aborted) return false;
        // The exporters add those of OTEL_EXPORTER_OTLP_HEADERS of the process, which may be another's than the run's.
        for (const name of request.getHeaderNames()) if (!headerNames.includes(name)) request.removeHeader(name);
        watchRequest(request, { timeoutMs: options.timeoutMs, signal, onBytes }).then(resolve, reject);
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
    const answered = (answer: Answer) => ({ answer, bytes });
    try {
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
      const partial = readPartialSuccess(kind, body);
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

/** What a server says it did not take of a request that it accepted. */
type PartialSuccess = { readonly rejected: number; readonly message: string };

type Said = {
  readonly errorMessage?: string;
  readonly rejectedLogRecords?: number;
  readonly rejectedSpans?: number;
  readonly rejectedDataPoints?: number;
};
type Deserializer = { readonly deserializeResponse: (body: Uint8Array) => { readonly partialSuccess?: Said } };

const deserializers: Readonly<
  Record<Signal | 'metrics', { readonly json: Deserializer; readonly protobuf: Deserializer }>
> = {
  logs: { json: JsonLogsSerializer, protobuf: ProtobufLogsSerializer },
  traces: { json: JsonTraceSerializer, protobuf: ProtobufTraceSerializer },
  metrics: { json: JsonMetricsSerializer, protobuf: ProtobufMetricsSerializer },
};

function readPartialSuccess(signal: Signal | 'metrics', body: Uint8Array): PartialSuccess | undefined {
  try {
    // An answer is in the encoding of its request. One in JSON begins with a brace; no protobuf answer does.
    const encoding = body[0] === '{'.charCodeAt(0) ? 'json' : 'protobuf';
    const said = deserializers[signal][encoding].deserializeResponse(body).partialSuccess;
    if (said === undefined || said === null) return undefined;
    const rejected = Number(said.rejectedLogRecords ?? said.rejectedSpans ?? said.rejectedDataPoints ?? 0);
    return { rejected, message: said.errorMessage ?? '' };
  } catch {
    // A 2xx with a body that is not an OTLP answer: the status is the acknowledgement, the body only adds to it.
    return undefined;
  }
}
