// The loopback intake for Claude Code's own OTLP: one server for each run, one path and token for each attempt, so that each request
// is known to belong to a step. Owns HTTP, tokens and waiting for late arrivals; what is done to a request is
// clean-request.ts's, and where it goes is the caller's. Guards: loopback Host only, no browsers, token in constant time.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TelemetrySignal } from '../../../core/claude-event.ts';
import type { JsonObject } from '../../../core/json.ts';
import { TOKEN_HEADER } from '../environment.ts';
import { createRequestCleaner, type IntakeAttempt, type RequestCleaner } from './clean-request.ts';
import { createToCumulative, type ToCumulative } from './cumulative.ts';
import type { NestingFound } from './nesting.ts';
import { MAX_BODY_BYTES, readBody } from './read-body.ts';

/** One cleaned export request, as it goes into `claude.telemetry`. */
export type TelemetryArrived = IntakeAttempt & {
  readonly signal: TelemetrySignal;
  readonly request: JsonObject;
  /** Spans, log records or data points; at least 1. */
  readonly items: number;
};

export type IntakeCounts = { readonly accepted: number; readonly refused: number; readonly identityRemoved: number };

export type OpenedIntake = {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT, without the `/v1/…` part. */
  readonly url: string;
  readonly token: string;
  /**
   * To be awaited after the process has ended: resolves when what it sent has been read, or after `limitMs`.
   * The CLI sends the rest of its telemetry before it exits, so nothing comes later than what is in the sockets now.
   */
  readonly settled: (limitMs?: number) => Promise<void>;
  /** Whether Claude's own spans hang below the attempt's span; to be asked when it is settled. */
  readonly nesting: () => NestingFound;
  readonly counts: () => IntakeCounts;
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
  accepted: number;
  refused: number;
};

type Answer = { readonly status: number; readonly body: JsonObject };

const signals: Readonly<Record<string, TelemetrySignal>> = { traces: 'traces', logs: 'logs', metrics: 'metrics' };
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
    void handle(request)
      .catch((): Answer => refusal(400, 'the request was not read to its end'))
      .then(({ status, body }) => send(request, response, status, body));
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.unref();

  /** One for all channels of an attempt: readers take the series of an attempt for one. */
  function cumulativeOf({ subject }: IntakeAttempt): ToCumulative {
    const key = `${subject.step}#${subject.attempt}`;
    const found = sums.get(key) ?? createToCumulative();
    sums.set(key, found);
    return found;
  }

  async function handle(request: IncomingMessage): Promise<Answer> {
    const path = /^\/([0-9a-f]+)(?:\/(\d{1,10}))?\/v1\/([a-z]+)$/.exec(request.url ?? '');
    const entry = entries.get(path?.[1] ?? '');
    const barred = barredBy(request, entry);
    if (barred !== undefined) return barred;
    const signal = Object.hasOwn(signals, path?.[3] ?? '') ? signals[path![3]!] : undefined;
    if (signal === undefined || entry === undefined)
      return refusal(404, 'there are only /v1/traces, /v1/logs and /v1/metrics');
    entry.pending += 1;
    try {
      const answer = await accept(request, entry, signal, path?.[2] ?? '');
      if (answer.status === 200) entry.accepted += 1;
      else entry.refused += 1;
      return answer;
    } finally {
      entry.pending -= 1;
      entry.lastMs = performance.now();
    }
  }

  async function accept(
    request: IncomingMessage,
    entry: Entry,
    signal: TelemetrySignal,
    sender: string,
  ): Promise<Answer> {
    if (request.method !== 'POST') return refusal(405, 'only POST is taken here');
    const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? '';
    if (type !== 'application/json') {
      const why = `content-type ${type === '' ? 'is missing' : `${type} is not read here`}; set OTEL_EXPORTER_OTLP_PROTOCOL=http/json`;
      return refusal(415, why);
    }
    const body = await readBody(request, options.maxBodyBytes ?? MAX_BODY_BYTES);
    if (body.kind === 'refused') return refusal(body.status, body.why);
    let parsed: unknown;
    try {
      parsed = JSON.parse(body.text);
    } catch {
      return refusal(400, 'the body is not valid JSON');
    }
    const cleaned = entry.cleaner.clean(signal, parsed);
    if (cleaned.kind === 'refused') return refusal(400, cleaned.why);
    const { items, malformed } = cleaned;
    if (items > 0) {
      try {
        options.onRequest({ ...entry.attempt, signal, request: cleaned.request, items });
      } catch {
        return refusal(503, 'it could not be kept; send it again');
      }
      entry.observe?.(signal, parsed as JsonObject, sender);
    }
    const partial =
      malformed === 0
        ? {}
        : { [rejectedName[signal]]: String(malformed), errorMessage: 'elements that are not objects' };
    return { status: 200, body: { partialSuccess: partial } };
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    port,
    open(attempt, { observe } = {}) {
      const key = randomBytes(8).toString('hex');
      const token = randomBytes(32).toString('hex');
      const cleaner = createRequestCleaner(attempt, cumulativeOf(attempt));
      const counts = { pending: 0, lastMs: 0, accepted: 0, refused: 0 };
      const entry: Entry = { attempt, tokenHash: hash(token), cleaner, observe, ...counts };
      entries.set(key, entry);
      return {
        url: `http://127.0.0.1:${port}/${key}`,
        token,
        settled: (limitMs = SETTLE_LIMIT_MS) => settle(entry, limitMs),
        nesting: cleaner.nesting,
        counts: () => ({
          accepted: entry.accepted,
          refused: entry.refused,
          identityRemoved: cleaner.identityRemoved(),
        }),
        isUsed: () => entry.pending + entry.accepted + entry.refused > 0,
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

/** Why a request is not even looked at; undefined if it may continue. */
function barredBy(request: IncomingMessage, entry: Entry | undefined): Answer | undefined {
  // A page that points its own host name at loopback sends that name (DNS rebinding).
  if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i.test(request.headers.host ?? '')) {
    return refusal(403, 'only requests to a loopback host name are taken');
  }
  if (request.headers.origin !== undefined) return refusal(403, 'requests of browsers are not taken');
  const given = request.headers[TOKEN_HEADER];
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

/** The error body of OTLP/HTTP: a google.rpc.Status. Code 3 is INVALID_ARGUMENT. */
function refusal(status: number, message: string): Answer {
  return { status, body: { code: 3, message } };
}

function send(request: IncomingMessage, response: ServerResponse, status: number, body: JsonObject): void {
  if (response.destroyed) return;
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(status === 200 ? {} : { connection: 'close' }),
  });
  response.end(JSON.stringify(body));
  // What is left of a refused body is not read.
  if (status !== 200) request.resume();
}
