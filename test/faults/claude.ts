// Claude Code that misbehaves, and its API that does. What it printed is in the journal byte by byte, the run ends as docs/cli.md
// says, what was spent is counted once, and nothing of it is alive at the end. It is the real Claude Code where that can be brought to
// do it, by its API and by its own Bash tool, and else test/fixtures/fake-claude.mjs, which each entry says.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Turn } from '../../demo/messages-api/script.ts';
import { messageOf, reasonOf } from '../../src/core/outcome.ts';
import type { JournalRecord } from '../../src/core/record.ts';
import type { RunFolder } from '../../src/journal/index.ts';
import { emptyRunState, foldRun, totalsOf } from '../../src/runs/index.ts';
import { measured } from '../readers/measure/measured.ts';
import { readJournal } from '../support/journal.ts';
import { atOnce, within } from './support/at-once.ts';
import { bash, type ClaudeCli, replyTokens, startClaudeCli } from './support/claude-cli.ts';
import { compareBytes } from './support/compare-bytes.ts';
import type { Fault } from './support/fault.ts';
import { makeSandbox } from './support/sandbox.ts';
import { isKept, nothing, sum, type Tally } from './support/tally.ts';

type Misbehaviour = {
  readonly name: string;
  /** Of the API, by the number of the request; the last one is repeated. The CLI is the real one then. */
  readonly turns?: readonly Turn[];
  /** The way of the fake CLI, where the real one cannot be brought to do it. */
  readonly fake?: string;
  /** Further keys of the step. */
  readonly keys?: string;
  readonly claudeKeys?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The exit code of stepspan, see docs/cli.md. */
  readonly exit: number;
  /** Kind and reason of the step's outcome. */
  readonly ends: string;
  /**
   * Whether Claude Code reported what was spent; if it did not, the cost is estimated. `either` if stepspan ends it: its
   * result line can come in time or too late.
   */
  readonly cost: 'reported' | 'estimated' | 'none' | 'either';
  /** Events that have to be in the journal. */
  readonly says?: readonly JournalEvent[];
  /** Not in CI, which has as much of the kind without it. */
  readonly isMore?: boolean;
};
type JournalEvent = Extract<JournalRecord, { kind: 'event' }>['event']['type'];

const done: Turn = { kind: 'reply', text: 'Done.' };
const dropped: Turn = { kind: 'drop', text: 'I was just about to' };
const fails = (status: number): Turn => ({ kind: 'error', status });
const once = { CLAUDE_CODE_MAX_RETRIES: '1' };
const kill = (cause: string, ms: number): string => `stalls: {${cause}: {after: ${ms}ms, action: kill}}`;
const success = { exit: 0, ends: 'success', cost: 'reported' } as const;
const refused = { exit: 1, ends: 'failure claude_error', cost: 'none' } as const;
const stalled = { exit: 3, ends: 'error stalled', says: ['stall.detected'] } as const;
const died = { exit: 3, ends: 'error signal', cost: 'estimated' } as const;
const orphaned = { ...success, says: ['process.orphaned'] } as const;

/** Half of a message, behind which the CLI writes its own next message, so that this one cannot be read either. */
const noise = String.raw`printf 'no JSON\n\377\376\0\n{"type":"result","is_err\n[]\n{"type":"assistant","mess' > /proc/$PPID/fd/1; echo noise > /proc/$PPID/fd/2`;

