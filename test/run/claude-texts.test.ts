// The texts that a Claude step is given: the prompt as it was filled in is in the journal, and texts of any size reach the
// CLI, or are refused by the name of their key.
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';

let rig: CliRig;
const bodies: string[] = [];

beforeAll(async () => {
  rig = await startCliRig({
    script: (request) => {
      bodies.push(JSON.stringify(request));
      return { kind: 'reply', text: 'done' };
    },
  });
});
afterAll(() => rig.close());

describe('the prompt of a Claude step', () => {
  test('is in the journal as it was filled in, bounded and without secrets, and `show` has it', async () => {
    const token = 'tok-8hd72hsu2-secret';
    rig.write('long.md', `Begin. ${'many words '.repeat(40_000)}The end of {{ params.topic }}.`);
    const { code, result } = await rig.runYaml(
      `
name: prompts
params: {topic: speed}
steps:
  - {id: look, run: 'echo "found $MY_TOKEN"'}
  - id: ask
    needs: look
    claude: {prompt: "About {{ params.topic }}: {{ steps.look.output }}", appendSystemPrompt: "Be brief on {{ params.topic }}."}
  - {id: long, claude: {promptFile: long.md}}
`,
      [],
      { MY_TOKEN: token },
    );
    expect(code).toBe(0);
    const journal = await rig.journal(result.runId);
    const text = 'About speed: found [hidden:MY_TOKEN]';
    const [asked] = journal.events('claude.prompted', 'ask');
    expect(asked).toMatchObject({ text, bytes: text.length, isCut: false, appendSystemPrompt: 'Be brief on speed.' });
    const [long] = journal.events('claude.prompted', 'long');
    expect(long).toMatchObject({ bytes: 440_024, isCut: true });
    expect(long?.text).toMatch(
      /^Begin\. many[\s\S]*\[\.\.\. \d+ bytes [^\n]*left out[^\n]*\]\n[\s\S]*The end of speed\.$/,
    );
    expect(Buffer.byteLength(long?.text ?? '')).toBeLessThanOrEqual(256 * 1024);
    expect(rig.filesWith(token)).toEqual([]);
    const shown = JSON.parse((await rig.run(['show', 'latest', '--json'])).stdout) as {
      steps: { id: string; attempts: { prompt: unknown }[] }[];
    };
    expect(shown.steps.find(({ id }) => id === 'ask')?.attempts[0]?.prompt).toMatchObject({ text, isCut: false });
    expect((await rig.run(['show', 'latest'])).stdout).toContain(
      `ask, attempt 1: prompt of ${text.length} bytes: ${text}`,
    );
    expect((await rig.run(['tail', 'latest', '--from', '0', '--events', '--no-follow'])).stdout).toContain(text);
  });
});

describe('a text that is too long for an argument', () => {
  const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('stepspan-claude-texts-'));

  test('reaches Claude Code by a file, which is removed afterwards', async () => {
    const before = left();
    bodies.length = 0;
    const long = (word: string) => `${`${word} `.repeat(30_000)}END-OF-${word}`;
    const { code } = await rig.runYaml(
      `
name: by-file
steps:
  - {id: own, claude: {prompt: Hello., systemPrompt: "${long('alpha')}"}}
  - {id: print, run: [node, -e, "console.log('gamma '.repeat(20_000))"]}
  - id: more
    needs: print
    claude: {prompt: Hello., appendSystemPrompt: "{{ steps.print.output }}{{ steps.print.output }}"}
`,
    );
    expect(code).toBe(0);
    expect(bodies.some((body) => body.includes('END-OF-alpha'))).toBe(true);
    expect(bodies.some((body) => body.includes('gamma gamma'))).toBe(true);
    expect(left()).toEqual(before);
  });

  test('and that Claude Code takes by no file is refused with its key and the bound', async () => {
    const { result } = await rig.runYaml(`
name: no-file
steps:
  - id: schema
    claude: {prompt: Hello., jsonSchema: {type: object, description: "${'x'.repeat(140_000)}"}}
`);
    expect(result.steps[0]).toMatchObject({
      outcome: 'error',
      message: expect.stringMatching(/its `jsonSchema` has \d+ bytes, more than the 131071 that an argument may have/),
    });
  });

  test('of a prompt file over its bound is named with the bound, also if it grows after the start', async () => {
    rig.write('grows.md', 'Short.');
    const { result } = await rig.runYaml(`
name: grows
steps:
  - {id: grow, run: 'head -c 11000000 /dev/zero | tr "\\\\0" x > grows.md'}
  - {id: ask, needs: grow, claude: {promptFile: grows.md}}
`);
    expect(result.steps[1]?.message).toMatch(
      /grows\.md has 11000000 bytes, more than the 4194304 that a prompt may have/,
    );
  });
});
