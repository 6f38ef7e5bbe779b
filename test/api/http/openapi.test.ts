// The documents against the schemas that they are made from, and docs/openapi.yaml against the server: every route of the one is in
// the other, and every answer fits its schema. The schemas refuse what they do not name, so a field that is added to an answer and
// not to its schema fails here.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { apiDocuments } from '../../../scripts/generate-api-docs.ts';
import { createApi } from '../../../src/api/http/index.ts';
import { askRun, listenForControl } from '../../../src/control/index.ts';
import type { RunId } from '../../../src/core/ids.ts';
import { signSession } from '../../../src/hub/access/secret.ts';
import { createJournal, type DataFolder } from '../../../src/journal/index.ts';
import { createCatalogue } from '../../../src/runs/index.ts';
import { stateOf } from '../../control/control-rig.ts';
import { beginRun, nextRunId, tempData } from '../../hub/hub-rig.ts';
import { anyJournal, asked, runStarted } from '../../runs/journal-of.ts';
import { until } from '../../support/until.ts';
import { type Answer, type LiveHub, liveHub, send } from './api-rig.ts';

// biome-ignore lint/suspicious/noExplicitAny: the document is a tree of YAML.
type Json = Record<string, any>;

const document = parse(readFileSync(path.resolve(import.meta.dirname, '../../../docs/openapi.yaml'), 'utf8')) as {
  paths: Record<string, Record<string, Json>>;
  components: { schemas: Json; responses: Json };
};

/** With each `$ref` replaced by what it names; no schema of ours names itself. */
function whole(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(whole);
  if (typeof value !== 'object' || value === null) return value;
  const { $ref } = value as { $ref?: string };
  if ($ref !== undefined) return whole(document.components.schemas[$ref.replace('#/components/schemas/', '')]);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, whole(each)]));
}

const operations = Object.entries(document.paths).flatMap(([route, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ route, method: method.toUpperCase(), operation })),
);

/** What of the document was seen in an answer, as `GET /runs 200`. */
const seen = new Set<string>();

function check(method: string, asked: string, answer: Answer): Answer {
  const address = asked.replace(/\?.*$/s, '').replace(/^\/api\/v1/, '');
  const found = operations.find(
    (each) => each.method === method && new RegExp(`^${each.route.replace('{id}', '[^/]+')}$`).test(address),
  );
  if (found === undefined) throw new Error(`${method} ${address} is not in the document`);
  const named = found.operation.responses[answer.status];
  const response = named?.$ref === undefined ? named : document.components.responses[answer.status];
  const name = `${method} ${found.route} ${answer.status}`;
  if (response === undefined) throw new Error(`${name} is not in the document: ${answer.text.slice(0, 200)}`);
  seen.add(name);
  const type = String(answer.headers['content-type']).split(';')[0] ?? '';
  const content = response.content[type];
  if (content === undefined) throw new Error(`${name}: ${type} is not in the document`);
  if (content.schema === undefined) return answer;
  const schema = z.fromJSONSchema(whole(content.schema) as never);
  const values = type.endsWith('ndjson')
    ? answer.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown)
    : [answer.body];
  for (const value of values) {
    const fits = schema.safeParse(value);
    if (!fits.success) throw new Error(`${name}: ${z.prettifyError(fits.error)}`);
  }
  return answer;
}

/** Runs of every kind that a journal can describe. */
async function writeAnyRuns(data: DataFolder): Promise<readonly RunId[]> {
  const journals = fc.sample(anyJournal, { numRuns: 25, seed: 7 });
  const ids: RunId[] = [];
  for (const records of journals) {
    const runId = nextRunId();
    const journal = createJournal(data.runDir(runId), { archive: false });
    for (const record of records) {
      if (record.kind === 'output') journal.output(record);
      else if (record.event.type === 'run.started') journal.event({ ...record.event, runId });
      else journal.event(record.event, record.subject);
    }
    await journal.close();
    if (records.length > 0) ids.push(runId);
  }
  return ids;
}

