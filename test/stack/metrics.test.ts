// Real runs, counted by a real hub, scraped by a real Prometheus: every metric of the catalogue is there, and those that
// say what a run did have the values that the runs themselves report.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Script } from '../../demo/messages-api/script.ts';
import type { RunResult } from '../../src/library/index.ts';
import { catalogue, metrics } from '../../src/readers/measure/index.ts';
import { type RunningCli, resultOf } from '../support/cli.ts';
import { readRecords } from '../support/journal.ts';
import { type Prometheus, startPrometheus } from './support/prometheus.ts';
import { workflows } from './support/sample-runs.ts';
import { eventually } from './support/service.ts';
import { type StackWithoutLoki, startStackWithoutLoki } from './support/stack.ts';

const script: Script = [
  {
    prompt: 'list the folder',
    turns: [
      {
        kind: 'reply',
        tools: [{ name: 'Bash', input: { command: 'ls', description: 'List files' } }],
        usage: { input: 1000, output: 50, cacheRead: 200, cacheCreation: 30 },
      },
      {
        kind: 'reply',
        tools: [{ name: 'Bash', input: { command: 'exit 3', description: 'Fail' } }],
        usage: { input: 1100, output: 60 },
      },
      {
        kind: 'reply',
        tools: [{ name: 'Write', input: { file_path: 'note.txt', content: 'a line' } }],
        usage: { input: 1000, output: 50 },
      },
      { kind: 'reply', text: 'Done.', usage: { input: 1200, output: 70 } },
    ],
  },
];

const secret = 'hunter2-is-not-a-good-one';

const sample = `
name: sample
budget: 5
steps:
  - id: shell
    run: |
      for i in 1 2 3; do echo "out $i"; done
      echo "the secret is $DEPLOY_TOKEN" >&2
      setsid sleep 600 >/dev/null 2>&1 < /dev/null &
  - id: flaky
    retries: {max: 1, delay: 10ms}
    run: test "$STEPSPAN_ATTEMPT" = 2
  - id: tolerated
    continueOnFailure: true
    run: exit 7
  - id: ask
    claude: { prompt: Please list the folder, allowedTools: [Bash, Write] }
  - id: skipped
    needs: [shell]
    when: failure()
    run: echo never
`;

const failing = `
name: failing
steps:
  - id: bad
    run: exit 9
`;

let stack: StackWithoutLoki;
let hub: RunningCli;
let prometheus: Prometheus;
let active: RunningCli;
let results: readonly RunResult[];

beforeAll(async () => {
  stack = await startStackWithoutLoki(script);
  hub = stack.start(['serve', '--port', '0']);
  const url = await hub.url();
  prometheus = await startPrometheus({ targets: { stepspan: new URL(url).host } });
  await prometheus.scraped();
  const env = { DEPLOY_TOKEN: secret };
  const sampleFile = stack.writeWorkflow('sample', sample);
  const first = resultOf(await stack.run(['run', sampleFile, '--json', '--ship-wait', '60s'], env));
  const second = resultOf(await stack.run(['run', sampleFile, '--json', '--ship-wait', '60s'], env));
  const third = resultOf(await stack.run(['run', stack.writeWorkflow('failing', failing), '--json'], env));
  results = [first, second, third];
  active = stack.start(['run', stack.writeWorkflow('nightly', workflows.nightly)]);
  // The memory of a step is known with its first sample, and a new series shows its value one scrape after its 0.
  await eventually('the active run in Prometheus', async () =>
    ((await sumOf('stepspan_runs_started_total{workflow="nightly"}')) ?? 0) > 0 &&
    ((await sumOf('stepspan_step_memory_bytes{workflow="nightly"}')) ?? 0) > 0 &&
    ((await sumOf('stepspan_stalled_steps{workflow="nightly"}')) ?? 0) > 0
      ? true
      : undefined,
  );
  await prometheus.scraped();
  await prometheus.scraped();
});

afterAll(async () => {
  active?.child.kill('SIGTERM');
  await active?.done;
  hub?.child.kill('SIGTERM');
  await hub?.done;
  await prometheus?.remove();
  await stack?.close();
});

/** The sum over all series of the answer; undefined if it has none. */
async function sumOf(promql: string): Promise<number | undefined> {
  const samples = await prometheus.query(promql);
  return samples.length === 0 ? undefined : samples.reduce((sum, { value }) => sum + value, 0);
}

