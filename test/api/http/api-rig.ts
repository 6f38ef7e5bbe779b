// A hub with its live side over real journals, asked over real HTTP with headers as they are given.
import { Agent, request } from 'node:http';
import { loadTokens, type Tokens } from '../../../src/hub/access/token-file.ts';
import type { HubOptions } from '../../../src/hub/index.ts';
import type { DataFolder } from '../../../src/journal/index.ts';
import { beginRun, endRun, hubOf, type RunningHub, tempData } from '../../hub/hub-rig.ts';
import { cliProgram } from '../../support/cli.ts';
import { compileCache } from '../../support/compile-cache.ts';
import { addressOf, table } from './route-table.ts';

export type LiveHub = RunningHub & {
  readonly tokens: Tokens;
  /** With the control token, if the headers have no other. */
  readonly get: (path: string, headers?: Headers) => Promise<Answer>;
  readonly post: (path: string, body?: unknown, headers?: Headers) => Promise<Answer>;
};

type Headers = Record<string, string | string[] | undefined>;

export type Answer = {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
  /** What the text is as JSON; a test knows what it asked for. */
  // biome-ignore lint/suspicious/noExplicitAny: the OpenAPI test holds the shapes.
  readonly body: any;
};

export async function liveHub(
  data: DataFolder,
  workflows: readonly string[] = [],
  more: Partial<HubOptions> = {},
): Promise<LiveHub> {
  const hub = await hubOf(data, {
    env: { PATH: process.env.PATH, HOME: data.root, ...compileCache },
    live: {
      workflows,
      command: [process.execPath, cliProgram],
      linksOf: ({ runId }) => [{ label: 'trace', url: `https://grafana.example/${runId}` }],
      toOtlp: undefined,
    },
    ...more,
  });
  const loaded = loadTokens(data);
  if (!loaded.ok) throw new Error(loaded.message);
  const { tokens } = loaded;
  const bearer = { authorization: `Bearer ${tokens.control}` };
  return {
    ...hub,
    tokens,
    get: (path, headers = {}) => send(hub.port, `GET ${path}`, { ...bearer, ...headers }),
    post: (path, body = {}, headers = {}) =>
      send(
        hub.port,
        `POST ${path}`,
        { 'content-type': 'application/json', ...bearer, ...headers },
        JSON.stringify(body),
      ),
  };
}

/** A route by its method and path, and whether it needs the scope `control`. */
export type Route = readonly [method: string, path: string, acts: boolean];

/** A hub with one run that has ended, and everything that takes a token to be asked of it. */
export async function routesOf(): Promise<{ hub: LiveHub; routes: readonly Route[]; runId: string }> {
  const data = tempData();
  const run = beginRun(data);
  await endRun(run);
  const { runId } = run;
  const hub = await liveHub(data);
  const unknown: readonly Route[] = [
    ['GET', '/api/v1/tail', false],
    ['GET', '/api/v1/nothing', false],
    ['DELETE', `/api/v1/runs/${runId}`, true],
  ];
  const known = table
    .filter(({ needs }) => needs !== 'none')
    .map((row): Route => [row.method, addressOf(row, runId), row.needs === 'control']);
  return { hub, runId, routes: [...known, ...unknown] };
}

export type SignedIn = {
  readonly url: string;
  /** Empty if the link was refused. */
  readonly cookie: string;
  readonly scope: string | undefined;
  /** Where in the page the link leads. */
  readonly to: string | undefined;
};

/** Exchanges the code of a link for a cookie, as the page does. */
export async function signIn(link: string): Promise<SignedIn> {
  const [, url = '', code = '', to] = /^(http:\/\/[^/]+)\/#code=([\w-]+)(?:&to=(\S+))?$/.exec(link) ?? [];
  const response = await fetch(`${url}/api/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
    body: JSON.stringify({ code }),
  });
  const { scope } = (await response.json()) as { scope?: string };
  return { url, scope, to, cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '' };
}

/** @param target method and path, such as `GET /api/v1/runs`; a header of undefined is left out */
export function send(port: number, target: string, headers: Headers = {}, body?: string): Promise<Answer> {
  const [method = '', path = ''] = target.split(/ (.*)/s, 2);
  const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)) as Record<
    string,
    string | string[]
  >;
  // Node sends none with DELETE, and what follows would then be the next request.
  if (body !== undefined) given['content-length'] = String(Buffer.byteLength(body));
  // A connection of its own: a kept one can be closed by the server at the very moment of the next request.
  const agent = new Agent({ keepAlive: true });
  return new Promise<Answer>((resolve, reject) => {
    const sent = request({ hostname: '127.0.0.1', port, path, method, headers: given, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: parsed(text) }),
      );
      response.on('error', reject);
    });
    // An upgrade that is refused comes as an answer; one that is taken ends here.
    sent.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text: '', body: undefined });
    });
    sent.on('error', (error) => reject(new Error(`${method} ${path}: ${error.message}`)));
    sent.end(body);
  }).finally(() => agent.destroy());
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
