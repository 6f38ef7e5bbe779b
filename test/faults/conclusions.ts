// Runs whose truth is known, and what stepspan concludes of them: the exit code, the last screen, the JSON and the journal have to
// say the same true thing. Each entry is a way in which a run was seen to look better, worse or cheaper than it was. The CLI is the
// real Claude Code, its API is scripted, except where an entry names the fake CLI.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { MessagesRequest, Turn } from '../../demo/messages-api/script.ts';
import type { JournalRecord } from '../../src/core/record.ts';
import { eventsIn, readRecords } from '../support/journal.ts';
import { atOnce, within } from './support/at-once.ts';
import { bash, type ClaudeCli, startClaudeCli } from './support/claude-cli.ts';
import type { Fault } from './support/fault.ts';
import { makeSandbox, type Sandbox, type StartedCli } from './support/sandbox.ts';
import { isKept, nothing, sum, type Tally } from './support/tally.ts';

type Conclusion = {
  readonly name: string;
  /** The workflow without its name. */
  readonly steps: string;
  /** Of the API, by the number of the request; the last one is repeated. */
  readonly turns?: readonly Turn[];
  /** Instead of `turns`: made when the run starts, for answers that depend on the time. */
  readonly answer?: () => (request: number) => Turn;
  readonly fake?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  /** Done to the process while it runs. */
  readonly meanwhile?: (cli: StartedCli) => Promise<void>;
  readonly exit: number;
  /** Each has to stand on the last screen. */
  readonly screen: readonly RegExp[];
  /** None may stand there. */
  readonly not?: readonly RegExp[];
  /** What else has to be true. Returns what is not. */
  readonly check?: (seen: Seen) => readonly string[];
};

type Seen = {
  readonly requests: readonly MessagesRequest[];
  readonly events: readonly Extract<JournalRecord, { kind: 'event' }>['event'][];
  /** Of `ls --json`. */
  readonly json: { readonly costUsd: number | null };
};

const programs = fileURLToPath(new URL('../../node_modules/.bin', import.meta.url));
const done: Turn = { kind: 'reply', text: 'All done.' };
const edit: Turn = {
  kind: 'reply',
  tools: [{ name: 'Write', input: { file_path: 'cart.ts', content: 'export {};' } }],
};
const limitedUntil = (endsAt: number): Turn => ({
  kind: 'error',
  status: 429,
  message: 'This request would exceed the limit of your account.',
  headers: {
    'anthropic-ratelimit-unified-status': 'rejected',
    'anthropic-ratelimit-unified-reset': String(endsAt),
    'anthropic-ratelimit-unified-representative-claim': 'five_hour',
    'anthropic-ratelimit-unified-overage-status': 'rejected',
  },
});
const hasEvent =
  (type: string) =>
  ({ events }: Seen): readonly string[] =>
    events.some((event) => event.type === type) ? [] : [`there is no event ${type}`];

const conclusions: readonly Conclusion[] = [
  {
    name: 'a denied tool is named in a run that succeeded',
    steps: '- {id: fix, claude: {prompt: go}}',
    turns: [edit, done],
    exit: 0,
    screen: [/denied/i, /Write/],
  },
  {
    name: 'a denied tool fails the step that asks for it',
    steps: '- {id: fix, claude: {prompt: go, onDenied: fail}}',
    turns: [edit, done],
    exit: 1,
    screen: [/denied/i, /Write/, /stepspan resume/],
  },
  {
    name: 'the failing end of a long output reaches the prompt that is to fix it',
    steps: `- id: test
    continueOnFailure: true
    run: |
      for i in $(seq 1 6000); do echo "PASS test number $i of the suite ....."; done
      echo "FAIL the one that matters"; exit 1
  - {id: fix, needs: test, claude: {prompt: "Fix: {{ steps.test.output }}"}}`,
    turns: [done],
    exit: 0,
    screen: [/FAIL the one that matters/],
    check: ({ requests }) => {
      const sent = JSON.stringify(requests[0]?.messages ?? '');
      return ['PASS test number 1 of', 'FAIL the one that matters', 'left out'].flatMap((text) =>
        sent.includes(text) ? [] : [`the prompt lacks "${text}"`],
      );
    },
  },
  {
    name: 'a cost that nobody reported is unknown and not $0',
    steps: '- {id: ask, claude: {prompt: says no cost}}',
    fake: true,
    exit: 0,
    screen: [/cost unknown|unknown cost/i],
    not: [/\$0\.00/],
    check: ({ json }) => (json.costUsd === null ? [] : [`costUsd is ${json.costUsd} instead of null`]),
  },
  {
    name: 'Claude Code in a shell step is paid for',
    steps: '- {id: ask, run: "claude -p hello"}',
    turns: [done],
    env: { PATH: `${programs}:${path.dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin` },
    exit: 0,
    screen: [/\$0\.0\d*[1-9]/],
    check: ({ json }) => ((json.costUsd ?? 0) > 0 ? [] : ['its cost is not in the run']),
  },
  {
    name: 'work in the background does not turn a success into a timeout',
    steps: '- {id: serve, timeout: 60s, claude: {prompt: go, allowedTools: [Bash]}}',
    turns: [bash('(sleep 300 &) ; true'), done],
    exit: 0,
    screen: [/success/],
    check: hasEvent('process.orphaned'),
  },
  {
    name: 'a usage limit is waited for and fails nothing',
    steps: '- {id: ask, claude: {prompt: go, allowedTools: [Bash]}}',
    // Only a subscription has limits whose end is known.
    env: { ANTHROPIC_API_KEY: '', CLAUDE_CODE_OAUTH_TOKEN: 'sk-ant-oat01-test' },
    answer: () => {
      // Counted from the first request that is limited, however long Claude Code took to come up.
      let endsAt: number | undefined;
      return (request) => {
        if (request === 0) return bash('true');
        endsAt ??= Math.ceil(Date.now() / 1000) + 4;
        return Date.now() / 1000 < endsAt ? limitedUntil(endsAt) : done;
      };
    },
    exit: 0,
    screen: [/waits for the usage limit/, /success/],
    check: hasEvent('step.waiting'),
  },
  {
    name: 'a timeout says what was waited for',
    steps: '- {id: ask, timeout: 20s, claude: {prompt: go}}',
    turns: [{ kind: 'error', status: 529 }],
    exit: 1,
    screen: [/529/, /stepspan resume/],
  },
  {
    name: 'a question that hangs a step is shown',
    steps: `- {id: ask, timeout: 2s, run: "printf 'Overwrite production? [y/N] '; sleep 60"}`,
    exit: 1,
    screen: [/Overwrite production\? \[y\/N\]/, /stepspan resume/],
  },
  {
    name: 'a bar that is redrawn is alive',
    steps: `- id: bar
    stalls: {noOutput: {after: 4s, action: kill}}
    run: for i in $(seq 1 20); do printf '\\rDownloading %3d%%' $((i*5)); sleep 0.25; done; echo`,
    exit: 0,
    screen: [/success/],
    not: [/stalled/],
  },
  {
    name: 'time in which stepspan was stopped counts for no timeout',
    steps: '- {id: work, timeout: 10s, run: sleep 2}',
    async meanwhile({ child, output }) {
      while (!output().includes('started: sleep')) await delay(20);
      child.kill('SIGSTOP');
      await delay(12_000);
      child.kill('SIGCONT');
    },
    exit: 0,
    screen: [/success/],
  },
  {
    name: 'an expectation that was not met fails the step',
    steps: '- {id: fix, run: echo I have changed it, expect: {changed: ["*.ts"]}}',
    exit: 1,
    screen: [/expect/i, /\*\.ts/],
  },
  {
    name: 'an error count of zero is not an error, and frames of progress are not the reason',
    steps: `- id: clone
    run: |
      for i in $(seq 1 100); do printf 'Receiving objects: %3d%% (%d/100)\\r' $i $i; done
      printf 'fatal: early EOF\\n'; exit 128`,
    exit: 1,
    screen: [/fatal: early EOF/],
    not: [/Receiving objects: +1%/],
  },
];

