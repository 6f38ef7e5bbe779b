// Secrets of each kind are printed, broken at every place, and are in everything that a workflow names; also while stepspan
// is killed and while the disk is full. No part of them may be in anything that comes out, and each must show as replaced
// where lines arrive: a test that only lost the lines would find nothing either. Here a line is a secret that was printed.
import { chmodSync } from 'node:fs';
import path from 'node:path';
import { adoptRun } from '../../src/hub/index.ts';
import { openJournal } from '../../src/journal/index.ts';
import { createShipper } from '../../src/readers/ship/shipper.ts';
import { stripAnsi } from '../../src/text/ansi.ts';
import { startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { everyByteBelow, secretsIn } from '../support/every-byte.ts';
import { atOnce, within } from './support/at-once.ts';
import { linesOnce, readRun } from './support/check-run.ts';
import { countCalls } from './support/count-calls.ts';
import type { Fault, FaultContext } from './support/fault.ts';
import { checkPrintings, type Output, printSecrets } from './support/print-secrets.ts';
import { type Injected, makeSandbox, type Sandbox } from './support/sandbox.ts';
import { makeSecrets, type Secrets } from './support/secret-kinds.ts';
import { claudeSays, envOf, printer, repeatingServer, runAndWatch, workflowOf } from './support/secret-ways.ts';
import { nothing, sum, type Tally } from './support/tally.ts';

const sandboxesAtOnce = 3;
/** A run, its adoption and its shipping; what takes longer hangs. */
const pointWithinMs = 300_000;

export const secrets: Fault = {
  name: 'secrets printed',
  what: 'Secrets of each kind are printed broken at every place, and are in commands, prompts, names and errors; stepspan is killed, disks are full. Here a line is a secret that was printed.',
  isSlow: true,
  async run(context) {
    const made = makeSecrets(context.random);
    // Each write takes 20 ms: stepspan reads it and waits for more.
    const bounds =
      context.scale === 'short'
        ? ({ places: 1, more: 'one' } as const)
        : ({ places: Number.POSITIVE_INFINITY, more: 'all' } as const);
    const whole = printSecrets(made.printed, context.random, bounds);
    const everywhere = await everyWayOut(made, whole);
    context.log(`${whole.printings.length} printed, looked for in every place`);
    const points = await pointsOf(context, made);
    context.log(`${points.length} kills and full disks`);
    // Few at a time, as each is a whole run; which of the secrets, differs from point to point.
    const tallies = await atOnce(sandboxesAtOnce, points, (point) => {
      const some = made.printed.filter(() => context.random.next() < 0.4);
      const output = printSecrets(some, context.random, { places: 2, more: 'none' });
      return within(pointWithinMs, nameOf(point), breakAt(point, made, output));
    });
    return sum([everywhere, ...tallies]);
  },
};

async function everyWayOut(made: Secrets, output: Output): Promise<Tally> {
  const sandbox = makeSandbox();
  const refusedNumber = output.printings[3]!.number;
  const otlp = await repeatingServer(
    ({ path: at, body }) => at.endsWith('/logs') && body.includes(`S${refusedNumber} `),
  );
  const webhook = await repeatingServer(() => false);
  try {
    prepare(sandbox, output, made);
    sandbox.write('key.pem', `${made.pem}\n`);
    // A file name can hold only a part of all kinds.
    const name = `${made.tokens[6]}.yaml`;
    sandbox.write(name, workflowOf(made));
    const env = { ...envOf(made, otlp, webhook), STEPSPAN_CLAUDE: path.join(sandbox.work, 'claude') };
    const everything = await runAndWatch(sandbox, {
      args: [name, '-p', `api-token=${made.apiToken}`],
      env,
      otlp,
      webhook,
    });
    const { run, places, lines, hidden, code } = everything;
    const problems = [...run.problems];
    if (code !== 1) problems.push(`the run ended with ${code} instead of 1`);
    for (const [where, bytes] of Object.entries(places)) {
      if (!bytes.includes('[hidden:'))
        problems.push(`${where} shows no replacement, so it is the wrong thing to look in`);
      problems.push(...leaks(where, bytes, made));
    }
    problems.push(...leaks('the home', everyByteBelow(path.join(sandbox.folder, 'home')).bytes, made));
    if (hidden.journal !== hidden.metrics || hidden.journal < output.printings.length)
      problems.push(
        `${output.printings.length} printed, ${hidden.journal} hidden by the journal, ${hidden.metrics} by /metrics`,
      );
    let [missing, duplicated] = [0, 0];
    for (const [where, arrived] of Object.entries(lines)) {
      // The one that the backend refused is kept aside.
      const expected = output.printings.filter(({ number }) => where !== 'the backend' || number !== refusedNumber);
      // Colours are left out of what a backend gets.
      const held = checkPrintings(
        arrived.map(stripAnsi),
        expected.map((each) => ({ ...each, shown: each.shown && stripAnsi(each.shown) })),
      );
      missing += held.missing;
      duplicated += held.duplicated;
      problems.push(...held.wrong.map((wrong) => `${where}: ${wrong}`));
    }
    return { runs: 1, lines: output.printings.length, missing, duplicated, unaccounted: missing, problems };
  } finally {
    await Promise.all([otlp.close(), webhook.close()]);
    await sandbox.remove();
  }
}

function prepare(sandbox: Sandbox, output: Output, made: Secrets): void {
  sandbox.write('plan.json', JSON.stringify(output.writes));
  // As real output comes: in pieces of any length.
  const said = claudeSays(made).match(/.{1,97}/gsu) ?? [];
  sandbox.write('claude.json', JSON.stringify(said.map((piece) => [1, piece])));
  const script = `#!/bin/sh\ncase "$*" in *--version*) echo '2.1.328 (Claude Code)';; *) exec python3 ${printer} claude.json;; esac\n`;
  chmodSync(sandbox.write('claude', script), 0o755);
}

function leaks(where: string, bytes: Buffer, made: Secrets): readonly string[] {
  return secretsIn(bytes, made.forbidden).map((secret) => {
    const at = bytes.indexOf(secret);
    return `${where} holds ${secret} in: ${JSON.stringify(bytes.subarray(Math.max(0, at - 100), at + 120).toString())}`;
  });
}

const small = (made: Secrets): string => `name: secrets
params: {api-token: {type: string}}
secrets: [PLAIN_WORDS]
env: {DB_PASSWORD: '${made.inWorkflow.DB_PASSWORD}'}
steps:
  - id: print
    env: {STEP_TOKEN: '${made.inWorkflow.STEP_TOKEN}'}
    run: [python3, ${printer}, plan.json]
`;

async function pointsOf(context: FaultContext, made: Secrets): Promise<readonly Injected[]> {
  const args = ['run', 'w.yaml', '-p', `api-token=${made.apiToken}`];
  const { main } = await countCalls(args, small(made).replace(`python3, ${printer}, plan.json`, 'echo, printed'));
  const { random } = context;
  const many = context.scale === 'short' ? { kills: 2, full: 1 } : { kills: 60, full: 30 };
  const kills = Array.from(
    { length: many.kills },
    (): Injected => ({ thread: 'main', at: random.between(1, main), mode: random.pick(['before', 'torn', 'after']) }),
  );
  const full = Array.from(
    { length: many.full },
    // What is printed makes more calls than the run that only counts them.
    (): Injected => ({
      thread: 'main',
      at: random.between(1, main * 2),
      mode: random.pick(['ENOSPC', 'EIO']),
      calls: random.pick([1, 20, 1e9]),
    }),
  );
  return [...kills, ...full];
}

const nameOf = ({ mode, at, calls }: Injected): string =>
  `${mode} at call ${at}${calls === undefined ? '' : ` for ${calls}`}`;

/** stepspan is killed, or its disk fails; then a hub's work is done, and everything that was kept is searched. */
async function breakAt(inject: Injected, made: Secrets, output: Output): Promise<Tally> {
  const sandbox = makeSandbox();
  const otlp = await startOtlpServer();
  const place = nameOf(inject);
  try {
    sandbox.write('w.yaml', small(made));
    prepare(sandbox, output, made);
    const { OTEL_EXPORTER_OTLP_HEADERS = '', ...rest } = made.env;
    const env = { ...rest, OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url, OTEL_EXPORTER_OTLP_HEADERS };
    const args = ['run', 'w.yaml', '-p', `api-token=${made.apiToken}`];
    const { output: shown } = await sandbox.start(args, { inject, env }).ended;
    const [runId] = sandbox.data.listRunIds();
    if (runId === undefined)
      return { ...nothing, runs: 1, problems: leaks(`${place}: the terminal`, Buffer.from(shown), made) };
    const folder = sandbox.data.runDir(runId);
    await adoptRun(folder);
    // Killed before the first record: nothing was printed yet.
    if ((await openJournal(folder).head()).nextSeq === 0)
      return {
        ...nothing,
        runs: 1,
        problems: leaks(`${place}: the data folder`, everyByteBelow(sandbox.data.root).bytes, made),
      };
    const start = await createShipper({ folder, env, lingerMs: 1 });
    if (start.kind === 'shipping') await start.shipper.done;
    const run = await readRun(folder);
    const held = checkPrintings(
      run.lines.map(({ text }) => text),
      output.printings,
    );
    const shipped = checkPrintings(
      linesOnce(otlp.logs).map(({ text }) => text),
      output.printings,
    );
    const bodies = Buffer.concat(otlp.requests.map(({ body }) => body));
    const problems = [
      ...held.wrong,
      ...shipped.wrong,
      ...leaks('the terminal', Buffer.from(shown), made),
      ...leaks('the data folder', everyByteBelow(sandbox.data.root).bytes, made),
      ...leaks('the backend', bodies, made),
    ];
    // What a killed stepspan had not read was printed to nobody; what a full disk had no room for is not in the journal.
    const undelivered = held.arrived - shipped.arrived;
    return {
      runs: 1,
      lines: held.arrived,
      missing: undelivered,
      duplicated: held.duplicated + shipped.duplicated,
      unaccounted: undelivered,
      problems: problems.map((problem) => `${place}: ${problem}`),
    };
  } finally {
    await otlp.close();
    await sandbox.remove();
  }
}
