// Everything that a server answers, as one table: what docs/openapi.yaml names, and what is beside the API. The attacks go
// through it, and it is held against the routes of a running server, so that a new route is attacked without a word here.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import path from 'node:path';
import type { Application } from 'express';
import { parse } from 'yaml';
import type { Scope } from '../../../src/hub/access/token-file.ts';

/** `none`: for every client that can reach the port. */
export type Needs = 'none' | Scope;

export type Row = {
  readonly method: string;
  /** As express writes it, with `:id` for a run. */
  readonly route: string;
  readonly needs: Needs;
};

const apiPath = '/api/v1';

const { paths } = parse(readFileSync(path.resolve(import.meta.dirname, '../../../docs/openapi.yaml'), 'utf8')) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly 'x-scope': Needs }>>>>;
};

/** Beside the API. A new route is added here with the scope that it needs. */
const beside: readonly Row[] = [
  { method: 'GET', route: '/', needs: 'none' },
  { method: 'GET', route: '/healthz', needs: 'none' },
  { method: 'GET', route: '/metrics', needs: 'none' },
];

export const table: readonly Row[] = [
  ...beside,
  ...Object.entries(paths).flatMap(([route, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      route: `${apiPath}${route.replace('{id}', ':id')}`,
      needs: operation['x-scope'],
    })),
  ),
];

/** What one asks for to get to this route. */
export function addressOf({ route }: Row, id: string): string {
  return `${route.replace(':id', id)}${route.endsWith('/search') ? '?q=x' : ''}`;
}

export function nameOf({ method, route }: Row): string {
  return `${method} ${route}`;
}

/** The http server that answers a request to this address; servers of the tests are found in no other way from outside. */
export async function serverAt(url: string): Promise<Server> {
  let found: Server | undefined;
  const see = (message: unknown): void => {
    found = (message as { readonly server: Server }).server;
  };
  subscribe('http.server.request.start', see);
  await fetch(`${url}/healthz`);
  unsubscribe('http.server.request.start', see);
  if (found === undefined) throw new Error(`${url} is not served by this process`);
  return found;
}

type Layer = {
  readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> };
  readonly handle: { readonly stack?: readonly Layer[] };
  readonly slash: boolean;
  readonly match: (path: string) => false | { readonly path: string };
};

/** Every route that an express application has, as `GET /path`. @throws where a router is mounted at an unknown place */
export function servedBy(server: Server): readonly string[] {
  const [app] = server.listeners('request') as unknown as readonly (Application & { router: { stack: Layer[] } })[];
  const walk = (layers: readonly Layer[], prefix: string): readonly string[] =>
    layers.flatMap(({ route, handle, slash, match, ...layer }) => {
      if (route !== undefined) {
        return Object.keys(route.methods).map((method) => `${method.toUpperCase()} ${prefix}${route.path}`);
      }
      if (handle.stack === undefined) return [];
      if (slash) return walk(handle.stack, prefix);
      const mounted = match.call({ ...layer, slash, match }, `${apiPath}/x`);
      if (mounted === false || prefix !== '') throw new Error('a router is mounted where these tests do not look');
      return walk(handle.stack, apiPath);
    });
  return walk(app?.router.stack ?? [], '');
}
