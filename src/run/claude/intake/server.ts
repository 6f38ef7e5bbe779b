// The loopback intake for Claude Code's own OTLP: one server for each run, one path and token for each attempt, so that each request
// is known to belong to a step. The engine opens a channel for each attempt; a request that comes there is cleaned by
// clean-request.ts and passed to `onRequest`, which records it. Guards: loopback Host only, no browsers, token in constant time.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { TelemetrySignal } from '../../../core/claude-event.ts';
import { errorCode } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import { plural } from '../../../core/units.ts';
import { isRequest } from '../../../otlp/request.ts';
import { TOKEN_HEADER } from '../environment.ts';
import { createRequestCleaner, type IntakeAttempt, type RequestCleaner } from './clean-request.ts';
import { createToCumulative, MAX_SERIES, type ToCumulative } from './cumulative.ts';
import { withoutDetails } from './details.ts';
import type { NestingFound } from './nesting.ts';

/** One cleaned export request, as it goes into `claude.telemetry`. */
export type TelemetryArrived = IntakeAttempt & {
  readonly signal: TelemetrySignal;
  readonly request: JsonObject;
  /** Spans, log records or data points in `request`. */
  readonly items: number;
  /** Data points that were left out of `request`; at least one of the two is 1 or more. */
  readonly dropped: number;
};

/** Requests that were refused for good, and why the last one was. What the sender is asked to send again is not among them. */
export type Refusals = { readonly count: number; readonly lastWhy: string };

export function describeRefusals({ count, lastWhy }: Refusals): string {
  const were = count === 1 ? 'was' : 'were';
  return `${plural(count, 'request')} with telemetry of Claude Code ${were} refused, the last because ${lastWhy}`;
}

export type OpenedIntake = {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT, without the `/v1/…` part. */
  readonly url: string;
  readonly token: string;
  /** As `url`, with the token in the path, for a sender that can set no header: the detailed tracing of Claude Code. */
  readonly tracingUrl: string;
  /**
   * To be awaited after the process has ended: resolves when what it sent has been read, or after `limitMs`.
   * The CLI sends the rest of its telemetry before it exits, so nothing comes later than what is in the sockets now.
   */
  readonly settled: (limitMs?: number) => Promise<void>;
  /** Whether Claude's own spans hang below the attempt's span; to be asked when it is settled. */
  readonly nesting: () => NestingFound;
  /** Undefined if none was refused. */
  readonly refusals: () => Refusals | undefined;
  /** Whether anything was sent here. */
  readonly isUsed: () => boolean;
  /** Refuses what comes from now on. */
  readonly close: () => void;
};

/** An attempt of a Claude step has two channels: one for its own process, one for what that starts. */
export type ChannelOptions = {
  /**
   * Sees each request that was kept, as it was sent.
   * @param sender what comes behind the key in the path: the pid, where each process has a path of its own
   */
  readonly observe?: (signal: TelemetrySignal, body: JsonObject, sender: string) => void;
};

export type Intake = {
  readonly port: number;
  readonly open: (attempt: IntakeAttempt, options?: ChannelOptions) => OpenedIntake;
  readonly close: () => Promise<void>;
};

export type IntakeOptions = {
  /** Called for each accepted request that holds anything. When it throws, Claude Code is asked to send it again. */
  readonly onRequest: (arrived: TelemetryArrived) => void;
  readonly maxBodyBytes?: number;
  /** In place of `HEAD_MS`; for tests. */
  readonly headMs?: number;
};

/** No request for this long after the exit, in ms, and everything is there: bytes on loopback take under one. */
const SETTLE_QUIET_MS = 50;
/** Longest wait for telemetry after the exit, in ms; a request that takes longer belongs to a process that lives on. */
export const SETTLE_LIMIT_MS = 2_000;
/** Sockets at once: a step has at most three exporters, and eight steps in parallel are many. */
const MAX_CONNECTIONS = 256;
/** From the first byte, or the connection, to the end of the head, in ms: only an unknown caller needs longer to show a token. */
const HEAD_MS = 10_000;

type Entry = {
  readonly attempt: IntakeAttempt;
  readonly tokenHash: Buffer;
  readonly cleaner: RequestCleaner;
  readonly observe: ChannelOptions['observe'];
  pending: number;
  lastMs: number;
  isUsed: boolean;
  refusals: Refusals | undefined;
};

type Answer = {
  readonly status: number;
  readonly body: JsonObject;
  /** Why the request was refused. */
  readonly refused?: string;
};

