// docs/openapi.yaml says of each route what it takes to use it (`x-scope`); each is asked here as nobody, as who may look and
// as who may act, by token and by cookie. What is refused must also have left everything as it was.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { signSession } from '../../../src/hub/access/secret.ts';
import type { Scope } from '../../../src/hub/access/token-file.ts';
import { openJournal } from '../../../src/journal/index.ts';
import { stateOf } from '../../control/control-rig.ts';
import { beginRun, tempData } from '../../hub/hub-rig.ts';
import { type LiveHub, liveHub, send } from './api-rig.ts';

type Operation = { readonly 'x-scope': 'none' | Scope };

const { paths } = parse(readFileSync(path.resolve(import.meta.dirname, '../../../docs/openapi.yaml'), 'utf8')) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};
const operations = Object.entries(paths).flatMap(([route, methods]) =>
  Object.entries(methods).map(([method, operation]) => [method.toUpperCase(), route, operation['x-scope']] as const),
);

type Who = { readonly scope: Scope | undefined; readonly headers: Record<string, string> };

/** Everybody who may ask, each in every way in which they can show who they are. */
function everybody({ port, tokens }: LiveHub): readonly Who[] {
  const origin = `http://127.0.0.1:${port}`;
  const shown = (scope: Scope): readonly Who[] => [
    { scope, headers: { authorization: `Bearer ${tokens[scope]}` } },
    { scope, headers: { cookie: `stepspan_${port}=${signSession(tokens, scope, Date.now())}`, origin } },
  ];
  return [{ scope: undefined, headers: {} }, ...shown('read'), ...shown('control')];
}

test('every route says what it takes, and those that act take `control`', () => {
  expect(operations.map((operation) => operation[2])).not.toContain(undefined);
  const acting = operations.filter(([method, , scope]) => method !== 'GET' && scope !== 'none');
  expect(acting.map(([, , scope]) => scope)).toEqual(acting.map(() => 'control'));
  expect(operations.filter(([, , scope]) => scope === 'none').map(([, route]) => route)).toEqual(['/login']);
});

test.each(operations)('%s %s is for who has the scope `%s`, and for nobody below it', async (method, route, needed) => {
  const data = tempData();
  const { runId } = beginRun(data);
  const hub = await liveHub(data, [data.root]);
  const asked = `/api/v1${route.replace('{id}', runId)}${route.endsWith('/search') ? '?q=x' : ''}`;
  const before = await openJournal(data.runDir(runId)).head();
  for (const { scope, headers } of everybody(hub)) {
    const isEnough = needed === 'none' || scope === 'control' || (scope === 'read' && needed === 'read');
    const [json, body] = method === 'GET' ? [{}, undefined] : [{ 'content-type': 'application/json' }, '{}'];
    // Who may act is let through to a body that names nothing, so that this run is not steered here.
    const answer = await send(hub.port, `${method} ${asked}`, { ...json, ...headers }, isEnough ? body && '[]' : body);
    const code: unknown = answer.body?.error?.code;
    if (isEnough) expect(['unauthenticated', 'scope', 'origin'], `${scope}`).not.toContain(code);
    else
      expect([answer.status, code], `${scope}`).toEqual(
        scope === undefined ? [401, 'unauthenticated'] : [403, 'scope'],
      );
  }
  expect(await openJournal(data.runDir(runId)).head()).toEqual(before);
  expect((await stateOf(data, runId)).phase.kind).toBe('running');
  expect(data.listRunIds()).toEqual([runId]);
});
