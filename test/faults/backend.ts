// The backend misbehaves in each way it can while a run is shipped: every line must arrive all the same, unchanged, or be kept aside and
// counted where the backend refuses it for good.
import { cpSync } from 'node:fs';
import { createShipper } from '../../src/readers/ship/shipper.ts';
import { logsIn } from '../readers/ship/support/json.ts';
import { type OtlpServer, type Received, type Reply, startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { checkRun, readRun } from './support/check-run.ts';
import { countedWrongly, keptAside, scrapeShipped } from './support/counters.ts';
import type { Fault, FaultContext } from './support/fault.ts';
import type { Random } from './support/random.ts';
import { makeSandbox, type Sandbox, witness } from './support/sandbox.ts';
import { nothing, sum, type Tally } from './support/tally.ts';

const lines = 12_000;
const workflow = `name: delivered
steps:
  - id: print
    run: node ${witness} a ${lines} 0 60 both
`;

/** Waits as in life would make the matrix take hours; they are the only thing that differs. */
const pace = { firstMs: 5, maxMs: 40, maxRetryAfterMs: 50, misconfiguredMs: 50 };
/** A request that is never answered is given up after it, by OTEL_EXPORTER_OTLP_TIMEOUT. */
const requestMs = 400;

/** How the backend answers its first requests; then it is well again. */
type Behaviour = (random: Random, received: Received, index: number) => Reply | Promise<Reply>;

const ok: Reply = { kind: 'accept' };
const status = (code: number, headers: Record<string, string> = {}, body = 'injected'): Reply => ({
  kind: 'status',
  status: code,
  headers,
  body,
});

/** The answer of a server that takes the request but leaves records out: ExportLogsServiceResponse with partial_success. */
const partial: Reply = { kind: 'accept', body: Buffer.from([0x0a, 0x02, 0x08, 0x01]) };

const behaviours: Readonly<Record<string, Behaviour>> = {
  'connection reset': () => ({ kind: 'reset' }),
  'answer lost': () => ({ kind: 'reset', takes: true }),
  'no answer': () => ({ kind: 'hang' }),
  'slow answer': async (random) => {
    await new Promise((resolve) => setTimeout(resolve, random.between(10, requestMs / 4)));
    return ok;
  },
  429: () => status(429, { 'retry-after': '1' }),
  502: () => status(502),
  503: () => status(503, { 'retry-after': '0' }),
  504: () => status(504),
  'a login page with 200': () => status(200, { 'content-type': 'text/html; charset=utf-8' }, '<html>log in</html>'),
  'garbage with 200': () => ({ kind: 'accept', body: Buffer.from('\x00\xff garbage') }),
  'all of it in turn': (random) =>
    random.pick([
      { kind: 'reset' },
      { kind: 'reset', takes: true },
      { kind: 'hang' },
      status(429, { 'retry-after': 'soon' }),
      status(503),
      status(502, {}, 'x'.repeat(200_000)),
      ok,
    ] satisfies readonly Reply[]),
};

/** Answers that are final: 413 and 400 until the records stand alone, for those that hold the number 777. */
const refusals: Readonly<Record<string, number>> = {
  'refused with 400': 400,
  'refused with 413': 413,
  'refused with 500': 500,
};

export const backend: Fault = {
  name: 'backend misbehaves',
  what: 'Requests are reset, unanswered, slow, answered with 400, 413, 429, 500, 502, 503, 504, garbage, partial success, and the backend is down.',
  async run(context: FaultContext) {
    const template = makeSandbox();
    try {
      template.write('w.yaml', workflow);
      await template.start(['run', 'w.yaml', '--no-ship']).ended;
      const tallies: Tally[] = [];
      const rounds = context.scale === 'short' ? 1 : 5;
      for (let round = 0; round < rounds; round++) {
        for (const [name, behaviour] of Object.entries(behaviours)) {
          const ill = context.random.between(2, 12);
          const reply = (received: Received, index: number) =>
            index < ill ? behaviour(context.random, received, index) : ok;
          tallies.push(await deliver(template, { name, reply }));
        }
        for (const [name, code] of Object.entries(refusals)) {
          const reply = (received: Received) => (isPoisoned(received) ? status(code) : ok);
          tallies.push(await deliver(template, { name, reply, isRefused: isPoison }));
        }
        tallies.push(
          await deliver(template, { name: 'partial success', reply: () => partial, leavesOut: 1, timeoutMs: 300_000 }),
        );
        tallies.push(await deliverLate(template));
      }
      return sum(tallies);
    } finally {
      await template.remove();
    }
  },
};

const isPoison = (text: string): boolean => / 777 /.test(text);

function isPoisoned(received: Received): boolean {
  return received.path.endsWith('/logs') && logsIn(received.body).some(({ body }) => isPoison(String(body)));
}

type Case = {
  readonly name: string;
  readonly reply?: (received: Received, index: number) => Reply | Promise<Reply>;
  /** Which lines the backend will never take. */
  readonly isRefused?: (text: string) => boolean;
  /** How many records it says that it has left out of each request that it took. */
  readonly leavesOut?: number;
  /** When a request is given up. A busy machine answers late, and an answer that comes too late is not counted. */
  readonly timeoutMs?: number;
};

async function deliver(template: Sandbox, each: Case): Promise<Tally> {
  const sandbox = makeSandbox();
  cpSync(template.data.root, sandbox.data.root, { recursive: true, preserveTimestamps: true });
  const server = await startOtlpServer(each.reply);
  try {
    return await ship(sandbox, each, server.url, () => server);
  } finally {
    await server.close();
    await sandbox.remove();
  }
}

/** Nobody listens at first; then somebody does, on the same port. */
async function deliverLate(template: Sandbox): Promise<Tally> {
  const sandbox = makeSandbox();
  cpSync(template.data.root, sandbox.data.root, { recursive: true, preserveTimestamps: true });
  const before = await startOtlpServer();
  await before.close();
  const port = Number(new URL(before.url).port);
  const after = new Promise<OtlpServer>((resolve) => {
    setTimeout(() => resolve(startOtlpServer(undefined, port)), 300);
  });
  try {
    return await ship(sandbox, { name: 'down at first' }, before.url, () => after);
  } finally {
    await (await after).close();
    await sandbox.remove();
  }
}

async function ship(
  sandbox: Sandbox,
  { name, isRefused = () => false, leavesOut = 0, timeoutMs = requestMs }: Case,
  url: string,
  farSide: () => OtlpServer | Promise<OtlpServer>,
): Promise<Tally> {
  const [runId] = sandbox.data.listRunIds();
  const folder = sandbox.data.runDir(runId!);
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_TIMEOUT: String(timeoutMs) };
  const start = await createShipper({ folder, env, pace, lingerMs: 1 });
  if (start.kind !== 'shipping') return { ...nothing, problems: [`${name}: ${JSON.stringify(start)}`] };
  await start.shipper.done;
  const server = await farSide();
  const run = await readRun(folder);
  const taken = run.lines.filter(({ text }) => !isRefused(text));
  const tally = checkRun({ run: { ...run, lines: taken }, seen: [], shipped: server.logs });
  // What the backend refused for good has to be in the folder that is kept for it, line by line, and counted.
  const refused = run.lines.length - taken.length;
  const { logs, traces } = start.shipper.status();
  const kept = keptAside(sandbox.data, 'logs');
  const problems = [...tally.problems];
  if (kept !== refused || logs.refused !== refused)
    problems.push(`${refused} lines were refused, ${logs.refused} were counted and ${kept} kept aside`);
  const requestsFor = (route: string): number => server.requests.filter(({ path: at }) => at.endsWith(route)).length;
  const rejected = { logs: leavesOut * requestsFor('/logs'), traces: leavesOut * requestsFor('/traces') };
  const scraped = await scrapeShipped(sandbox.data);
  problems.push(...countedWrongly(scraped, sandbox.data, server, rejected));
  // What the end summary of `stepspan run` says of refusals is made of these.
  for (const { signal, sent } of [logs, traces]) {
    const shown = scraped.sum('stepspan_shipper_sent_records_total', { signal });
    if (sent !== shown) problems.push(`${signal}: the shipper says that it sent ${sent}, /metrics ${shown}`);
  }
  // `checkRun` sees the numbers that were refused as missing from the witness's; they are accounted for just above.
  const unaccounted = Math.max(0, tally.missing - refused);
  if (unaccounted > 0) problems.push(`${unaccounted} lines have not arrived`);
  return { ...tally, lines: run.lines.length, unaccounted, problems: problems.map((problem) => `${name}: ${problem}`) };
}