describe('Prometheus', () => {
  test('has every metric of the catalogue', async () => {
    const missing: string[] = [];
    for (const { name, type } of Object.values(catalogue)) {
      const series = type === 'histogram' ? `${name}_count` : name;
      if ((await sumOf(series)) === undefined) missing.push(name);
    }
    expect(missing).toEqual([]);
  });

  test('has the outcomes of runs and steps, retries, reasons and remaining processes', async () => {
    expect(results.map(({ outcome }) => outcome)).toEqual(['success', 'success', 'failure']);
    const expected: Record<string, number> = {
      [`${metrics.runs.name}{workflow="sample",outcome="success"}`]: 2,
      [`${metrics.runs.name}{workflow="sample",outcome="failure"}`]: 0,
      [`${metrics.runs.name}{workflow="failing",outcome="failure"}`]: 1,
      [`${metrics.runDuration.name}_count{workflow="sample",outcome="success"}`]: 2,
      'stepspan_runs_started_total{workflow="nightly"}': 1,
      'stepspan_run_failures_total{workflow="failing",reason="step_failed"}': 1,
      'stepspan_steps_total{workflow="sample",step="shell",outcome="success"}': 2,
      'stepspan_steps_total{workflow="sample",step="tolerated",outcome="failure"}': 2,
      'stepspan_steps_total{workflow="sample",step="skipped",outcome="skip"}': 2,
      'stepspan_step_failures_total{workflow="sample",reason="exit_code"}': 2,
      'stepspan_step_retries_total{workflow="sample",step="flaky"}': 2,
      'stepspan_left_over_processes_total{workflow="sample"}': 2,
      'stepspan_active_runs{workflow="nightly"}': 1,
      'stepspan_active_steps{workflow="nightly"}': 3,
      'stepspan_stalled_steps{workflow="nightly",cause="no_output"}': 1,
      stepspan_stored_runs: 4,
    };
    const seen: Record<string, number | undefined> = {};
    for (const query of Object.keys(expected)) seen[query] = await sumOf(query);
    expect(seen).toEqual(expected);
  });

  test('has the lines, bytes and hidden secrets that the journals hold', async () => {
    const samples = results.filter(({ workflow }) => workflow === 'sample');
    for (const stream of ['stdout', 'stderr', 'system', 'debug'] as const) {
      const lines = samples.reduce((sum, result) => sum + result.lines[stream], 0);
      expect(await sumOf(`stepspan_output_lines_total{workflow="sample",stream="${stream}"}`), stream).toBe(lines);
    }
    let bytes = 0;
    for (const { runId } of samples) {
      for (const record of await readRecords(stack.runFolder(runId))) {
        if (record.kind === 'output' && record.stream === 'stderr') bytes += record.bytes.length;
      }
    }
    expect(bytes).toBeGreaterThan(0);
    expect(await sumOf('stepspan_output_bytes_total{workflow="sample",stream="stderr"}')).toBe(bytes);
    const hidden = results.reduce((sum, result) => sum + result.hidden, 0);
    expect(hidden).toBeGreaterThanOrEqual(2);
    expect(await sumOf('stepspan_secrets_hidden_total')).toBe(hidden);
  });

  test('has the cost, tokens and tool calls of Claude Code, as its result lines and its own metrics have them', async () => {
    const costUsd = results.reduce((sum, result) => sum + result.costAtLeastUsd, 0);
    expect(costUsd).toBeGreaterThan(0);
    expect(await sumOf('stepspan_cost_usd_total{workflow="sample"}')).toBeCloseTo(costUsd, 6);
    const tokens: Record<string, number> = {
      input: 2 * 4300,
      output: 2 * 230,
      cache_read: 2 * 200,
      cache_creation: 2 * 30,
    };
    for (const [type, count] of Object.entries(tokens)) {
      expect(await sumOf(`stepspan_tokens_total{workflow="sample",type="${type}"}`), type).toBe(count);
    }
    expect(await sumOf('stepspan_claude_tool_calls_total{tool="Bash",result="success"}')).toBe(2);
    expect(await sumOf('stepspan_claude_tool_calls_total{tool="Bash",result="error"}')).toBe(2);
    expect(await sumOf('claude_code_token_usage_tokens_total{workflow="sample",type="output"}')).toBe(tokens.output);
    expect(await sumOf('claude_code_cost_usage_USD_total{workflow="sample"}')).toBeCloseTo(costUsd, 6);
  });

  test('shows the increase of a workflow whose only run was shorter than a scrape', async () => {
    const query = 'increase(stepspan_runs_total{workflow="failing",outcome="failure"}[5m])';
    await eventually('an increase', async () => (((await sumOf(query)) ?? 0) > 0.9 ? true : undefined));
  });

  test('has an exemplar that names the trace of the run', async () => {
    const found = await prometheus.exemplars('stepspan_run_duration_seconds_bucket{workflow="failing"}');
    expect(found.map(({ labels }) => labels.trace_id)).toContain(results[2]?.traceId);
  });

  test('never has a run id, a session or an account as a label', async () => {
    const samples = await prometheus.query('{__name__=~"stepspan_.*|claude_code_.*"}');
    const names = new Set(samples.flatMap(({ labels }) => Object.keys(labels)));
    for (const name of ['run', 'run_id', 'session_id', 'user_id', 'user_email', 'organization_id']) {
      expect(names).not.toContain(name);
    }
    for (const { runId } of results) expect(JSON.stringify(samples)).not.toContain(runId);
  });
});
