// The HTTP server of a hub, and of one run: metrics, page, API and tail on one port. Every request and every upgrade goes
// through access/ before anything else looks at it. What it answers about runs is passed in by the hub or by the server of one run.
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import express, { type Request, type Response } from 'express';
import { answerProblem } from '../api/http/index.ts';
import type { TailNumbers } from '../api/index.ts';
import type { RunId } from '../core/ids.ts';
import { type Format, formatFor } from '../readers/measure/index.ts';
import { type Access, createAccess, isFromLoopback } from './access/access.ts';
import { everywhere } from './access/security-headers.ts';
import type { Tokens } from './access/token-file.ts';
import {
  type AllowedHosts,
  allowedHosts,
  inBrackets,
  isEveryAddress,
  isLoopback,
  reachableAddresses,
} from './host-check.ts';
import { createLive, type Live, type LiveOptions } from './live.ts';
import { pageFiles } from './page-files.ts';
import { issueLink, type LinkAsked } from './session-routes.ts';

export type HttpOptions = {
  /** An address of this machine; others need `allowRemote`. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Says that other machines may reach it: with the token, and without encryption. */
  readonly allowRemote?: boolean;
  /** Further names that a request may give as its Host, without the port. */
  readonly hostNames?: readonly string[];
  /** The address under which people reach it, such as that of a proxy: links lead there, and its host is served. */
  readonly publicUrl?: string | undefined;
  /** Page, API and tail; without it only metrics are served. */
  readonly live?: (LiveOptions & { readonly tokens: Tokens }) | undefined;
  /** Tests make it small. */
  readonly patience?: Partial<Patience>;
};

/** What a client may use up before it has shown a token. */
export type Patience = {
  /** For a request to be there from its first byte to its last, also for the first to come, in ms. */
  readonly requestMs: number;
  /** Without a byte either way, until somebody who has shown no token is cut, in ms. */
  readonly idleMs: number;
  /** How often it is looked for requests that take too long, in ms. */
  readonly checkMs: number;
  /** At once; more are cut as they come. */
  readonly connections: number;
};

export type HttpAnswers = {
  /** @param isScraper whether a scraper asks, and not a person */
  readonly metrics: (format: Format, isScraper: boolean) => Promise<{ contentType: string; text: string }>;
  readonly health: () => Readonly<Record<string, unknown>>;
  /** Shown at `/`, as plain text. */
  readonly about: (url: string) => string;
};

export type HttpServer = {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** A link to the page that signs in its reader; undefined if no page is served. */
  readonly link: (asked?: LinkAsked) => string | undefined;
  /** How many watch, and what they were sent; undefined if no page is served. */
  readonly tail: () => TailNumbers | undefined;
  /** Resolves once all who watch a run that has ended were sent its end, or after `withinMs`. */
  readonly sendEnd: (runId: RunId, withinMs: number) => Promise<void>;
  /** Ends it at once: a scrape that is cut is scraped again. */
  readonly close: () => Promise<void>;
};

export type HttpStart =
  | ({ readonly kind: 'listening' } & HttpServer)
  | { readonly kind: 'failed'; readonly message: string };

/** Prometheus asks once in 5 to 60 s and gives up after 10 by default. Connections: what the tail takes, and 500 requests. */
const defaultPatience: Patience = { requestMs: 30_000, idleMs: 30_000, checkMs: 10_000, connections: 2_500 };

/**
 * While a Prometheus has asked within this time, what asks without its header is taken for a person with curl, and new
 * series are not taken as seen by it. The longest usual interval is 2 minutes; with two missed it is 5.
 */
const scraperMemoryMs = 5 * 60_000;

