// Of what Claude Code says only a part is shown: a secret that is cut through there must be known from the whole.
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';

const token = 'Zq81-aaaa-1111-bbbb-2222';
const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
const keyLines = pem.toString().trim().split('\n');
/** What is left of it where the last character is cut off. */
const nearly = token.slice(0, -1);

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig();
});
afterAll(() => rig.close());

/** A Claude Code that says these lines, and no more. */
function claudeThatSays(stdout: readonly object[], stderr = ''): Readonly<Record<string, string>> {
  rig.write('says', `${stdout.map((line) => JSON.stringify({ session_id: 's-1', ...line })).join('\n')}\n`);
  rig.write('complains', stderr);
  const script = `#!/bin/sh\ncase "$*" in *--version*) echo '2.1.328 (Claude Code)';; *) cat says; cat complains >&2;; esac\n`;
  return { STEPSPAN_CLAUDE: rig.write('claude', script, 0o755), MY_TOKEN: token };
}

const workflow = 'name: cut\nsteps: [{id: ask, claude: {prompt: hello}}]\n';
const returned = (content: string): object => ({
  type: 'user',
  message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content }] },
});
const said = (block: object): object => ({
  type: 'assistant',
  message: { id: 'm', role: 'assistant', content: [block] },
});

test('a secret that is cut through where a result, a call, an answer or an event is, is hidden whole', async () => {
  const at = (end: number): string => `${'.'.repeat(end - token.length)}${token} and more`;
  const { code, result } = await rig.runYaml(
    workflow,
    [],
    claudeThatSays([
      { type: 'system', subtype: 'init' },
      // The bounds of a shown line, of a shown argument, of an event's text and of a message: each ends before the last character.
      returned(at(240)),
      returned(`a\nb\nc\n${pem}`),
      returned(`${'.'.repeat(230)}${pem}`),
      said({ type: 'tool_use', id: 'u', name: 'Bash', input: { command: at(160) } }),
      said({ type: 'text', text: at(16 * 1024) }),
      { type: 'result', subtype: 'error_during_execution', is_error: true, errors: [at(400)], result: '' },
    ]),
  );
  expect([code, result.outcome]).toEqual([1, 'failure']);
  expect(rig.filesWith(nearly)).toEqual([]);
  for (const line of keyLines.slice(1, -1)) expect(rig.filesWith(line)).toEqual([]);
  const journal = await rig.journal(result.runId);
  expect(journal.text('stdout', 'ask')).toContain('[hidden:');
  expect(journal.events('claude.tool_returned').map(({ text }) => text.includes('[hidden:'))).toEqual([
    true,
    true,
    true,
  ]);
});

test('the last lines of a key on stderr are not in the message of the failure', async () => {
  const { code, result, stderr } = await rig.runYaml(
    workflow,
    [],
    claudeThatSays([{ type: 'system', subtype: 'init' }], `cannot use ${pem}`),
  );
  expect([code, result.steps[0]?.outcome]).toEqual([3, 'error']);
  const last = keyLines.at(-2) ?? '';
  expect(rig.filesWith(last)).toEqual([]);
  expect(stderr).not.toContain(last);
  const journal = await rig.journal(result.runId);
  expect(journal.events('step.finished').map(({ outcome }) => outcome)).toMatchObject([
    { kind: 'error', reason: 'no_result', message: expect.stringContaining('stderr') },
  ]);
});
