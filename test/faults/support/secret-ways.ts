// A run with all that watches it: a hub, a WebSocket watcher, a backend and a webhook that repeat what they received, and
// the commands that read a run. Returns everything that came out of any of them, by place. Used by secrets.ts.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { createTailClient, type RunMessage, type SocketLike } from '../../../src/api/tail/client.ts';
import type { RunFolder } from '../../../src/journal/index.ts';
import { addressOf, table } from '../../api/http/route-table.ts';
import { readScrape, type Scraped } from '../../readers/measure/scraped.ts';
import { type OtlpServer, type Received, type Reply, startOtlpServer } from '../../readers/ship/support/otlp-server.ts';
import { everyByteBelow } from '../../support/every-byte.ts';
import { readJournal } from '../../support/journal.ts';
import { until } from '../../support/until.ts';
import { linesOnce, type ReadRun, readRun } from './check-run.ts';
import type { Sandbox, StartedCli } from './sandbox.ts';
import { jsonOf, type Secrets } from './secret-kinds.ts';

/** The program that writes what a plan says; see its head. */
export const printer = fileURLToPath(new URL('../fixtures/prints-secrets.py', import.meta.url));

/** A run ships and notifies at its end, both with retries, as backend and webhook fail at first. */
const settleMs = 300_000;

export type Everything = {
  readonly code: number | null;
  readonly run: ReadRun;
  /** Texts of lines, as they have arrived at those who get lines. */
  readonly lines: Readonly<Record<'the journal' | 'the watcher' | 'the backend', readonly string[]>>;
  /** All bytes, by the place at which they came out. */
  readonly places: Readonly<Record<string, Buffer>>;
  /** What the journal counts as hidden, over all kinds, and what /metrics does. */
  readonly hidden: { readonly journal: number; readonly metrics: number };
  readonly archived: number;
};

/** What the children are given: the real ones, as hiding is for what is kept. */
export function envOf(secrets: Secrets, otlp: OtlpServer, webhook: OtlpServer): Readonly<Record<string, string>> {
  return {
    ...secrets.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
    STEPSPAN_ALERT_WEBHOOK_URL: `${webhook.url}/${secrets.webhookPath}`,
  };
}

/** Secrets in everything that a workflow names, beside the step that prints them; it fails in each way that quotes something. */
export function workflowOf(secrets: Secrets): string {
  const { inWorkflow, named, tokens, urlPassword, apiToken } = secrets;
  const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
  return `name: secrets-printed
description: ${text(`uses ${named} and ${tokens[0]}`)}
params: {api-token: {type: string}}
secrets: [PLAIN_WORDS]
env: {DB_PASSWORD: ${text(inWorkflow.DB_PASSWORD)}}
steps:
  - id: print
    name: ${text(`prints ${inWorkflow.STEP_TOKEN} and ${tokens[6]}`)}
    env: {STEP_TOKEN: ${text(inWorkflow.STEP_TOKEN)}}
    run: [python3, ${text(printer)}, plan.json]
  - id: key
    run: "cat key.pem; cat key.pem >&2; sed 's/^/    /' key.pem"
  - id: give
    run: echo "$MY_TOKEN $STEPSPAN_PARAM_API_TOKEN"; touch "file-$PLAIN_WORDS"; ls
  - id: take
    needs: [give, key]
    env: {FROM_BEFORE: '{{ steps.give.output }}'}
    run: echo "$STEPSPAN_OUTPUT_GIVE|$FROM_BEFORE"; printf '%s' "$FROM_BEFORE" | base64
  - id: ask
    claude: {prompt: ${text(`Look around with ${tokens[1]} and {{ params.api-token }}`)}}
    continueOnFailure: true
  - id: broken
    run: [${text(`/no/such/${inWorkflow.DB_PASSWORD}`)}, ${text(`--password=${apiToken}`)}, ${text(tokens[3]!)}]
    continueOnFailure: true
  - id: nowhere
    cwd: ${text(named)}
    run: 'true'
    continueOnFailure: true
  - id: fails
    needs: [print, take, ask]
    run: 'echo "cannot open postgres://app:${urlPassword}@db/app for $MY_TOKEN" >&2; cat "no-$DB_PASSWORD"; exit 3'
`;
}