const misbehaviours: readonly Misbehaviour[] = [
  { name: 'its API is overloaded', turns: [fails(529), fails(529), done], ...success },
  { name: 'its API fails', turns: [fails(500), done], ...success, isMore: true },
  { name: 'its API limits the rate', turns: [{ kind: 'error', status: 429, retryAfterSeconds: 1 }, done], ...success },
  { name: 'its API breaks off', turns: [dropped, done], ...success },
  { name: 'its API always breaks off', turns: [dropped], env: once, ...refused, cost: 'reported', isMore: true },
  {
    name: 'its API is overloaded for good',
    turns: [bash('true'), fails(529)],
    env: once,
    ...refused,
    cost: 'reported',
  },
  { name: 'its API refuses', turns: [fails(400)], ...refused, isMore: true },
  {
    name: 'its API never answers',
    turns: [{ kind: 'silence' }],
    keys: kill('noOutput', 2_000),
    ...stalled,
    cost: 'either',
  },
  {
    name: 'its API stops in the middle',
    turns: [bash('true'), { kind: 'hang', text: 'I was' }],
    keys: 'timeout: 4s',
    exit: 1,
    ends: 'timeout',
    cost: 'either',
  },
  {
    name: 'leaves a process in a session of its own',
    turns: [bash('setsid sleep 300 >&- 2>&- & sleep 1'), done],
    ...orphaned,
  },
  {
    name: 'leaves a process with an empty environment in a session of its own',
    turns: [bash('setsid env -i sleep 300 >&- 2>&- & sleep 1'), done],
    ...orphaned,
  },
  { name: 'is killed in the middle of a turn', turns: [bash('kill -KILL $PPID; sleep 300')], ...died },
  { name: 'crashes in the middle of a turn', turns: [bash('kill -SEGV $PPID; sleep 300')], ...died, isMore: true },
  {
    name: 'is asked to end in the middle of a turn',
    turns: [bash('kill -TERM $PPID; sleep 300')],
    ...died,
    isMore: true,
  },
  {
    name: 'is stopped in the middle of a turn',
    turns: [bash('kill -STOP $PPID; sleep 300')],
    keys: kill('noOutput', 3_000),
    ...stalled,
    cost: 'either',
  },
  {
    name: 'is stopped after its result',
    turns: [
      bash('(until grep -q "total_cost_us[d]" "$CLAUDE_COPY.stdout"; do :; done; kill -STOP $PPID) >&- 2>&- &'),
      done,
    ],
    keys: kill('noExitAfterResult', 1_000),
    ...success,
  },
  { name: 'prints a message of 10 MB', turns: [bash(`: ${'x'.repeat(10_000_000)}`), done], ...success },
  { name: 'prints lines that are not messages', turns: [bash(noise), done], ...success },
  { name: 'hangs after its result', fake: 'stays after its result', keys: kill('noExitAfterResult', 300), ...success },
  { name: 'prints its result twice', fake: 'ends twice', ...success },
  { name: 'dies in its result', fake: 'dies in its result', ...died },
  { name: 'prints no result', fake: 'ends well without a result', exit: 3, ends: 'error no_result', cost: 'estimated' },
  { name: 'prints a message of 40 MB', fake: 'says too much', ...success, says: ['claude.notice'] },
  {
    name: 'closes its output',
    fake: 'closes its output',
    keys: kill('outputClosed', 300),
    ...stalled,
    cost: 'estimated',
  },
];

/** A run at the longest; what takes longer hangs, which is a broken promise. */
const withinMs = 300_000;
/** Most of them wait for something. */
const sandboxesAtOnce = 3;

export const misbehavingClaude: Fault = {
  name: 'Claude Code misbehaves',
  what: 'The real Claude Code is killed, stopped, leaves processes, prints 10 MB in a line and lines that are not messages; its API answers 400, 429, 500, 529, breaks off, stops, never answers. A fake one hangs after its result, prints none, half of one, two, closes its output. Compared byte by byte; cost counted once.',
  async run({ scale, log }) {
    const chosen = misbehaviours.filter(({ isMore }) => scale === 'full' || isMore !== true);
    const tallies = await atOnce(sandboxesAtOnce, chosen, async (each) => {
      const tally = await within(withinMs, each.name, misbehave(each));
      if (!isKept(tally)) log(`${each.name}: broken`);
      return tally;
    });
    return sum(tallies);
  },
};

async function misbehave(each: Misbehaviour): Promise<Tally> {
  const sandbox = makeSandbox();
  const turns = each.turns ?? [];
  const cli = await startClaudeCli(sandbox, each.fake === undefined ? 'real' : 'fake', (_, request) => {
    return turns[request] ?? turns.at(-1) ?? fails(400);
  });
  try {
    sandbox.write('w.yaml', workflowOf(each));
    const env = { ...cli.env, ...each.env };
    const { code, signal, output } = await sandbox.start(['run', 'w.yaml', '--no-ship', '--json'], { env }).ended;
    const problems: string[] = [];
    if (code !== each.exit) problems.push(`exit ${code ?? signal} instead of ${each.exit}`);
    problems.push(...sandbox.processes().map((process) => `still alive: ${process}`));
    const [runId] = sandbox.data.listRunIds();
    if (runId === undefined) return { ...nothing, runs: 1, problems: [`${each.name}: no run: ${output}`] };
    const folder = sandbox.data.runDir(runId);
    const recorded = withoutPartialMessages(cli.copyOf('stdout'));
    const counted = sum([
      await compareBytes(folder, recorded.file, 'ask', 'debug'),
      await compareBytes(folder, cli.copyOf('stderr'), 'ask', 'stderr'),
    ]);
    problems.push(...counted.problems, ...(await judge(folder, each, cli, recorded.partialMessages)));
    if (problems.length > 0) problems.push(output.slice(-600));
    return { ...counted, runs: 1, problems: problems.map((problem) => `${each.name}: ${problem}`) };
  } finally {
    await sandbox.remove();
    await cli.close();
  }
}

