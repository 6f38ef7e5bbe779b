// A real run into the real Collector and Loki: every line arrives once, in order and byte for byte, below the right span;
// the trace is one tree. Then with the Collector away during the run, and with stepspan killed in the middle of it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Script } from '../../demo/messages-api/script.ts';
import { parentSpanId, type RunId } from '../../src/core/ids.ts';
import { dataFolder } from '../../src/journal/index.ts';
import { resultOf } from '../support/cli.ts';
import { readRecords } from '../support/journal.ts';
import { processesOf } from '../support/processes.ts';
import { needs } from './support/external-programs.ts';
import { eventually } from './support/service.ts';
import { expectedLines, linesInLoki, type Stack, startStack } from './support/stack.ts';
import type { SinkSpan } from './support/trace-sink.ts';

const script: Script = [
  {
    prompt: 'list the folder',
    turns: [
      {
        kind: 'reply',
        text: 'I will look.',
        tools: [{ name: 'Bash', input: { command: 'ls', description: 'List files' } }],
      },
      { kind: 'reply', text: 'That is all there is.' },
    ],
  },
];

const workflow = `
name: stack-sample
steps:
  - id: shell
    run: |
      for i in $(seq 1 2000); do echo "line $i of some output"; done
      printf '\\033[31mred\\033[0m and plain\\n'
      echo 'to stderr ERROR: no' >&2
      echo
      printf 'invalid \\377 byte\\n'
      printf 'no newline at the end'
  - id: flaky
    retries: {max: 2, delay: 10ms}
    run: |
      test "$STEPSPAN_ATTEMPT" = 2 || { echo not yet; exit 1; }
      echo now
  - id: ask
    needs: [shell]
    claude:
      prompt: Please list the folder
      allowedTools: [Bash]
  - id: last
    needs: [ask, flaky]
    run: echo "$STEPSPAN_OUTPUT_ASK"
`;