/** A run with one raw message, which has a picture. @returns also the number of the message */
async function writeTalk(data: DataFolder): Promise<{ readonly id: RunId; readonly seq: number }> {
  const id = nextRunId();
  const journal = createJournal(data.runDir(id), { archive: false });
  journal.event(runStarted(['ask'], { runId: id }));
  const source = { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' };
  const content = [{ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'image', source }] }];
  const bytes = Buffer.from(`${JSON.stringify({ type: 'user', message: { content } })}\n`);
  const output = { stream: 'debug', severity: undefined, lineCount: 1, bytes, unterminated: false } as const;
  const seq = journal.output({ ...output, subject: { step: 'ask', attempt: 1 } });
  await journal.close();
  return { id, seq };
}

/** A run that asks, and that takes the first answer in this process. */
async function writeAsking(data: DataFolder) {
  const { runId, journal } = beginRun(data);
  journal.event(asked(), { step: 'build', attempt: 1 });
  await journal.sync();
  const control = await listenForControl(data.runDir(runId), () => ({ ok: true, message: 'Bash is allowed' }));
  if (control.kind !== 'listening') throw new Error(control.message);
  onTestFinished(control.server.close);
  onTestFinished(journal.close);
  return runId;
}

test('the documents are what the schemas make of them: `npm run generate`', () => {
  for (const [file, text] of Object.entries(apiDocuments())) expect(readFileSync(file, 'utf8')).toBe(text);
});

test('the document has the routes of the server, and no others', async () => {
  const router = createApi({
    catalogue: createCatalogue({ data: tempData() }),
    actions: { exportFormats: {} } as never,
    linksOf: () => [],
  });
  const layers = router.stack as unknown as { route?: { path: string; methods: Record<string, boolean> } }[];
  const served = layers.flatMap(({ route }) =>
    route === undefined
      ? []
      : Object.keys(route.methods).map((method) => `${method.toUpperCase()} ${route.path.replace(':id', '{id}')}`),
  );
  const written = operations.map(({ method, route }) => `${method} ${route}`);
  expect(written.sort()).toEqual([...served, 'GET /session', 'POST /link', 'POST /login'].sort());
});

test('every answer is as the document says', async () => {
  const data = tempData();
  const folder = path.join(data.root, 'flows');
  mkdirSync(folder);
  const steps = 'steps:\n  - id: wait\n    run: while [ ! -e go ]; do sleep 0.02; done\n';
  writeFileSync(path.join(folder, 'wait.yaml'), `name: wait\nparams:\n  depth: 3\n${steps}`);
  writeFileSync(path.join(folder, 'bad.yaml'), 'name: 7\n');
  const ids = await writeAnyRuns(data);
  const dead = beginRun(data, undefined, { writer: { pid: 2 ** 22, startTime: '1', host: 'elsewhere' } }).runId;
  const hub = await liveHub(data, [folder]);
  const get = async (asked: string, headers = {}) => check('GET', asked, await hub.get(`/api/v1${asked}`, headers));
  const post = async (asked: string, body: unknown = {}, headers = {}) =>
    check('POST', asked, await hub.post(`/api/v1${asked}`, body, headers));

  const reads = [
    '',
    '/steps',
    '/timeline',
    '/output',
    '/output?anchor=5&before=5&after=5',
    '/search?q=/./',
    '/conversation',
    '/work',
    '/resources',
  ];
  for (const id of ids) for (const rest of reads) await get(`/runs/${id}${rest}`);
  const { id: talk, seq } = await writeTalk(data);
  for (const at of [seq, seq + 1]) {
    await get(`/runs/${talk}/message?seq=${at}`);
    await get(`/runs/${talk}/picture?seq=${at}&index=0`);
  }
  for (const span of ['run', 'none']) await get(`/runs/${talk}/span?span=${span}`);
  for (const format of ['text', 'ndjson', 'csv']) await get(`/runs/${ids[0]}/export?format=${format}`);
  await get('/runs?limit=5');
  await get('/runs?limit=200');
  await get('/search?q=e');
  await get('/totals?since=2020-01-01T00:00:00Z');
  await get('/totals?since=yesterday');
  await get('/workflows');
  await get('/session');

  const { runId } = (await post('/runs', { workflow: 'wait.yaml', params: { depth: 4 } })).body as { runId: RunId };
  onTestFinished(async () => void (await askRun(data.runDir(runId), { verb: 'cancel', now: true, by: 'test' })));
  // It listens a moment after it has begun.
  await until(async () => (await post(`/runs/${runId}/resume`)).status === 409);
  await post(`/runs/${runId}/pause`, { now: true });
  await get(`/runs/${runId}`);
  await post(`/runs/${runId}/pause`, { now: true });
  await post(`/runs/${runId}/retry`);
  await post(`/runs/${runId}/resume`);
  await post(`/runs/${runId}/cancel`, { now: true });
  await until(async () => (await stateOf(data, runId)).phase.kind === 'finished');
  await post(`/runs/${runId}/cancel`);
  writeFileSync(path.join(folder, 'go'), '');
  const again = (await post(`/runs/${runId}/retry`, { fromStep: 'wait' })).body.runId as RunId;
  await until(async () => (await stateOf(data, again)).phase.kind === 'finished');
  await get(`/runs/${again}/result?step=wait`);
  await get(`/runs/${again}/result?step=nope`);
  await get(`/runs/${again}/result`);
  for (const verb of ['pause', 'resume', 'cancel']) await post(`/runs/${dead}/${verb}`);
  await answerQuestions(hub, data, [dead, runId, '20000101-000000-000000']);

  await post('/runs', { workflow: '../wait.yaml' });
  await post('/link');
  await post('/link', { scope: 'all' });
  await post('/login', {});
  await post('/login', { code: 'x' });
  await post('/login', { code: 'x'.repeat(9_000) });
  const code = hub.link()?.split('#code=')[1];
  await post('/login', { code }, { authorization: undefined });
  await askWrongly(hub, runId);
  const written = operations.flatMap(({ route, method, operation }) =>
    Object.keys(operation.responses).map((status) => `${method} ${route} ${status}`),
  );
  expect(written.filter((name) => !seen.has(name))).toEqual([]);
});

