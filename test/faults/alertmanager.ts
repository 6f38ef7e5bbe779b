// The Alertmanager misbehaves in each way it can while the alerts of a run are sent: each of them must be there in the end, as one alert,
// or be kept with the answer it was refused with; and the run must not have waited for any of it.
import { cpSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadNotifierState, startNotifier } from '../../src/readers/notify/index.ts';
import { alertmanagerAt } from '../readers/notify/alertmanager-at.ts';
import { failOnProblem } from '../support/journal.ts';
import { type AlertServer, type Answer, type Posted, startAlertServer } from './support/alert-server.ts';
import { atOnce } from './support/at-once.ts';
import { readRun } from './support/check-run.ts';
import type { Fault, FaultContext } from './support/fault.ts';
import type { Random } from './support/random.ts';
import { makeSandbox, type Sandbox, witness } from './support/sandbox.ts';
import { nothing, sum, type Tally } from './support/tally.ts';
import { judge } from './support/witness.ts';

const lines = 300;
/** A run with two alerts: it has failed, and it has printed a secret. */
const workflow = `name: alerting
steps:
  - id: print
    run: 'node ${witness} a ${lines} 0 20 both; echo "$DEPLOY_TOKEN"; exit 3'
`;
const alertNames = ['StepspanRunFailed', 'StepspanSecretHidden'];

/** Waits between attempts are up to a minute in life; only they are shorter here. */
const waitMs = 20;
/** What has not been taken by then never will be. */
const withinMs = 300_000;

type Behaviour = {
  readonly name: string;
  /** How many requests are answered so; then it is well. */
  readonly ill: readonly [least: number, most: number];
  readonly answer: (alerts: readonly Posted[], random: Random) => Answer | Promise<Answer>;
  /** Alerts that it never takes. */
  readonly refuses?: (name: string) => boolean;
};

const status = (code: number, headers: Record<string, string> = {}, body = 'injected'): Answer => ({
  kind: 'status',
  status: code,
  headers,
  body,
});
const html = { 'content-type': 'text/html; charset=utf-8' };
const isFailed = (name: string): boolean => name === 'StepspanRunFailed';
const holdsFailed = (alerts: readonly Posted[]): boolean =>
  alerts.some(({ labels }) => isFailed(labels.alertname ?? ''));

const behaviours: readonly Behaviour[] = [
  { name: 'connection reset', ill: [1, 4], answer: () => ({ kind: 'reset' }) },
  { name: 'answer lost', ill: [1, 4], answer: () => ({ kind: 'reset', takes: true }) },
  // Ten real seconds each.
  { name: 'no answer', ill: [1, 1], answer: () => ({ kind: 'hang' }) },
  {
    name: 'slow answer',
    ill: [1, 2],
    async answer(_, random) {
      await sleep(random.between(200, 2_000));
      return { kind: 'take' };
    },
  },
  ...[401, 404, 429, 500, 502, 503].map(
    (code): Behaviour => ({ name: String(code), ill: [1, 4], answer: () => status(code, { 'retry-after': '1' }) }),
  ),
  { name: 'sent elsewhere', ill: [1, 3], answer: () => status(302, { location: 'http://127.0.0.1:9/' }) },
  { name: 'a login page with 200', ill: [1, 3], answer: () => status(200, html, '<html>log in</html>') },
  { name: 'garbage with 500', ill: [1, 3], answer: () => status(500, {}, '\x00\xff'.repeat(100_000)) },
  ...[400, 413, 422].map(
    (code): Behaviour => ({
      name: `one refused with ${code}`,
      ill: [1e9, 1e9],
      answer: (alerts) => (holdsFailed(alerts) ? status(code) : { kind: 'take' }),
      refuses: isFailed,
    }),
  ),
  {
    name: 'all of it in turn',
    ill: [3, 8],
    answer: (_, random) =>
      random.pick([{ kind: 'reset' }, { kind: 'reset', takes: true }, status(429), status(503), status(403)] as const),
  },
];

export const alertmanager: Fault = {
  name: 'Alertmanager misbehaves',
  what: 'Requests are reset, unanswered, slow, sent elsewhere, answered with 400, 401, 404, 413, 422, 429, 500, 502, 503, garbage, a login page; it is down; the notifier is restarted in between. Here a line is an alert.',
  isSlow: true,
  async run({ random, scale }: FaultContext) {
    const template = makeSandbox();
    const dead = await startAlertServer(() => ({ kind: 'hang' }));
    try {
      template.write('w.yaml', workflow);
      const args = ['run', 'w.yaml', '--no-ship', '--ship-wait', '100ms'];
      const env = { STEPSPAN_ALERTMANAGER_URL: dead.url, DEPLOY_TOKEN: 'dt-5f3759df5f3759df' };
      const first = template.start(args, { env });
      const { code, output } = await first.ended;
      const tallies = [await notHeld(template, code, output)];
      const rounds = scale === 'short' ? 1 : 10;
      const cases = Array.from({ length: rounds }, () => behaviours).flat();
      tallies.push(...(await atOnce(cases.length, cases, (each) => deliver(template, each, random))));
      for (let round = 0; round < rounds; round++) tallies.push(await deliverAfterKills(template, random));
      return sum(tallies);
    } finally {
      await dead.close();
      await template.remove();
    }
  },
};

