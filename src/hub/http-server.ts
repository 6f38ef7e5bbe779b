// The HTTP server of a hub, and of one run: /metrics, /healthz and a word on what this is. Checks the Host of every
// request. Knows nothing of runs: what it answers is given to it.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Request, type Response } from 'express';
import { type Format, formatFor } from '../measure/index.ts';
import { type AllowedHosts, allowedHosts, inBrackets, isAllowedHost, isLoopback } from './host-check.ts';

export type HttpOptions = {
  /** An address of this machine; others need `allowRemote`. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Says that other machines may reach it. Nothing here asks who they are. */
  readonly allowRemote?: boolean;
  /** Further names that a request may give as its Host, without the port. */
  readonly hostNames?: readonly string[];
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
  /** Ends it at once: a scrape that is cut is scraped again. */
  readonly close: () => Promise<void>;
};

export type HttpStart =
  | ({ readonly kind: 'listening' } & HttpServer)
  | { readonly kind: 'failed'; readonly message: string };

/** Prometheus asks once in 5 to 60 s and gives up after 10 by default. */
const requestTimeoutMs = 30_000;

/**
 * While a Prometheus has asked within this time, what asks without its header is taken for a person with curl, and new
 * series are not taken as seen by it. The longest usual interval is 2 minutes; with two missed it is 5.
 */
const scraperMemoryMs = 5 * 60_000;

export async function startHttp(options: HttpOptions, answers: HttpAnswers): Promise<HttpStart> {
  if (!isLoopback(options.host) && options.allowRemote !== true) {
    const message = `${options.host} can be reached from other machines, and nothing here asks who they are. Listen on 127.0.0.1, or say --allow-remote.`;
    return { kind: 'failed', message };
  }
  let allowed: AllowedHosts = new Set();
  let url = '';
  const app = createApp(
    answers,
    () => allowed,
    () => url,
  );
  const server = createServer({ requestTimeout: requestTimeoutMs }, app);
  const failure = await listen(server, options);
  if (failure !== undefined) return { kind: 'failed', message: failure };
  const { port } = server.address() as AddressInfo;
  allowed = allowedHosts(options.host, port, options.hostNames);
  url = `http://${inBrackets(options.host)}:${port}`;
  return {
    kind: 'listening',
    url,
    host: options.host,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function createApp(answers: HttpAnswers, allowed: () => AllowedHosts, url: () => string) {
  let scrapedAt = Number.NEGATIVE_INFINITY;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use((request, response, next) => {
    response.set({ 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' });
    if (isAllowedHost(request.headersDistinct.host, allowed())) next();
    else
      say(
        response,
        403,
        'This Host is not served here. Use the address that stepspan printed, or name it with --allow-host.',
      );
  });
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
  app.get('/healthz', (_request, response) => {
    response.json(answers.health());
  });
  app.get('/', (_request, response) => say(response, 200, answers.about(url())));
  app.use((_request, response) => say(response, 404, 'There is nothing here. / says what there is.'));
  // Four parameters are how express knows it for the handler of errors.
  app.use((error: unknown, _request: Request, response: Response, _next: unknown) => {
    // A path that cannot be decoded, and the like, carries the status that it deserves.
    const status = Number((error as { status?: unknown }).status);
    const isTheirs = status >= 400 && status < 500;
    if (response.headersSent) response.destroy();
    else
      say(response, isTheirs ? status : 500, isTheirs ? 'The request is malformed.' : String((error as Error).message));
  });
  return app;
}

function say(response: Response, status: number, text: string): void {
  response.status(status).type('text/plain').send(`${text}\n`);
}

/** Why it cannot listen; undefined when it does. */
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