/** @param others runs that take no answer: a killed one, an ended one, none */
async function answerQuestions(hub: LiveHub, data: DataFolder, others: readonly string[]): Promise<void> {
  const post = async (asked: string, given: unknown) => check('POST', asked, await hub.post(`/api/v1${asked}`, given));
  const asks = await writeAsking(data);
  expect(
    check('GET', `/runs/${asks}/questions`, await hub.get(`/api/v1/runs/${asks}/questions`)).body.questions,
  ).toHaveLength(1);
  const allow = { questionId: 'q-1', answer: 'allow' };
  expect((await post(`/runs/${asks}/answer`, allow)).body.message).toBe(`Run ${asks}: Bash is allowed.`);
  const message = { step: 'build', text: 'also the docs' };
  expect((await post(`/runs/${asks}/tell`, message)).status).toBe(200);
  expect((await post(`/runs/${asks}/interrupt`, { step: 'build' })).status).toBe(200);
  for (const id of others) {
    await post(`/runs/${id}/interrupt`, { step: 'build' });
    await post(`/runs/${id}/answer`, allow);
    await post(`/runs/${id}/tell`, message);
  }
}

/** Asks every route without a token, from a foreign site, and with what it does not take. */
async function askWrongly({ port, tokens, ...hub }: LiveHub, runId: RunId): Promise<void> {
  const get = async (asked: string, headers = {}) => check('GET', asked, await hub.get(`/api/v1${asked}`, headers));
  const post = async (asked: string, body: unknown = {}, headers = {}) =>
    check('POST', asked, await hub.post(`/api/v1${asked}`, body, headers));
  const huge = { now: true, x: 'a'.repeat(70_000) };
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const foreign = { origin: 'null' };
  const readers = { authorization: undefined, cookie: `stepspan_${port}=${signSession(tokens, 'read', Date.now())}` };
  for (const { route, method } of operations) {
    const asked = route.replace('{id}', runId);
    const absent = route.replace('{id}', '20000101-000000-000000');
    const query = route.endsWith('/search') ? '?q=x' : '';
    if (method === 'GET') {
      await get(`${asked}${query}`, { authorization: undefined });
      await get(`${asked}${query}`, foreign);
      await get(`${asked}?nothing=1`);
      if (absent !== asked) await get(`${absent}${query}`);
      continue;
    }
    await post(asked, {}, foreign);
    await post(asked, { nothing: 1 });
    await post(asked, huge);
    check(
      'POST',
      asked,
      await send(port, `POST /api/v1${asked}`, { ...form, authorization: `Bearer ${tokens.control}` }, 'a=b'),
    );
    if (route === '/login') continue;
    await post(asked, {}, { authorization: undefined });
    await post(asked, {}, readers);
    if (absent !== asked) await post(absent);
  }
}
