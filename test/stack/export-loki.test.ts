// A run read back from the real Loki and from its journal is the same file, line by line: more lines than a page has, lines that are
// several entries there, both streams, severities; and then without the journal.
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resultOf } from '../support/cli.ts';
import { needs } from './support/external-programs.ts';
import { eventually } from './support/service.ts';
import { linesInLoki, type Stack, startStack } from './support/stack.ts';

/** Over two pages of 5,000; a line of 700,000 bytes, which is three entries with one time; what Loki cannot keep is left out. */
const workflow = `
name: export-sample
steps:
  - id: many
    run: |
      for i in $(seq 1 11000); do echo "line $i"; done
      head -c 700000 /dev/zero | tr '\\0' x; echo
      echo '{"level":"warn","msg":"json"}'
      echo 'ERROR: with "quotes", commas and a\\ttab' >&2
      echo
      printf '\\303\\244\\342\\202\\254 umlaut\\n'
      printf 'no newline at the end'
  - id: flaky
    retries: {max: 1, delay: 10ms}
    run: |
      test "$STEPSPAN_ATTEMPT" = 2 || { echo not yet; exit 1; }
      echo now
`;

let stack: Stack;
let runId: string;
describe('an export from Loki', needs('loki'), () => {
  beforeAll(async () => {
    stack = await startStack([]);
    const result = resultOf(
      await stack.run(['run', stack.writeWorkflow('export', workflow), '--json', '--ship-wait', '60s']),
    );
    expect(result).toMatchObject({ outcome: 'success', pending: 0, refused: 0 });
    runId = result.runId;
    await eventually('every line in Loki', async () => {
      const entries = await linesInLoki(stack.loki, runId);
      const lines = new Set(entries.map(({ seq }) => seq));
      if (lines.size < result.lines.stdout + result.lines.stderr + result.lines.system) return undefined;
      // The long line is three entries.
      return entries.length === lines.size + 2 ? true : undefined;
    });
  });
  afterAll(() => stack.close());

  const exported = async (...flags: string[]): Promise<string> => {
    const { code, stdout, stderr } = await stack.run(['export', runId, ...flags]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return stdout;
  };
  const fromLoki = (...flags: string[]): Promise<string> =>
    exported('--from', 'loki', '--loki-url', stack.loki.url, ...flags);

  test.each([
    ['all of it as ndjson', ['--format', 'ndjson']],
    ['all of it as text', ['--format', 'text']],
    ['all of it as CSV', ['--format', 'csv']],
    ['one step', ['--format', 'ndjson', '--step', 'flaky']],
    ['one stream', ['--format', 'ndjson', '--stream', 'stderr']],
    ['two severities', ['--format', 'ndjson', '--severity', 'warning', 'error']],
    ['lines with a text', ['--format', 'ndjson', '--search', '/line 10?99/']],
    ['a range of numbers', ['--format', 'ndjson', '--since', '4990', '--to', '10020']],
  ])('is the same as one from the journal: %s', async (_what, flags) => {
    const expected = (await exported(...flags)).split('\n');
    expect(expected.length).toBeGreaterThan(1);
    expect((await fromLoki(...flags)).split('\n')).toEqual(expected);
  });

  test('is there for a run whose journal is gone, by its whole id', async () => {
    const before = await exported('--format', 'ndjson');
    await rm(stack.runFolder(runId).dir, { recursive: true });
    expect(await fromLoki('--format', 'ndjson')).toBe(before);
    const missing = await stack.run(['export', '20260101-120000-aaaaaa', '--from', 'loki'], {
      STEPSPAN_LOKI_URL: stack.loki.url,
    });
    expect(missing.code).toBe(7);
    expect(missing.stderr).toContain('Loki has no line of run 20260101-120000-aaaaaa');
  });
});
