// Steps on versions of Claude Code that people still have, each the real program. A version that cannot be installed here,
// as without a registry, is skipped with the reason in its name.
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  claudeFlagTable,
  missingFlag,
  missingPermissionMode,
  permissionModesSince,
} from '../../src/run/claude/versions.ts';
import { type ClaudeRun, judged, newPlace, runClaude } from '../support/claude-run.ts';
import { provideClaude, unknownFlags, unknownModes, wantedVersions } from '../support/claude-versions.ts';

const provided = await Promise.all(
  wantedVersions.map(async (tried) => ({ tried, claude: await provideClaude(tried.version) })),
);

/** The old ones are JavaScript and take seconds to start on a busy machine. */
const slow = 300_000;

for (const { tried, claude } of provided) {
  if (claude.kind === 'absent') {
    test.skip(`Claude Code ${tried.version}: ${claude.why}`, () => undefined);
    continue;
  }
  describe(`Claude Code ${tried.version}`, () => {
    let run: ClaudeRun;
    let second: ClaudeRun;
    beforeAll(async () => {
      const place = newPlace();
      const call = { name: 'Bash', input: { command: 'echo hi', description: 'x' } };
      run = await runClaude({
        place,
        program: claude.program,
        version: tried.version,
        invocation: { sessionId: randomUUID() },
        prompt: 'say hi',
        step: { allowedTools: ['Bash'] },
        script: [
          {
            prompt: 'say hi',
            turns: [
              { kind: 'reply', text: 'I try.', tools: [call] },
              { kind: 'reply', text: 'Done.' },
            ],
          },
        ],
      });
      second = await runClaude({
        place,
        program: claude.program,
        version: tried.version,
        prompt: 'and again',
        invocation: { resumeSessionId: run.result?.sessionId, sessionId: randomUUID() },
        script: [{ prompt: 'and again', turns: [{ kind: 'reply', text: 'Done again.' }] }],
      });
      place.remove();
    }, slow);

    test('runs a step with a tool call to its end', () => {
      expect(judged(run)).toEqual({ kind: 'success' });
      const types = run.events.map((event) => event.type);
      for (const type of ['claude.session', 'claude.tool_called', 'claude.tool_returned', 'claude.result']) {
        expect(types).toContain(type);
      }
    });

    test(`sends spans of its own: ${tried.spans}`, () => {
      const { ownSpans, adopted } = run.nesting;
      const found = adopted > 0 ? 'in traces of their own' : ownSpans > 0 ? 'below the step' : 'none';
      expect(found).toBe(tried.spans);
    });

    test('has one tree of spans below the step, its own or derived ones and never both', () => {
      const { ownSpans, derivedSpans } = { ownSpans: run.nesting.ownSpans, derivedSpans: run.derived.spans };
      expect([ownSpans > 0, derivedSpans > 0]).toEqual(tried.spans === 'none' ? [false, true] : [true, false]);
      expect(run.nesting).toMatchObject({ orphans: 0, missing: [], untraced: 0 });
    });

    test('takes the flags that the table says it takes, and no other of them', { timeout: slow }, async () => {
      const flags = claudeFlagTable.map(({ flag }) => flag);
      const missing = flags.filter((flag) => missingFlag(tried.version, flag) !== undefined);
      expect(await unknownFlags(claude.program, flags)).toEqual(missing);
    });

    test('takes the permission modes that the table says it takes', { timeout: slow }, async () => {
      const modes = Object.keys(permissionModesSince);
      const missing = modes.filter((mode) => missingPermissionMode(tried.version, mode) !== undefined);
      expect(await unknownModes(claude.program, modes)).toEqual(missing);
    });

    test('continues a session in a new one', () => {
      expect(judged(second)).toEqual({ kind: 'success' });
      expect(second.result?.sessionId).not.toBe(run.result?.sessionId);
      // Some versions send a warm-up of their own beside it.
      expect(second.api.requests.some(({ body }) => JSON.stringify(body ?? '').includes('I try.'))).toBe(true);
    });

    test(`says the use of each model: ${tried.modelUsage ? 'yes' : 'no'}`, () => {
      const result = JSON.parse(run.stdout.trim().split('\n').at(-1)!);
      expect(Object.hasOwn(result, 'modelUsage')).toBe(tried.modelUsage);
    });

    test('has a cost and tokens, whatever its result line leaves out', () => {
      const cost = run.cost;
      const total: number = JSON.parse(run.stdout.trim().split('\n').at(-1)!).total_cost_usd;
      expect(total).toBeGreaterThan(0);
      expect(cost).toMatchObject({ type: 'claude.cost', costUsd: expect.closeTo(total, 9), estimated: false });
      expect(cost).not.toHaveProperty('unknown');
      const models = cost?.type === 'claude.cost' ? cost.models : [];
      expect(models.map(({ inputTokens, outputTokens }) => inputTokens > 0 && outputTokens > 0)).toContain(true);
    });
  });
}
