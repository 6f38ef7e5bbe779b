// Claude Code that a step starts by itself: the real CLI below a shell step, below `exec` and below Claude Code's own Bash
// tool. Counted against the step and the budget, once; what cannot be counted is unknown, and says how to have it counted.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cliProgram, resultOf } from '../support/cli.ts';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';

/** 0.9 USD at the prices of Sonnet 5: 2 and 10 USD for a million. */
const dear = { input: 400_000, output: 10_000 } as const;
const cheap = { input: 1_000, output: 100 } as const;
const sonnet = '--model claude-sonnet-5';
const claude = path.resolve(import.meta.dirname, '../../node_modules/.bin/claude');
const bash = (command: string) => ({ name: 'Bash', input: { command, description: 'x' } });

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig({
    script: [
      { prompt: /^Spend/, turns: [{ kind: 'reply', text: 'Spent.', usage: dear }] },
      { prompt: /^Ask/, turns: [{ kind: 'reply', text: 'Asked.', usage: cheap }] },
      {
        prompt: 'Delegate',
        turns: [
          { kind: 'reply', tools: [bash(`claude -p 'Spend below' ${sonnet}`)], usage: cheap },
          { kind: 'reply', text: 'Done.', usage: cheap },
        ],
      },
      {
        prompt: 'Pass on',
        turns: [
          {
            kind: 'reply',
            tools: [bash(`echo "own $OWN"; ${claude} -p 'Spend by path' ${sonnet}; env | grep -c TRACING; true`)],
            usage: cheap,
          },
          { kind: 'reply', text: 'Done.', usage: cheap },
        ],
      },
      {
        prompt: 'Run inside',
        turns: [
          { kind: 'reply', tools: [bash('sh inner.sh; true')], usage: cheap },
          { kind: 'reply', text: 'Done.', usage: cheap },
        ],
      },
      { prompt: 'Say nothing', turns: [{ kind: 'silence' }] },
    ],
  });
});
afterAll(() => rig.close());

const stepYaml = (run: string, more = ''): string =>
  `name: shell\n${more}steps:\n  - {id: ask, run: ${JSON.stringify(run)}}\n`;

