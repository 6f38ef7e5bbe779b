// Secrets of each kind, in each form and broken at each place, through the real program: none of it is on the disk, in what
// a hub sends to watchers and clients, at a backend, in an alert, or on a terminal. What redaction does to bytes is tested
// in test/redact; here is looked at all the ways out.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { addressOf, table } from '../api/http/route-table.ts';
import { type OtlpServer, startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';
import { everyByteBelow, secretsIn } from '../support/every-byte.ts';
import { until } from '../support/until.ts';

const letters = 'q7Zt2LmX9vKc4RwB8nYs6HdJ1pGf5TaE3uQoViWk0xNbMzCl'.repeat(3);
const random = (length: number, from = 0): string => letters.slice(from, from + length);
const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().trim();

/** In variables of the environment: known as they are, so that their forms can be known too. */
const values = {
  MY_TOKEN: 'Zq/81+aa"bb\\cc~dd&ee=7',
  PLAIN_WORDS: 'just words in a row 7',
  DB_PASSWORD: 'wf-Lm93-cccc-3333',
  STEP_TOKEN: 'step-Pp04-dddd-4444',
  STEPSPAN_PARAM_API_TOKEN: 'param-Xk42-bbbb-2222',
} as const;
const urlPassword = 'Pw-55xx-yy77';
/** In the address of a webhook of our own, which is a secret as a whole. */
const webhookToken = random(24, 12);

/** Known by what they look like: the text that is printed, and what of it is the secret. */
const formats: readonly (readonly [printed: string, secret: string])[] = [
  ...[
    `sk-ant-api03-${random(93)}AA`,
    `sk-proj-${random(74)}T3BlbkFJ${random(66, 5)}`,
    'AKIAIOSFODNN7EXAMPLE',
    `AIza${random(35, 1)}`,
    `ghp_${random(36, 2)}`,
    `github_pat_${random(22, 3)}_${random(59, 4)}`,
    `xoxb-123456789012-1234567890123-${random(24, 6)}`,
    `npm_${random(36, 7)}`,
  ].map((secret) => [secret, secret] as const),
  [`aws_secret_access_key = ${random(36, 8)}/+aB`, `${random(36, 8)}/+aB`],
  [`https://hooks.slack.com/services/T01234567/B01234567/${random(24, 9)}`, random(24, 9)],
  [`Authorization: Bearer ${random(40, 10)}`, random(40, 10)],
  [`redis://:${random(20, 11)}@cache:6379/0`, random(20, 11)],
  [`postgres://app:${urlPassword}@db/app`, urlPassword],
  // In one line as JSON has it; over lines it is printed by a step of its own.
  [JSON.stringify(pem).slice(1, -1), pem.split('\n')[1] as string],
];

const jsonOf = (text: string): string => JSON.stringify(text).slice(1, -1);
const formsOf = (text: string): readonly string[] => [
  text,
  Buffer.from(text).toString('base64'),
  Buffer.from(text).toString('base64url'),
  Buffer.from(text).toString('hex'),
  encodeURIComponent(text),
  jsonOf(text),
  jsonOf(jsonOf(text)),
];

const printed = [...new Set([...Object.values(values).flatMap(formsOf), ...formats.map(([text]) => text)])];
/** Nothing of this may be anywhere. */
const secrets = [
  ...new Set([...Object.values(values), ...formats.map(([, secret]) => secret)].flatMap(formsOf)),
  ...pem.split('\n').slice(1, -1),
  webhookToken,
];

/** Nor half of a known value; if the machine pauses in the middle of one, less of it comes out. */
const halves = Object.values(values).flatMap((value) => {
  const length = Math.ceil(value.length / 2);
  return Array.from({ length: value.length - length + 1 }, (_, at) => value.slice(at, at + length));
});

const tokenOf = (kind: string): string => formats.find(([text]) => text.startsWith(kind))?.[0] ?? '';

let rig: CliRig;
let otlp: OtlpServer;
let alerts: OtlpServer;
let webhook: OtlpServer;
beforeAll(async () => {
  const said = `${tokenOf('ghp_')} and ${values.MY_TOKEN} and ${pem}`;
  rig = await startCliRig({
    script: [
      { prompt: 'Break', turns: [{ kind: 'error', status: 400, message: `no access with ${said}` }] },
      {
        prompt: 'Look around',
        turns: [
          {
            kind: 'reply',
            text: `I use ${said}.`,
            tools: [
              { name: 'Bash', input: { command: `cat key.pem; echo '${tokenOf('npm_')}' "$MY_TOKEN"` } },
              { name: 'Read', input: { file_path: `/no/such/${values.PLAIN_WORDS}` } },
            ],
          },
          { kind: 'reply', text: `The key is ${said}, in JSON ${jsonOf(said)}.` },
        ],
      },
    ],
  });
  otlp = await startOtlpServer();
  alerts = await startOtlpServer();
  webhook = await startOtlpServer();
});
afterAll(async () => {
  await rig.close();
  await otlp.close();
  await alerts.close();
  await webhook.close();
});

const workflow = `
name: secrets-everywhere
description: uses ${values.PLAIN_WORDS}
params: {api-token: {type: string}}
secrets: [PLAIN_WORDS]
env: {DB_PASSWORD: '${values.DB_PASSWORD}'}
steps:
  - id: split
    name: splits ${values.STEP_TOKEN} with ${tokenOf('ghp_')}
    env: {STEP_TOKEN: '${values.STEP_TOKEN}'}
    run: ['${process.execPath}', '${path.resolve(import.meta.dirname, '../fixtures/process-splits-secrets.mjs')}', printed.json]
  - id: key
    run: "cat key.pem; cat key.pem >&2; sed 's/^/    /' key.pem; printf '%s' \\"$(cat key.pem)\\""
  - id: give
    run: echo "$MY_TOKEN $STEPSPAN_PARAM_API_TOKEN"
  - id: take
    needs: [give, key]
    env: {FROM_BEFORE: '{{ steps.give.output }}'}
    run: |
      echo "$STEPSPAN_OUTPUT_GIVE|$FROM_BEFORE"
      printf '%s' "$STEPSPAN_OUTPUT_KEY" | base64 -w 0 >/dev/null
      printf '%s' "$FROM_BEFORE" | base64
  - id: ask
    needs: give
    claude: {prompt: "Look around with {{ steps.give.output }} and ${tokenOf('sk-ant')}", allowedTools: [Bash, Read]}
  - id: api
    claude: {prompt: "Break {{ params.api-token }}"}
    continueOnFailure: true
  - id: broken
    run: ['/no/such/${values.DB_PASSWORD}', '--password=${values.PLAIN_WORDS}', '${tokenOf('AKIA')}']
    continueOnFailure: true
  - id: nowhere
    cwd: '${values.PLAIN_WORDS}'
    run: 'true'
    continueOnFailure: true
  - id: fails
    needs: [ask, take, split]
    run: 'echo "cannot open postgres://app:${urlPassword}@db/app for $MY_TOKEN" >&2; exit 3'
`;

/** What the other one comes to, without the steps that take long. */
const short = `
name: secrets-sent
description: uses ${values.PLAIN_WORDS}
params: {api-token: {type: string}}
secrets: [PLAIN_WORDS]
steps:
  - id: fails
    run: 'env; echo "cannot open postgres://app:${urlPassword}@db/app for $MY_TOKEN" >&2; exit 3'
`;

/** A run of the workflow with a hub beside it, and everything that came out of either. */
async function everythingOf(): Promise<Readonly<Record<string, Buffer>>> {
  const sending = { OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url, STEPSPAN_ALERTMANAGER_URL: alerts.url };
  const hub = rig.start(['serve', '--port', '0'], sending);
  await hub.said(/listening on (\S+)\n/);
  const url = /listening on (\S+)\n/.exec(hub.stdout())?.[1] ?? '';
  const headers = { authorization: `Bearer ${readFileSync(path.join(rig.dataDir, 'token'), 'utf8').trim()}` };

  const given = {
    MY_TOKEN: values.MY_TOKEN,
    PLAIN_WORDS: values.PLAIN_WORDS,
    DATABASE_URL: `postgres://app:${urlPassword}@db/app`,
  };
  const param = ['-p', `api-token=${values.STEPSPAN_PARAM_API_TOKEN}`];
  const run = rig.start(['run', 'flow.yaml', ...param], { ...sending, ...given });
  await until(() => rig.runIds().length > 0, { what: 'the run' });
  const runId = rig.runIds()[0] as string;
  const watched: string[] = [];
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/tail`, { headers });
  socket.on('open', () => socket.send(JSON.stringify({ type: 'subscribe_execution', executionId: runId })));
  socket.on('message', (data) => void watched.push(data.toString()));
  socket.on('error', (error) => void watched.push(String(error)));

  const ended = await run.done;
  expect([ended.code, ended.stderr]).toEqual([1, expect.any(String)]);
  await until(() => /"caught_up".*"ended":true/.test(watched.at(-1) ?? ''), {
    what: 'the end of the run on the WebSocket',
  });
  await until(() => alerts.requests.some(({ body }) => body.includes('StepspanRunFailed')), { what: 'the alert' });
  await until(() => otlp.traces.length > 0, { what: 'the trace' });
  await until(() => otlp.logs.some(({ body }) => body === 'all is printed'), { what: 'the log' });
  const asked = table.filter(({ method }) => method === 'GET').map((row) => addressOf(row, runId));
  const more = ['text', 'ndjson', 'csv', 'otlp-json'].map((format) => `/api/v1/runs/${runId}/export?format=${format}`);
  const answers: string[] = [];
  for (const address of [...asked, ...more, `/api/v1/runs/${runId}/output?limit=5000`]) {
    answers.push(await (await fetch(`${url}${address}`, { headers })).text());
  }
  const accept = 'application/openmetrics-text;version=1.0.0';
  answers.push(await (await fetch(`${url}/metrics`, { headers: { accept } })).text());
  const shown = await Promise.all([rig.run(['show', runId]), rig.run(['ls']), rig.run(['search', 'hidden'])]);
  socket.close();
  hub.child.kill('SIGTERM');
  const stopped = await hub.done;
  // A run notifies either an Alertmanager or a webhook.
  const toWebhook = { STEPSPAN_ALERT_WEBHOOK_URL: `${webhook.url}/${webhookToken}` };
  const notified = await rig.run(['run', 'short.yaml', ...param], { ...given, ...toWebhook });
  expect(webhook.requests.map(({ path: at }) => at)).toContain(`/${webhookToken}`);
  // A hub that comes compresses what has ended.
  const archiving = rig.start(['serve', '--port', '0']);
  await until(() => everyByteBelow(rig.dataDir).unpacked > 0, { what: 'an archived segment' });
  archiving.child.kill('SIGTERM');
  await archiving.done;
  const bodies = (server: OtlpServer): Buffer => Buffer.concat(server.requests.map(({ body }) => body));
  return {
    terminal: Buffer.from([ended, stopped, notified, ...shown].map(({ stdout, stderr }) => stdout + stderr).join('\n')),
    watcher: Buffer.from(watched.join('\n')),
    answers: Buffer.from(answers.join('\n')),
    otlp: bodies(otlp),
    alerts: bodies(alerts),
    webhook: bodies(webhook),
    disk: everyByteBelow(rig.dataDir).bytes,
  };
}

test('no secret of any kind, broken at any place, comes out anywhere', async () => {
  rig.write('key.pem', `${pem}\n`);
  rig.write('printed.json', JSON.stringify(printed));
  rig.write('flow.yaml', workflow);
  rig.write('short.yaml', short);
  const everything = await everythingOf();

  for (const [where, bytes] of Object.entries(everything)) {
    // The search is in the right place: the replacement of a secret is found there.
    expect([where, bytes.includes('[hidden:')]).toEqual([where, true]);
    expect([where, secretsIn(bytes, [...secrets, ...halves])]).toEqual([where, []]);
  }

  const journal = await rig.journal(rig.runIds().at(-1) as string);
  const lines = journal.text('stdout', 'split').trimEnd().split('\n');
  expect(lines).toHaveLength(printed.reduce((sum, text) => sum + text.length - 1, 1));
  expect(lines.filter((line) => !line.includes('[hidden:'))).toEqual(['all is printed']);
  // Claude Code itself was given the real ones: hiding is for what is kept.
  expect(JSON.stringify(rig.api?.requests.map(({ body }) => body))).toContain(values.STEPSPAN_PARAM_API_TOKEN);
});
