// `stepspan show --conversation`, over a run in which the real Claude Code uses its tools. What the model says is scripted.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';
import { workWithEveryTool } from '../support/every-tool.ts';

const place = mkdtempSync(path.join(tmpdir(), 'stepspan-talk-'));
let rig: CliRig;
let runId: string;
beforeAll(async () => {
  rig = await startCliRig({ script: workWithEveryTool(place) });
  const { result } = await rig.runYaml(`
name: assistant
steps:
  - { id: say, run: echo hi }
  - id: ask
    name: Ask Claude
    needs: say
    claude: { permissionMode: bypassPermissions, prompt: work with every tool }
`);
  runId = result.runId;
});
afterAll(async () => {
  await rig.close();
  rmSync(place, { recursive: true, force: true });
});

const show = async (...args: readonly string[]) => {
  const { stdout, stderr, code } = await rig.run(['show', runId, ...args]);
  return {
    text: stdout
      .toString()
      .replaceAll(place, 'PLACE')
      .replace(/, [\d.]+ m?s$/gm, ', TIME'),
    stderr,
    code,
  };
};

test('prints the prompt, what Claude said, and each call with its result, in order', async () => {
  const { text, code } = await show('--conversation');
  expect(code).toBe(0);
  expect(text.slice(0, text.indexOf('◦'))).toBe('> Prompt\n  work with every tool\n\n');
  const calls = text.split('\n').filter((line) => /^[●✘]/.test(line));
  expect(calls.slice(0, 3)).toEqual([
    '● Write(PLACE/cart.ts)  +4 −0, TIME',
    '● Edit(PLACE/cart.ts)  +2 −1, TIME',
    "✘ Bash(printf '\\033[31mred\\033[0m and plain\\n'; exit 3)  exit code 3, TIME",
  ]);
  expect(text).toContain(
    '    -  const cents = Math.round(total / people);\n    +  const cents = Math.floor(total / people);\n',
  );
  expect(text).toContain('  ⎿ red and plain\n');
  expect(text).toContain('  │   ⎿ found\n');
  expect(text).not.toContain('\x1b');
  expect(text).toMatch(/✔ Done · 9 turns · .*\n\nCalls of the model: \$0\.\d+, [\d,]+ tokens in, [\d,]+ tokens out\n$/);
});

test('keeps colours where they are wanted, and is Markdown with --markdown', async () => {
  expect((await show('--conversation', '--color', 'always')).text).toContain('\x1b[31mred\x1b[0m and plain');
  const { text } = await show('--step', 'ask', '--conversation', '--markdown');
  expect(text).toMatch(/^# Ask Claude\n\n## Prompt\n\nwork with every tool\n/);
  expect(text).toContain('```diff\n@@ -1 +1 @@\n export function share(total, people) {\n-  const cents');
  expect(text).toContain('> **Bash** `echo found`');
});

test('says which steps have a conversation, and what belongs together', async () => {
  expect(await show('--conversation', '--step', 'say')).toMatchObject({
    code: 7,
    stderr: `stepspan: step \`say\` of run ${runId} has no conversation; those with one are ask\n`,
  });
  expect(await show('--step', 'ask')).toMatchObject({ code: 2, text: '' });
});