/** What a Claude Code that repeats secrets says, as lines of stream-json. */
export function claudeSays(secrets: Secrets): string {
  const all = [...secrets.tokens, ...Object.values(secrets.env), secrets.apiToken, secrets.pem].join(' and ');
  const content = [
    { type: 'text', text: `It is ${all}, in JSON ${jsonOf(all)}.` },
    { type: 'tool_use', id: 'tool_1', name: 'Bash', input: { command: `echo '${all}'`, [secrets.tokens[2]!]: 1 } },
  ];
  const usage = { input_tokens: 1, output_tokens: 1, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 };
  const message = { id: 'msg_1', model: 'claude-sonnet-4-5', role: 'assistant', content, usage };
  const result = [{ type: 'tool_result', tool_use_id: 'tool_1', is_error: true, content: `no ${all}` }];
  const init = { model: 'claude-sonnet-4-5', tools: [], mcp_servers: [], permissionMode: 'default' };
  return [
    { type: 'system', subtype: 'init', claude_code_version: '2.1.328', ...init },
    { type: 'assistant', message },
    { type: 'user', message: { role: 'user', content: result } },
    { type: 'from_the_future', said: all },
    {
      type: 'result',
      subtype: 'error_during_execution',
      is_error: true,
      errors: [`no access with ${all}`],
      num_turns: 1,
      total_cost_usd: 0,
      usage,
    },
  ]
    .map((line) => `${JSON.stringify({ session_id: 's-1', ...line })}\n`)
    .join('');
}

/** Repeats the login and the body of a request in its refusal: of the first one, and of each that `isRefused` names. */
export function repeatingServer(isRefused: (received: Received) => boolean): Promise<OtlpServer> {
  return startOtlpServer((received, index): Reply => {
    const { authorization = '' } = received.headers;
    const body = `not with ${authorization}, at ${received.path}: ${received.body.subarray(0, 2_000).toString('latin1')}`;
    if (index === 0) return { kind: 'status', status: 503, headers: { 'retry-after': '0' }, body };
    return isRefused(received) ? { kind: 'status', status: 400, body } : { kind: 'accept' };
  });
}

type Printed = Extract<RunMessage, { readonly type: 'output_stream' }>['data'];

/** Lines as a watcher puts them together: a line that is printed in pieces comes in pieces. */
function createWatchedLines() {
  const whole: string[] = [];
  const open = new Map<string, string>();
  return {
    add({ step, attempt, stream, lines }: Printed): void {
      const source = [step, attempt, stream].join();
      for (const { text, continues, unterminated } of lines) {
        const line = continues === true ? `${open.get(source) ?? ''}${text}` : text;
        if (unterminated === true) open.set(source, line);
        else {
          open.delete(source);
          whole.push(line);
        }
      }
    },
    lines: (): readonly string[] => [...whole, ...open.values()],
  };
}