describe('a shell step', () => {
  test('that starts `claude` has its cost, its tokens and its spans, and nobody else is led to the intake', async () => {
    const { code, result } = await rig.runYaml(
      stepYaml(
        `env > variables.txt; sh -c "claude -p 'Spend one' ${sonnet}"`,
        'env: {OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9"}\n',
      ),
    );
    expect([code, result.outcome, result.costBasis]).toEqual([0, 'success', 'known']);
    expect(result.costUsd).toBeCloseTo(0.9, 9);
    expect(result.steps[0]?.costUsd).toBeCloseTo(0.9, 9);
    expect(result.tokens).toBe(410_000);

    const journal = await rig.journal(result.runId);
    expect(journal.events('claude.usage', 'ask')).toHaveLength(1);
    expect(journal.events('claude.cost', 'ask')).toMatchObject([
      { estimated: false, models: [{ inputTokens: 400_000 }] },
    ]);
    const traces = journal.events('claude.telemetry', 'ask').filter(({ signal }) => signal === 'traces');
    expect(JSON.stringify(traces.map(({ request }) => request))).toContain('claude_code.interaction');
    const shown = await rig.run(['show', result.runId]);
    expect(shown.stdout).toContain('$0.90');
    const variables = readFileSync(path.join(rig.work, 'variables.txt'), 'utf8').split('\n');
    expect(variables.filter((line) => /^(OTEL_|CLAUDE_CODE_ENABLE)/.test(line))).toEqual([
      'OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9',
    ]);
  });

  test('that uses up the budget ends the run for it, and is stopped itself', async () => {
    const { code, result } = await rig.runYaml(`
name: shell
budget: 1
steps:
  - {id: one, run: "claude -p 'Spend one' ${sonnet}"}
  - {id: two, needs: one, run: "claude -p 'Spend two' ${sonnet}; sleep 60"}
  - {id: never, needs: two, when: always(), run: 'true'}
`);
    expect([code, result.outcome, result.reason]).toEqual([5, 'error', 'budget']);
    expect(result.message).toMatch(/the budget of \$1\.00 is used up: \$1\.80/);
    expect(outcomesOf(result)).toEqual({ one: 'success', two: 'error', never: 'skip' });
    expect(result.costUsd).toBeCloseTo(1.8, 9);
  });

  test('that starts Claude Code by its path, as the Agent SDK does, has its cost and its spans', async () => {
    rig.write(
      'agent.mjs',
      `import { execFileSync } from 'node:child_process';
       const line = JSON.stringify({ type: 'user', message: { role: 'user', content: 'Spend by path' } });
       const args = ['--output-format', 'stream-json', '--input-format', 'stream-json', '--verbose', '--model', 'claude-sonnet-5'];
       execFileSync(${JSON.stringify(claude)}, args, { input: line });`,
    );
    const { result } = await rig.runYaml(stepYaml('node agent.mjs'));
    expect(result).toMatchObject({ outcome: 'success', costBasis: 'known', tokens: 410_000 });
    expect(result.costUsd).toBeCloseTo(0.9, 9);
    const journal = await rig.journal(result.runId);
    const telemetry = journal.events('claude.telemetry', 'ask');
    const sent = JSON.stringify(telemetry.map(({ request }) => request));
    expect(sent).toContain('claude_code.interaction');
    // What detailed tracing adds, above all the definition of each tool: 60 KB for each process.
    expect(sent).not.toMatch(/"key":"tools"|"stringValue":"claude_code\.tool"}/);
  });

  test('whose Claude Code reports nothing has an unknown cost and says what to write', async () => {
    const { result } = await rig.runYaml(
      stepYaml(`${claude} -p 'Ask by path'; env -u BETA_TRACING_ENDPOINT ${claude} -p 'Ask unseen'`, 'budget: 1\n'),
    );
    expect(result).toMatchObject({ outcome: 'success', costUsd: null, costBasis: 'unknown' });
    const journal = await rig.journal(result.runId);
    expect(journal.events('claude.cost', 'ask')[0]?.unknown).toMatch(
      /^1 of Claude Code's processes \d+, \d+ ran in this step and did not report .* try `claudeTelemetry: env`/,
    );
    expect(journal.events('run.budget_uncertain')).toHaveLength(1);
  });

  test('with `claudeTelemetry: env` has the cost of every Claude Code, however it was started', async () => {
    const yaml = stepYaml(`${claude} -p 'Ask by path'; claude -p 'Ask by name'`).replace(
      '{id',
      '{claudeTelemetry: env, id',
    );
    const { result } = await rig.runYaml(yaml);
    expect(result).toMatchObject({ costBasis: 'known', tokens: 2_200 });
  });

  test('with `claudeTelemetry: off` keeps its PATH, and says that the cost is unknown', async () => {
    const yaml = stepYaml(`command -v claude; claude -p 'Ask off'`).replace('{id', '{claudeTelemetry: off, id');
    const { result } = await rig.runYaml(yaml);
    expect(result.costBasis).toBe('unknown');
    const journal = await rig.journal(result.runId);
    expect(journal.text('stdout', 'ask')).toContain(`${claude}\n`);
    expect(journal.events('claude.cost', 'ask')[0]?.unknown).toContain('claudeTelemetry: off');
  });

  test('that kills Claude Code before it reports has an unknown cost', async () => {
    const { result } = await rig.runYaml(stepYaml(`claude -p 'Say nothing' & sleep 0.2; kill -9 $!; wait; true`));
    expect(result).toMatchObject({ outcome: 'success', costUsd: null, costBasis: 'unknown' });
  });

  test('that starts no Claude Code, or asks it for nothing, costs nothing', async () => {
    const { result } = await rig.runYaml(stepYaml('claude --version; command -v nothing-of-the-kind; true'));
    expect(result).toMatchObject({ costUsd: 0, costBasis: 'known' });
    const journal = await rig.journal(result.runId);
    expect(journal.events('claude.cost')).toEqual([]);
  });
});

test('`exec -- claude` is counted', async () => {
  const ran = await rig.run(['exec', '--json', '--', 'claude', '-p', 'Spend it', '--model', 'claude-sonnet-5']);
  expect(resultOf(ran).costUsd).toBeCloseTo(0.9, 9);
});