/**
 * Partial messages repeat an answer piece by piece, and the journal counts them only: the copy without them, beside it, and how
 * many they are.
 */
function withoutPartialMessages(copy: string): { readonly file: string; readonly partialMessages: number } {
  const text = existsSync(copy) ? readFileSync(copy, 'latin1') : '';
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const kept = lines.filter((line) => !line.startsWith('{"type":"stream_event"'));
  const file = `${copy}.recorded`;
  writeFileSync(file, kept.join(''), 'latin1');
  return { file, partialMessages: lines.length - kept.length };
}

function workflowOf({ fake, keys, claudeKeys }: Misbehaviour): string {
  const lines = [
    'name: misbehaving',
    'steps:',
    '  - id: ask',
    ...(keys === undefined ? [] : [`    ${keys}`]),
    '    claude:',
    `      prompt: ${fake ?? 'go'}`,
    '      allowedTools: [Bash]',
    ...(claudeKeys === undefined ? [] : [`      ${claudeKeys}`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** How it ended, and what it cost: in the journal, in the sums of the run, in the metrics, by the CLI and by its API. */
async function judge(
  folder: RunFolder,
  each: Misbehaviour,
  cli: ClaudeCli,
  partialMessages: number,
): Promise<readonly string[]> {
  const { records, events: eventsOf } = await readJournal(folder);
  const wanted = new Map<string, unknown>();
  const found = new Map<string, unknown>();
  const expect = (what: string, is: unknown, shouldBe: unknown): void => {
    found.set(what, is);
    wanted.set(what, shouldBe);
  };

  const [finished] = eventsOf('step.finished');
  const outcome = finished?.outcome;
  const ending = outcome && [outcome.kind, reasonOf(outcome)].filter((part) => part !== '' && part !== 'timeout');
  expect('the outcome', ending?.join(' ') || 'timeout', each.ends);
  for (const type of each.says ?? []) expect(`an event ${type}`, eventsOf(type).length > 0, true);

  const left = eventsOf('attempt.finished').reduce((count, event) => count + (event.partialMessages ?? 0), 0);
  expect('the partial messages that were left out', left, partialMessages);

  const totals = totalsOf(records.reduce(foldRun, emptyRunState()));
  const costs = eventsOf('claude.cost');
  expect('events with the cost', costs.length, 1);
  const usd = costs[0]?.costUsd ?? 0;
  const scraped = await measured(records);
  expect('the cost of the run', cents(totals.costAtLeastUsd), cents(usd));
  expect('the cost in the metrics', cents(scraped.sum('stepspan_cost_usd_total')), cents(usd));
  expect('the cost at the end of the run', cents(eventsOf('run.finished')[0]?.costUsd ?? Number.NaN), cents(usd));
  expect('the tokens in the metrics', scraped.sum('stepspan_tokens_total'), totals.tokens);
  if (each.cost !== 'either') expect('the cost is an estimate', costs[0]?.estimated, each.cost === 'estimated');
  if (each.cost === 'reported') {
    expect('the cost that Claude Code said', cents(usd), cents(saidCost(cli)));
    // Of an answer that was begun and not ended, the CLI counts what the API had said by then, which is a matter of timing.
    const isWhole = each.turns?.every(({ kind }) => kind !== 'hang' && kind !== 'drop') === true;
    if (isWhole) expect('the tokens that the API gave', totals.tokens, cli.replies() * replyTokens);
  }
  if (each.cost === 'none') expect('the cost of nothing', usd, 0);

  return [...wanted].flatMap(([what, shouldBe]) =>
    found.get(what) === shouldBe
      ? []
      : [`${what} is ${found.get(what)} instead of ${shouldBe}${outcome ? ` (${messageOf(outcome)})` : ''}`],
  );
}

/** In millionths of a dollar: below that it is the rounding of a sum. */
function cents(usd: number): string {
  return usd.toFixed(6);
}

/** The total of the last result line in the copy of what it printed. */
function saidCost(cli: ClaudeCli): number {
  const copy = cli.copyOf('stdout');
  const text = existsSync(copy) ? readFileSync(copy, 'latin1') : '';
  const said = [...text.matchAll(/"total_cost_usd":([\d.e-]+)/g)].at(-1)?.[1];
  return said === undefined ? Number.NaN : Number(said);
}