/** The run beside an Alertmanager that never answers: whole, ended as its step has, and it says what is not delivered. */
async function notHeld(sandbox: Sandbox, code: number | null, output: string): Promise<Tally> {
  const [runId] = sandbox.data.listRunIds();
  if (runId === undefined) return { ...nothing, runs: 1, problems: [`no run: ${output.slice(-400)}`] };
  const { distinct } = judge((await readRun(sandbox.data.runDir(runId))).lines);
  const problems: string[] = [];
  if (code !== 1) problems.push(`the run ended with ${code} instead of 1: ${output.slice(-400)}`);
  if (distinct !== lines) problems.push(`${distinct} of ${lines} lines are in the journal`);
  if (!/2 alerts are not delivered/.test(output))
    problems.push(`the run does not say what is left: ${output.slice(-400)}`);
  return { ...nothing, runs: 1, problems };
}

/** Sends with a notifier that is stopped and started again in between, until everything is taken or refused. */
async function deliver(template: Sandbox, behaviour: Behaviour, random: Random): Promise<Tally> {
  const { name, answer, refuses = () => false } = behaviour;
  const ill = random.between(...behaviour.ill);
  const restartAfter = random.between(1, 3);
  const sandbox = copyOf(template);
  const [runId] = sandbox.data.listRunIds();
  const server = await startAlertServer((alerts, index) => (index < ill ? answer(alerts, random) : { kind: 'take' }));
  const counted = { taken: 0, refused: 0, failed: 0 };
  const open = async () => {
    const start = await startNotifier({
      data: sandbox.data,
      runId: runId!,
      settings: alertmanagerAt(server.url),
      onProblem: failOnProblem,
      wait: () => waitMs,
      onSent: (result, count) => {
        counted[result] += count;
      },
    });
    if (start.kind === 'held') throw new Error(`${name}: the notifier of before holds the lock`);
    return start.notifier;
  };
  try {
    let notifier = await open();
    let isDelivered = false;
    void notifier.delivered.then(() => {
      isDelivered = true;
    });
    const end = performance.now() + withinMs;
    while (server.requests() < restartAfter && performance.now() < end && !isDelivered) await sleep(10);
    await notifier.stop();
    notifier = await open();
    await Promise.race([notifier.delivered, sleep(withinMs, undefined, { ref: false })]);
    await notifier.stop();
    const state = loadNotifierState(sandbox.data.runDir(runId!));
    const kept = Object.entries(state?.deliveries ?? {}).filter(([, delivery]) => 'refused' in delivery);
    return check(name, server, alertNames.filter(refuses), { counted: counted.refused, kept: kept.length });
  } finally {
    await server.close();
    await sandbox.remove();
  }
}

/** A hub that is killed at a request, with and without its answer, and started again, three times. */
async function deliverAfterKills(template: Sandbox, random: Random): Promise<Tally> {
  const sandbox = copyOf(template);
  let kill: (() => void) | undefined;
  const server = await startAlertServer(() => {
    const now = kill;
    kill = undefined;
    if (now === undefined) return { kind: 'take' };
    const takes = random.next() < 0.5;
    now();
    return { kind: 'reset', takes };
  });
  try {
    for (const isLast of [false, false, true]) {
      const hub = sandbox.start(['serve', '--port', '0', '--no-page'], {
        env: { STEPSPAN_ALERTMANAGER_URL: server.url },
      });
      if (!isLast) kill = () => hub.child.kill('SIGKILL');
      const end = performance.now() + withinMs;
      const isDone = () => (isLast ? server.known().size === alertNames.length : hub.child.signalCode !== null);
      while (!isDone() && performance.now() < end) await sleep(20);
      hub.child.kill(isLast ? 'SIGTERM' : 'SIGKILL');
      await hub.ended;
    }
    return check('hub killed', server, [], { counted: 0, kept: 0 });
  } finally {
    await server.close();
    await sandbox.remove();
  }
}

function check(
  name: string,
  server: AlertServer,
  refused: readonly string[],
  reported: { readonly counted: number; readonly kept: number },
): Tally {
  const known = [...server.known().values()];
  const wanted = alertNames.filter((each) => !refused.includes(each));
  const unaccounted = wanted.filter((each) => !known.some(({ alertname }) => alertname === each)).length;
  // An Alertmanager notifies people again of an alert that begins again, and of one with other labels.
  const duplicated =
    known.reduce((all, { starts }) => all + starts.size - 1, 0) + Math.max(0, known.length - wanted.length);
  const problems: string[] = [];
  if (unaccounted > 0) problems.push(`${name}: ${unaccounted} alerts have not arrived`);
  if (duplicated > 0)
    problems.push(`${name}: ${JSON.stringify(known.map(({ alertname, starts }) => [alertname, ...starts]))}`);
  if (reported.counted !== refused.length || reported.kept !== refused.length)
    problems.push(
      `${name}: ${refused.length} were refused, ${reported.counted} were counted and ${reported.kept} kept`,
    );
  return {
    runs: 1,
    lines: alertNames.length,
    missing: unaccounted + refused.length,
    duplicated,
    unaccounted,
    problems,
  };
}

function copyOf(template: Sandbox): Sandbox {
  const sandbox = makeSandbox();
  cpSync(template.data.root, sandbox.data.root, { recursive: true, preserveTimestamps: true });
  return sandbox;
}