export type WatchedRun = {
  /** Of `stepspan run`. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly otlp: OtlpServer;
  readonly webhook: OtlpServer;
};

export async function runAndWatch(sandbox: Sandbox, watchedRun: WatchedRun): Promise<Everything> {
  const { args, env, otlp, webhook } = watchedRun;
  const shown: Buffer[] = [];
  const start = (words: readonly string[], more: Readonly<Record<string, string>>): StartedCli => {
    const cli = sandbox.start(words, { env: more });
    // All of it, because the sandbox keeps only the end.
    for (const stream of [cli.child.stdout, cli.child.stderr]) stream?.on('data', (data: Buffer) => shown.push(data));
    return cli;
  };
  // The hub has none of the secrets in its environment: it has only what was kept.
  const sending = { OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url };
  const hub = start(['serve', '--port', '0'], sending);
  const url = await addressOfHub(hub);
  const token = readFileSync(path.join(sandbox.data.root, 'token'), 'utf8').trim();
  const watcher = watchTail(url, token);
  try {
    const cli = start(['run', ...args], env);
    const runId = await until(() => sandbox.data.listRunIds()[0], { what: 'the run is there' });
    watcher.subscribe(runId);
    const { code } = await cli.ended;
    await until(watcher.isOver, { what: 'the watcher has seen the end', withinMs: settleMs });
    await until(() => webhook.requests.some(({ body }) => body.includes('StepspanRunFailed')), {
      what: 'the alert has come to the webhook',
      withinMs: settleMs,
    });
    await until(() => otlp.logs.some(({ body }) => body === 'all is printed'), {
      what: 'the last line that was printed has been shipped',
      withinMs: settleMs,
    });
    const answers = await answersAbout(runId, url, token);
    for (const words of [
      ['show', runId],
      ['ls'],
      ['search', 'hidden'],
      ['tail', runId, '--no-follow', '--from', '0'],
      ['alerts'],
    ]) {
      await start(words, env).ended;
    }
    hub.child.kill('SIGTERM');
    await hub.ended;
    // The next hub compresses what has ended, once it has counted it.
    const next = start(['serve', '--port', '0'], sending);
    const scraped = await scrapeOf(await addressOfHub(next));
    const folder = sandbox.data.runDir(runId);
    const archived = await until(() => everyByteBelow(folder.journalDir).unpacked || undefined, {
      what: 'an archived segment',
      withinMs: settleMs,
    });
    next.child.kill('SIGTERM');
    await next.ended;
    const run = await readRun(folder);
    const bodies = (server: OtlpServer): Buffer => Buffer.concat(server.requests.map(({ body }) => body));
    return {
      code,
      run,
      lines: {
        'the journal': run.lines.map(({ text }) => text),
        'the watcher': watcher.lines(),
        'the backend': linesOnce(otlp.logs).map(({ text }) => text),
      },
      places: {
        'the data folder': everyByteBelow(sandbox.data.root).bytes,
        'the terminal': Buffer.concat(shown.map((chunk) => Buffer.from(chunk))),
        'the WebSocket': Buffer.from(watcher.frames.join('\n')),
        'the answers': Buffer.from(answers.join('\n')),
        'the backend': bodies(otlp),
        'the webhook': bodies(webhook),
      },
      hidden: { journal: await hiddenOf(folder), metrics: scraped.sum('stepspan_secrets_hidden_total') },
      archived,
    };
  } finally {
    watcher.close();
  }
}

/** A client of the WebSocket tail that keeps every frame, and the lines of the run. */
function watchTail(url: string, token: string) {
  const frames: string[] = [];
  const watched = createWatchedLines();
  let isOver = false;
  const client = createTailClient({
    url: `${url.replace('http', 'ws')}/api/v1/tail`,
    token,
    open: (address) => {
      const socket = new WebSocket(address, 'stepspan.tail.v1', { headers: { authorization: `Bearer ${token}` } });
      socket.on('message', (data) => void frames.push(data.toString()));
      return socket as unknown as SocketLike;
    },
  });
  return {
    frames,
    lines: watched.lines,
    isOver: () => isOver,
    subscribe: (runId: string) =>
      client.subscribe(runId, {
        fromSeq: 0,
        onMessage(message) {
          if (message.type === 'output_stream') watched.add(message.data);
          if (message.type === 'execution_failed') isOver = true;
        },
      }),
    close: () => client.close(),
  };
}

/** What every route that reads, and every form of export, answers about the run. */
async function answersAbout(runId: string, url: string, token: string): Promise<readonly string[]> {
  const headers = { authorization: `Bearer ${token}` };
  const asked = table.filter(({ method }) => method === 'GET').map((row) => addressOf(row, runId));
  const exports = ['text', 'ndjson', 'csv', 'otlp-json'].map(
    (format) => `/api/v1/runs/${runId}/export?format=${format}`,
  );
  const answers: string[] = [];
  for (const address of [...asked, ...exports, `/api/v1/runs/${runId}/output?limit=5000`]) {
    answers.push(await fetch(`${url}${address}`, { headers }).then((answer) => answer.text()));
  }
  return answers;
}

function addressOfHub(hub: StartedCli): Promise<string> {
  return until(() => /listening on (\S+)\n/.exec(hub.output())?.[1], { what: 'the hub listens' });
}

/** A new series shows its value from the second scrape on. */
async function scrapeOf(url: string): Promise<Scraped> {
  const look = async (): Promise<Scraped> => {
    const headers = { 'x-prometheus-scrape-timeout-seconds': '10' };
    return readScrape(await fetch(`${url}/metrics`, { headers }).then((answer) => answer.text()));
  };
  await until(async () => (await look()).sum('stepspan_runs_total') === 1, { what: 'the hub has counted the run' });
  return look();
}

async function hiddenOf(folder: RunFolder): Promise<number> {
  const events = (await readJournal(folder)).events('secret.redacted');
  return events.flatMap(({ kinds }) => Object.values(kinds)).reduce<number>((sum, many) => sum + (many ?? 0), 0);
}