describe('runs into the real Collector and Loki', needs('loki'), () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack(script);
  });
  afterAll(() => stack.close());

  /** Loki shows what it has taken in at once, but the Collector's queue may still hold some. */
  async function expectAllInLoki(runId: string): Promise<void> {
    const expected = await expectedLines(stack.runFolder(runId));
    expect(expected.length).toBeGreaterThan(0);
    const seen = await eventually('every line in Loki', async () => {
      const entries = await linesInLoki(stack.loki, runId);
      return entries.length >= expected.length ? entries : undefined;
    });
    expect(seen.map(({ seq, timeNs, line }) => ({ seq, timeNs, text: line }))).toEqual(
      expected.map(({ seq, timeNs, text }) => ({ seq, timeNs, text })),
    );
    for (const [index, entry] of seen.entries()) {
      const line = expected[index];
      expect(entry.metadata.log_iostream).toBe(line?.stream);
      expect(entry.metadata.trace_id).toMatch(/^[0-9a-f]{32}$/);
      expect(entry.metadata.span_id).toMatch(/^[0-9a-f]{16}$/);
      if (line?.step !== undefined) expect(entry.metadata.stepspan_step_id).toBe(line.step);
    }
  }

  async function traceOf(traceId: string): Promise<SinkSpan[]> {
    return eventually('the root span', () => {
      const spans = stack.sink.spans(traceId);
      return spans.some((span) => span.name.startsWith('RUN ')) ? spans : undefined;
    });
  }

  /** One tree: a single span without a parent, and every other one's parent is there. */
  function expectOneTree(spans: readonly SinkSpan[]): void {
    const ids = new Set(spans.map((span) => span.spanId));
    expect(spans.filter((span) => span.parentSpanId === undefined).map((span) => span.name)).toEqual([
      'RUN stack-sample',
    ]);
    expect(spans.filter((span) => span.parentSpanId !== undefined && !ids.has(span.parentSpanId))).toEqual([]);
  }

  function expectWholeTrace(spans: readonly SinkSpan[], runId: string): void {
    expectOneTree(spans);
    const stepSpan = (id: string): SinkSpan | undefined =>
      spans.find((span) => span.spanId === parentSpanId(runId as RunId, id, 1));
    for (const id of ['shell', 'flaky', 'ask', 'last']) expect(stepSpan(id), id).toBeDefined();
    // The step that was retried has a span for each of its attempts, and the second is the one that succeeded.
    const attempts = spans.filter((span) => span.parentSpanId === stepSpan('flaky')?.spanId);
    expect(attempts).toHaveLength(2);
    expect(attempts.map((span) => span.status.code).sort()).toEqual(['ERROR', 'UNSET']);
    const interaction = spans.find((span) => span.name === 'invoke_agent claude-code');
    expect(interaction?.parentSpanId).toBe(stepSpan('ask')?.spanId);
    const names = spans.map((span) => span.name);
    for (const name of [/^chat \S/, /^execute_tool \S/]) expect(names).toContainEqual(expect.stringMatching(name));
    for (const span of spans) expect(JSON.stringify(span.attributes)).not.toMatch(/user\.(email|id|account)/);
  }

  describe('a run with the whole stack there', () => {
    test('is in Loki line by line and in the trace as one tree when it ends', async () => {
      const file = stack.writeWorkflow('sample', workflow);
      const end = await stack.run(['run', file, '--json', '--ship-wait', '60s']);
      const result = resultOf(end);
      expect(end.code).toBe(0);
      expect(result).toMatchObject({ outcome: 'success', pending: 0, lost: 0, refused: 0 });
      expect(result.lines.stdout).toBeGreaterThan(2000);
      await expectAllInLoki(result.runId);
      expectWholeTrace(await traceOf(result.traceId), result.runId);
    });

    test('shows once what is sent again', async () => {
      const file = stack.writeWorkflow('sample', workflow);
      const { runId, traceId } = resultOf(await stack.run(['run', file, '--json', '--ship-wait', '60s']));
      const before = (await traceOf(traceId)).length;
      const again = await stack.run(['ship', runId, '--again', '--ship-wait', '60s']);
      expect(again.code).toBe(0);
      await expectAllInLoki(runId);
      expectOneTree(await traceOf(traceId));
      expect((await traceOf(traceId)).length).toBe(before);
    });
  });

  describe('a run that the Collector leaves in the middle', () => {
    test('ends as usual, says what is still to ship, and nothing is lost when the Collector is back', async () => {
      const file = stack.writeWorkflow('sample', workflow);
      const before = new Set(dataFolder(stack.dataDir).listRunIds());
      const { done } = stack.start(['run', file, '--json', '--ship-wait', '1s']);
      const runId = await eventually('the run in the data folder', () =>
        dataFolder(stack.dataDir)
          .listRunIds()
          .find((id) => !before.has(id)),
      );
      await eventually('its first lines', async () =>
        (await expectedLines(stack.runFolder(runId))).length > 0 ? true : undefined,
      );
      await stack.collector.stop();
      const end = await done;
      const result = resultOf(end);
      expect(end.code).toBe(0);
      expect(result.outcome).toBe('success');
      expect(result.pending).toBeGreaterThan(0);
      expect(end.stderr).toContain(`stepspan ship ${result.runId}`);
      await stack.collector.start();
      const shipped = await stack.run(['ship', result.runId, '--ship-wait', '60s']);
      expect(shipped.code).toBe(0);
      await expectAllInLoki(result.runId);
      expectWholeTrace(await traceOf(result.traceId), result.runId);
    });
  });

  describe('stepspan that is killed', () => {
    test('leaves a journal that the hub ships, closes as abandoned, and no child behind', async () => {
      const file = stack.writeWorkflow(
        'long',
        `
name: stack-sample
steps:
  - id: endless
    run: |
      setsid sleep 1000 &
      i=0; while true; do i=$((i+1)); echo "tick $i"; sleep 0.02; done
  - id: after
    needs: [endless]
    run: echo never
`,
      );
      const killed = stack.start(['run', file]);
      const runId = await eventually('the run in the data folder', async () => {
        const listed = (await stack.run(['ls', '--json'])).stdout;
        return (JSON.parse(listed) as { runId: string; state: string }[]).find((run) => run.state === 'running')?.runId;
      });
      await eventually('fifty lines', async () =>
        (await expectedLines(stack.runFolder(runId))).length > 50 ? true : undefined,
      );
      killed.child.kill('SIGKILL');
      await killed.done;

      const hub = stack.start(['serve', '--port', '0']);
      try {
        const records = await eventually('the end of the run', async () => {
          const all = await readRecords(stack.runFolder(runId));
          const last = all.at(-1);
          return last?.kind === 'event' && last.event.type === 'run.finished' ? all : undefined;
        });
        const last = records.at(-1);
        expect(last?.kind === 'event' && last.event.type === 'run.finished' && last.event.outcome).toMatchObject({
          kind: 'error',
          reason: 'abandoned',
        });
        await eventually('no process of the run', () =>
          processesOf(`STEPSPAN_RUN_ID=${runId}`).length === 0 ? true : undefined,
        );
        await expectAllInLoki(runId);
        const started = records.find((record) => record.kind === 'event' && record.event.type === 'run.started');
        const traceId = started?.kind === 'event' && started.event.type === 'run.started' ? started.event.traceId : '';
        const spans = await traceOf(traceId);
        expectOneTree(spans);
        expect(spans.find((span) => span.parentSpanId === undefined)?.status.code).toBe('ERROR');
      } finally {
        hub.child.kill('SIGTERM');
        await hub.done;
      }
    });
  });
});