export async function startHttp(options: HttpOptions, answers: HttpAnswers): Promise<HttpStart> {
  if (!isLoopback(options.host) && options.allowRemote !== true) {
    const message = `${options.host} can be reached from other machines, and what they send and see would not be encrypted. Listen on 127.0.0.1, or say --allow-remote.`;
    return { kind: 'failed', message };
  }
  let allowed: AllowedHosts = new Set();
  let url = '';
  let port = options.port;
  const access = createAccess({
    // Without a live side nobody has a token, and nothing that needs one is served.
    tokens: options.live?.tokens ?? { read: randomBytes(32).toString('hex'), control: randomBytes(32).toString('hex') },
    hosts: () => allowed,
    port: () => port,
  });
  const pageUrl = (): string => pageAddress(options, port);
  const live = options.live === undefined ? undefined : createLive(options.live, access, pageUrl);
  const patience = { ...defaultPatience, ...options.patience };
  const app = createApp(answers, access, live, () => url);
  const { requestMs: requestTimeout, checkMs: connectionsCheckingInterval } = patience;
  const server = createServer({ requestTimeout, headersTimeout: requestTimeout, connectionsCheckingInterval }, app);
  server.maxConnections = patience.connections;
  server.setTimeout(patience.idleMs);
  // Without a listener Node would hand upgrades to the app as if they were requests.
  server.on('upgrade', (request: IncomingMessage, socket, head) => {
    if (live !== undefined) live.upgrade(request, socket, head);
    else {
      // Who does not hang up after that would stay for ever: a server's sockets end one way at a time.
      socket.once('finish', () => socket.destroy()).on('error', () => socket.destroy());
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
    }
  });
  const failure = await listen(server, options);
  if (failure !== undefined) return { kind: 'failed', message: failure };
  port = boundPort(server);
  const publicHost = options.publicUrl === undefined ? [] : [new URL(options.publicUrl).host];
  allowed = allowedHosts(options.host, port, [...(options.hostNames ?? []), ...publicHost]);
  url = `http://${inBrackets(options.host)}:${port}`;
  return {
    kind: 'listening',
    url,
    host: options.host,
    port,
    link: (asked = {}) => (live === undefined ? undefined : issueLink(access, pageUrl(), asked).url),
    tail: () => live?.tail(),
    sendEnd: async (runId, withinMs) => live?.sendEnd(runId, withinMs),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await live?.stop();
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * Where a browser finds the page: the public address, else the host that is listened on. If that is every address, a name that
 * was allowed, else an address that other machines reach too.
 */
function pageAddress({ host, hostNames, publicUrl }: HttpOptions, port: number): string {
  if (publicUrl !== undefined) return publicUrl.replace(/\/+$/, '');
  const name = isEveryAddress(host) ? (hostNames?.[0] ?? reachableAddresses()[0] ?? '127.0.0.1') : host;
  return `http://${inBrackets(name)}:${port}`;
}

function createApp(answers: HttpAnswers, access: Access, live: Live | undefined, url: () => string) {
  let scrapedAt = Number.NEGATIVE_INFINITY;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.use((request, response, next) => {
    response.set(everywhere);
    const decision = access.decide(request);
    if (decision.kind === 'allowed') {
      response.locals.scope = decision.scope;
      // Who has a token may read a long answer as slowly as they like.
      if (decision.scope !== undefined) request.socket.setTimeout(0);
      next();
      return;
    }
    if (decision.status === 401) response.set('WWW-Authenticate', 'Bearer realm="stepspan"');
    if (isApi(request)) answerProblem(response, decision);
    else say(response, decision.status, `${decision.message} ${decision.fix}`);
  });
  if (live !== undefined) {
    // A second lock: whatever path the check above has seen, without a scope there is nothing but signing in.
    app.use('/api/v1', (request, response, next) => {
      const isLogin = request.method === 'POST' && /^\/login\/?$/i.test(request.path);
      if (response.locals.scope === undefined && !isLogin) response.status(401).end();
      else next();
    });
    app.use('/api/v1', live.routes);
  }
  app.use((request, response, next) => {
    if (request.method === 'GET' || request.method === 'HEAD') next();
    else {
      response.set('Allow', 'GET, HEAD');
      say(response, 405, 'Only GET and HEAD are known here.');
    }
  });
  app.get('/metrics', async (request, response) => {
    const now = performance.now();
    const names = request.headers['x-prometheus-scrape-timeout-seconds'] !== undefined;
    const isScraper = request.method === 'GET' && (names || now - scrapedAt > scraperMemoryMs);
    if (names) scrapedAt = now;
    const { contentType, text } = await answers.metrics(formatFor(request.headers.accept), isScraper);
    // `send` would add a charset of its own behind the one that prom-client names.
    response.set('Content-Type', contentType).end(text);
  });
  app.get('/healthz', (request, response) => {
    // Others need to know that it lives, and nothing about it.
    response.json(isFromLoopback(request) ? answers.health() : { status: 'ok' });
  });
  const page = live === undefined ? undefined : pageFiles();
  if (page !== undefined) app.use(page);
  const hint =
    page === undefined
      ? 'The live page was not built (`npm run build` does); the API and /metrics are there.'
      : 'In a browser this is the live page, in a browser that was signed in by a link (`stepspan link` prints one).';
  app.get('/', (_request, response) => {
    say(response, 200, [answers.about(url()), ...(live === undefined ? [] : [hint])].join('\n'));
  });
  app.use((_request, response) => say(response, 404, 'There is nothing here. / says what there is.'));
  // Four parameters are how express knows it for the handler of errors.
  app.use((error: unknown, _request: Request, response: Response, _next: unknown) => {
    // A path that cannot be decoded, and the like, carries the status that it deserves.
    const status = error instanceof Error && 'status' in error ? Number(error.status) : Number.NaN;
    const isTheirs = status >= 400 && status < 500;
    // What went wrong inside is for those who may see the inside.
    const ours =
      response.locals.scope === undefined ? '' : `: ${error instanceof Error ? error.message : String(error)}`;
    if (response.headersSent) response.destroy();
    else say(response, isTheirs ? status : 500, isTheirs ? 'The request is malformed.' : `A defect of stepspan${ours}`);
  });
  return app;
}

function isApi(request: Request): boolean {
  return /^\/api(\/|$)/i.test(request.path);
}

function say(response: Response, status: number, text: string): void {
  response.status(status).type('text/plain').send(`${text}\n`);
}

/** The port that it listens on, which is another than was asked for if that was 0. */
function boundPort(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');
  return address.port;
}

/** Why it cannot listen; undefined if it does. */
function listen(server: Server, { host, port }: HttpOptions): Promise<string | undefined> {
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      const fix = taken ? ` Another program has it; choose another port, or 0 for any free one.` : '';
      resolve(`Cannot listen on ${inBrackets(host)}:${port} (${error.code ?? error.message}).${fix}`);
    });
    // A listener is given the name without its brackets.
    server.listen({ host: host.replace(/^\[|\]$/g, ''), port }, () => resolve(undefined));
  });
}