/** A run at the longest; what takes longer hangs, which is a broken promise. */
const withinMs = 300_000;
const sandboxesAtOnce = 3;

export const wrongConclusions: Fault = {
  name: 'wrong conclusions',
  what: 'Runs whose truth is known: tools denied, output cut, a cost that nobody reported, Claude Code inside of a shell step, work left in the background, a usage limit, an overloaded API, a question that nobody answers, a bar without a newline, stepspan stopped for longer than a timeout, an expectation that was not met. Exit code, last screen, JSON and journal have to say it.',
  async run({ log }) {
    const tallies = await atOnce(sandboxesAtOnce, conclusions, async (each) => {
      const tally = await within(withinMs, each.name, conclude(each));
      if (!isKept(tally)) log(`${each.name}: broken`);
      return tally;
    });
    return sum(tallies);
  },
};

async function conclude(each: Conclusion): Promise<Tally> {
  const sandbox = makeSandbox();
  const turns = each.turns ?? [done];
  const answer = each.answer?.() ?? ((request: number) => turns[request] ?? turns.at(-1) ?? done);
  const requests: MessagesRequest[] = [];
  const cli = await startClaudeCli(
    sandbox,
    each.fake === true ? 'fake' : 'real',
    (_, request) => answer(request),
    (request) => requests.push(request),
  );
  try {
    for (const [name, text] of Object.entries(each.files ?? {})) sandbox.write(name, text);
    sandbox.write('w.yaml', `name: known\nsteps:\n  ${each.steps}\n`);
    const started = sandbox.start(['run', 'w.yaml', '--no-ship'], { env: { ...cli.env, ...each.env } });
    await each.meanwhile?.(started);
    const { code, signal, output } = await started.ended;
    const problems = [
      ...(code === each.exit ? [] : [`exit ${code ?? signal} instead of ${each.exit}`]),
      ...each.screen.filter((wanted) => !wanted.test(output)).map((wanted) => `the screen lacks ${wanted}`),
      ...(each.not ?? []).filter((bad) => bad.test(lastScreen(output))).map((bad) => `the screen has ${bad}`),
      ...(each.check?.(await look(sandbox, cli, requests)) ?? []),
    ];
    if (problems.length > 0) problems.push(output.slice(-1_200));
    return { ...nothing, runs: 1, problems: problems.map((problem) => `${each.name}: ${problem}`) };
  } finally {
    await sandbox.remove();
    await cli.close();
  }
}

/** From the table of steps on. */
function lastScreen(output: string): string {
  const at = output.search(/^ +STEP +OUTCOME/m);
  return at === -1 ? output : output.slice(at);
}

async function look(sandbox: Sandbox, cli: ClaudeCli, requests: readonly MessagesRequest[]): Promise<Seen> {
  const [runId] = sandbox.data.listRunIds();
  if (runId === undefined) throw new Error('there is no run');
  const listed = await sandbox.start(['ls', '--json'], { env: cli.env }).ended;
  const [json] = JSON.parse(listed.output) as [Seen['json']];
  return {
    requests,
    events: eventsIn(await readRecords(sandbox.data.runDir(runId))),
    json,
  };
}