/**
 * Of one request, on the wire and inflated. Claude Code sends at most 512 spans or log records a request, of some KiB
 * each; with prompts and tool content turned on one can reach 60 KiB. A gzip bomb ends here.
 */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

const signals: readonly TelemetrySignal[] = ['traces', 'logs', 'metrics'];
const rejectedName = { traces: 'rejectedSpans', logs: 'rejectedLogRecords', metrics: 'rejectedDataPoints' } as const;

/** Starts the intake on a free port of 127.0.0.1. It does not keep the process alive. */
export async function startIntake(options: IntakeOptions): Promise<Intake> {
  const entries = new Map<string, Entry>();
  const sums = new Map<string, ToCumulative>();
  const { headMs = HEAD_MS } = options;
  const times = { headersTimeout: headMs, connectionsCheckingInterval: headMs / 2 };
  // Not by `import`: its facade reads every lazy getter of the module, which costs 45 ms and 16 MiB at the start of a run.
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer(times, (request, response) => {
    void answerRequest(request, entries, options)
      .catch((): Answer => refusal(400, 'the request was not read to its end'))
      .then((answer) => send(request, response, answer));
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The intake listens on no port.');
  const { port } = address;

  /** One for all channels of an attempt: readers take the series of an attempt for one. */
  function cumulativeOf({ subject }: IntakeAttempt): ToCumulative {
    const key = `${subject.step}#${subject.attempt}`;
    const found = sums.get(key) ?? createToCumulative();
    sums.set(key, found);
    return found;
  }

  return {
    port,
    open(attempt, { observe } = {}) {
      const key = randomBytes(8).toString('hex');
      const token = randomBytes(32).toString('hex');
      const cleaner = createRequestCleaner(attempt, cumulativeOf(attempt));
      const unused = { pending: 0, lastMs: 0, isUsed: false, refusals: undefined };
      const entry: Entry = { attempt, tokenHash: hash(token), cleaner, observe, ...unused };
      entries.set(key, entry);
      return {
        url: `http://127.0.0.1:${port}/${key}`,
        token,
        tracingUrl: `http://127.0.0.1:${port}/${key}/${token}`,
        settled: (limitMs = SETTLE_LIMIT_MS) => settle(entry, limitMs),
        nesting: cleaner.nesting,
        refusals: () => entry.refusals,
        isUsed: () => entry.isUsed,
        close: () => void entries.delete(key),
      };
    },
    close: () =>
      new Promise((resolve) => {
        entries.clear();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** `/KEY/v1/SIGNAL`, with the pid or the token behind the key. */
const addressForm = /^\/([0-9a-f]+)(?:\/(\d{1,10})|\/([0-9a-f]{64}))?\/v1\/([a-z]+)$/;

async function answerRequest(
  request: IncomingMessage,
  entries: ReadonlyMap<string, Entry>,
  options: IntakeOptions,
): Promise<Answer> {
  const [, key = '', sender = '', token, name] = addressForm.exec(request.url ?? '') ?? [];
  const entry = entries.get(key);
  const barred = barredBy(request, token ?? request.headers[TOKEN_HEADER], entry);
  if (barred !== undefined) return barred;
  const signal = signals.find((each) => each === name);
  if (signal === undefined || entry === undefined)
    return refusal(404, 'there are only /v1/traces, /v1/logs and /v1/metrics');
  entry.pending += 1;
  entry.isUsed = true;
  try {
    const answer = await takeRequest(request, { entry, signal, sender, isDetailed: token !== undefined }, options);
    const { refused } = answer;
    if (refused !== undefined) entry.refusals = { count: (entry.refusals?.count ?? 0) + 1, lastWhy: refused };
    return answer;
  } finally {
    entry.pending -= 1;
    entry.lastMs = performance.now();
  }
}

type Target = {
  readonly entry: Entry;
  readonly signal: TelemetrySignal;
  readonly sender: string;
  /** By the detailed tracing of Claude Code, whose contents are left out. */
  readonly isDetailed: boolean;
};

async function takeRequest(request: IncomingMessage, target: Target, options: IntakeOptions): Promise<Answer> {
  const { entry, signal, sender, isDetailed } = target;
  if (request.method !== 'POST') return refusal(405, 'only POST is taken here');
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type !== 'application/json') {
    const why = `content-type ${type === '' ? 'is missing' : `${type} is not read here`}; set OTEL_EXPORTER_OTLP_PROTOCOL=http/json`;
    return refusal(415, why);
  }
  const body = await readBody(request, options.maxBodyBytes ?? MAX_BODY_BYTES);
  if (body.kind === 'refused') return body.answer;
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.text);
  } catch {
    return refusal(400, 'the body is not valid JSON');
  }
  if (isDetailed && isRequest(parsed, signal)) parsed = withoutDetails(signal, parsed);
  const cleaned = entry.cleaner.clean(signal, parsed);
  if (cleaned.kind === 'refused') return refusal(400, cleaned.why);
  const { items, dropped, malformed } = cleaned;
  if (items + dropped > 0) {
    try {
      options.onRequest({ ...entry.attempt, signal, request: cleaned.request, items, dropped });
    } catch {
      return { status: 503, body: statusBody('it could not be kept; send it again') };
    }
    entry.observe?.(signal, cleaned.sent, sender);
  }
  return { status: 200, body: { partialSuccess: partialSuccess(signal, malformed, dropped) } };
}

/** What of a request was not taken, in the words of OTLP. */
function partialSuccess(signal: TelemetrySignal, malformed: number, dropped: number): JsonObject {
  if (malformed + dropped === 0) return {};
  const why = [
    ...(malformed > 0 ? ['elements that are not objects'] : []),
    ...(dropped > 0 ? [`data points of more than ${MAX_SERIES} series`] : []),
  ];
  return { [rejectedName[signal]]: String(malformed + dropped), errorMessage: why.join('; ') };
}

type Body = { readonly kind: 'body'; readonly text: string } | { readonly kind: 'refused'; readonly answer: Answer };

const inflate = promisify(gunzip);

/** The body of a request within a bound, inflated if it is gzip. */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<Body> {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity' && encoding !== 'gzip') {
    return { kind: 'refused', answer: refusal(415, `content-encoding ${encoding} is not read here; use gzip or none`) };
  }
  const tooLarge: Body = { kind: 'refused', answer: refusal(413, `the body is over the bound of ${maxBytes} bytes`) };
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes: Buffer = chunk;
    size += bytes.length;
    if (size > maxBytes) return tooLarge;
    chunks.push(bytes);
  }
  const bytes = Buffer.concat(chunks);
  if (encoding === 'identity') return { kind: 'body', text: bytes.toString('utf8') };
  try {
    return { kind: 'body', text: (await inflate(bytes, { maxOutputLength: maxBytes })).toString('utf8') };
  } catch (error) {
    if (errorCode(error) === 'ERR_BUFFER_TOO_LARGE') return tooLarge;
    return { kind: 'refused', answer: refusal(400, 'the body is not valid gzip') };
  }
}

/** Why a request is not even looked at; undefined if it may continue. */
function barredBy(request: IncomingMessage, given: unknown, entry: Entry | undefined): Answer | undefined {
  // A page that points its own host name at loopback sends that name (DNS rebinding).
  if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i.test(request.headers.host ?? '')) {
    return refusal(403, 'only requests to a loopback host name are taken');
  }
  if (request.headers.origin !== undefined) return refusal(403, 'requests of browsers are not taken');
  const known = entry?.tokenHash ?? Buffer.alloc(32);
  // Hashes are compared, since the comparison needs equal lengths and must not show the token's.
  const same = timingSafeEqual(hash(typeof given === 'string' ? given : ''), known);
  return entry !== undefined && same ? undefined : refusal(401, `the header ${TOKEN_HEADER} does not fit this path`);
}

async function settle(entry: Entry, limitMs: number): Promise<void> {
  const start = performance.now();
  const quietSince = (): number => Math.max(entry.lastMs, start);
  while (performance.now() - start < limitMs) {
    if (entry.pending === 0 && performance.now() - quietSince() >= SETTLE_QUIET_MS) return;
    await sleep(SETTLE_QUIET_MS / 5);
  }
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function refusal(status: number, why: string): Answer {
  return { status, body: statusBody(why), refused: why };
}

/** The error body of OTLP/HTTP: a google.rpc.Status. Code 3 is INVALID_ARGUMENT. */
function statusBody(message: string): JsonObject {
  return { code: 3, message };
}

function send(request: IncomingMessage, response: ServerResponse, { status, body }: Answer): void {
  if (response.destroyed) return;
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(status === 200 ? {} : { connection: 'close' }),
  });
  response.end(JSON.stringify(body));
  // What is left of a refused body is not read.
  if (status !== 200) request.resume();
}