test('Claude Code that Claude Code starts is counted beside it, each once', async () => {
  const { code, result } = await rig.runYaml(`
name: nested
steps:
  - {id: outer, claude: {prompt: Delegate, allowedTools: [Bash], model: claude-sonnet-5}}
`);
  expect(code).toBe(0);
  const own = 2 * (1_000 * 2 + 100 * 10) * 1e-6;
  expect(result.costBasis).toBe('known');
  expect(result.costUsd).toBeCloseTo(own + 0.9, 9);
  expect(result.tokens).toBe(2 * 1_100 + 410_000);
  const journal = await rig.journal(result.runId);
  expect(journal.events('claude.cost', 'outer')).toHaveLength(1);
  expect(journal.events('claude.result', 'outer')[0]?.costUsd).toBeCloseTo(own, 9);
});

const outerCost = 2 * (1_000 * 2 + 100 * 10) * 1e-6;

test.each([
  ['a Claude step', '{id: outer, claude: {prompt: Pass on, allowedTools: [Bash], model: claude-sonnet-5}}'],
  ['a shell step', `{id: outer, run: "claude -p 'Pass on' --allowedTools Bash ${sonnet}"}`],
])(
  'Claude Code that the Bash of Claude Code starts by its path is counted in %s, beside what the person sets there',
  async (_, step) => {
    const own = rig.write('own.sh', 'export OWN=here\n');
    const { result } = await rig.runYaml(`name: by-path\nenv: {CLAUDE_ENV_FILE: ${own}}\nsteps:\n  - ${step}\n`);
    expect(result).toMatchObject({ outcome: 'success', costBasis: 'known', tokens: 2 * 1_100 + 410_000 });
    expect(result.costUsd).toBeCloseTo(outerCost + 0.9, 9);
    expect(JSON.stringify(rig.api?.requests.map(({ body }) => body))).toContain('own here');
  },
);

describe('a run inside of a step', () => {
  const inner = (mode: string): string =>
    `name: inner\nsteps:\n  - {id: in, claudeTelemetry: ${mode}, run: "claude -p 'Spend in' ${sonnet}; ${claude} -p 'Spend in' ${sonnet}"}\n`;
  const outer = {
    shell: '{id: outer, run: sh inner.sh}',
    claude: '{id: outer, claude: {prompt: Run inside, allowedTools: [Bash], model: claude-sonnet-5}}',
  };

  beforeAll(() => {
    rig.write(
      'inner.sh',
      `cd inner; exec ${process.execPath} ${cliProgram} run inner.yaml --shared --json >../inner.json`,
    );
  });

  test.each(['shell', 'claude'] as const)(
    'of a %s step counts for itself, and the cost of the outer one is unknown',
    async (kind) => {
      rig.write('inner/inner.yaml', inner('path'));
      const { result } = await rig.runYaml(`name: outer\nsteps:\n  - ${outer[kind]}\n`);
      expect(result).toMatchObject({ outcome: 'success', costUsd: null, costBasis: 'unknown' });
      const said = JSON.parse(readFileSync(path.join(rig.work, 'inner.json'), 'utf8'));
      expect(said).toMatchObject({ costBasis: 'known', tokens: 820_000 });
      const journal = await rig.journal(result.runId);
      expect(journal.events('claude.cost', 'outer')[0]?.unknown).toMatch(/a run of stepspan inside of this step/);
    },
  );

  test.each(['shell', 'claude'] as const)(
    'of a %s step with `claudeTelemetry: off` reports to neither',
    async (kind) => {
      rig.write('inner/inner.yaml', inner('off'));
      const { result } = await rig.runYaml(`name: outer\nsteps:\n  - ${outer[kind]}\n`);
      expect(result).toMatchObject({ outcome: 'success', costUsd: null, costBasis: 'unknown' });
      expect(result.costAtLeastUsd).toBeLessThan(0.1);
      const said = JSON.parse(readFileSync(path.join(rig.work, 'inner.json'), 'utf8'));
      expect(said).toMatchObject({ costUsd: null, costBasis: 'unknown', costAtLeastUsd: 0 });
    },
  );
});
