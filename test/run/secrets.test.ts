// No secret reaches the disk or the screen, wherever it comes from and wherever it turns up.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';

const secrets = {
  environment: 'env-Zq81-aaaa-1111',
  named: 'just words in a row 7',
  param: 'param-Xk42-bbbb-2222',
  workflow: 'wf-Lm93-cccc-3333',
  step: 'step-Pp04-dddd-4444',
  toolInput: `ghp_${'Ab1'.repeat(12)}`,
  toolResult: `sk-ant-api03-${'x7Q'.repeat(31)}-AA`,
  file: 'file-Rr55-eeee-5555',
} as const;

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig({
    script: [
      {
        prompt: 'Look around',
        turns: [
          {
            kind: 'reply',
            text: `I use ${secrets.toolInput}.`,
            tools: [{ name: 'Bash', input: { command: `echo ${secrets.toolInput}; cat key.txt; echo "$MY_TOKEN"` } }],
          },
          { kind: 'reply', text: `The key is ${secrets.toolResult} and ${secrets.environment}.` },
        ],
      },
    ],
  });
});
afterAll(() => rig.close());

describe('a secret', () => {
  test('is hidden in output, events, messages, prompts and tool calls, in a run that ends in error', async () => {
    rig.write('key.txt', `${secrets.toolResult}\n`);
    rig.write('prompt.md', `Look around with ${secrets.file} and {{ params.api-token }}`);
    const { code, result, stdout, stderr } = await rig.runYaml(
      `
name: secrets
description: uses ${secrets.environment}
params: {api-token: {type: string}}
secrets: [PLAIN_WORDS, FROM_FILE]
env: {DB_PASSWORD: '${secrets.workflow}'}
steps:
  - id: print
    env: {STEP_TOKEN: '${secrets.step}'}
    run: |
      echo "$STEPSPAN_PARAM_API_TOKEN|$PLAIN_WORDS|$DB_PASSWORD|$STEP_TOKEN|$MY_TOKEN"
      echo "$MY_TOKEN" >&2
      printf '%s' "$PLAIN_WORDS" | base64
      printf '%s' "$MY_TOKEN" | cut -c1-9 | tr -d '\\n'; sleep 0.05; printf '%s' "$MY_TOKEN" | cut -c10-
      printf 'no newline at the end: %s' "$MY_TOKEN"
  - id: ask
    needs: print
    claude: {promptFile: prompt.md, allowedTools: [Bash]}
  - id: text
    needs: print
    when: steps.print.output.a == 1
    run: 'true'
  - id: broken
    needs: ask
    run: ['/no/such/${secrets.environment}', '${secrets.param}']
  - id: nowhere
    needs: ask
    cwd: '${secrets.named}'
    run: 'true'
`,
      ['-p', `api-token=${secrets.param}`],
      { MY_TOKEN: secrets.environment, PLAIN_WORDS: secrets.named, FROM_FILE: secrets.file },
    );
    expect([code, result.outcome]).toEqual([3, 'error']);
    const journal = await rig.journal(result.runId);
    expect(journal.text('stdout', 'print').split('\n')).toEqual([
      '[hidden:STEPSPAN_PARAM_API_TOKEN]|[hidden:PLAIN_WORDS]|[hidden:DB_PASSWORD]|[hidden:STEP_TOKEN]|[hidden:MY_TOKEN]',
      '[hidden:PLAIN_WORDS]',
      '[hidden:MY_TOKEN]',
      'no newline at the end: [hidden:MY_TOKEN]',
    ]);
    // Claude Code and its tools have seen the real ones: hiding is for what is kept.
    const [asked] = rig.api?.requests.filter(({ body }) => body !== undefined) ?? [];
    expect(JSON.stringify(asked?.body)).toContain(secrets.param);
    expect(JSON.stringify(rig.api?.requests.at(-1)?.body)).toContain(secrets.environment);
    expect(journal.events('claude.tool_called')[0]?.input).toContain('[hidden:');

    for (const [what, secret] of Object.entries(secrets)) {
      expect({ what, files: rig.filesWith(secret) }).toEqual({ what, files: [] });
      expect({ what, shown: stdout.includes(secret) || stderr.includes(secret) }).toEqual({ what, shown: false });
    }
    expect(rig.filesWith('[hidden:MY_TOKEN]').length).toBeGreaterThan(0);
    const counts = journal.events('secret.redacted').flatMap(({ kinds }) => Object.values(kinds));
    expect(result.hidden).toBe(counts.reduce((sum, count) => sum + count, 0));
    expect(journal.records.at(-1)).toMatchObject({ event: { type: 'run.finished' } });
    expect(stderr).toContain(`${result.hidden} secret`);

    const resumed = await rig.run(['resume', result.runId]);
    expect(resumed.code).toBe(2);
    expect(resumed.stderr).toMatch(/paramValues\.api-token.*env\.DB_PASSWORD.*environment/);
  });

  test('is kept as it is where that was asked for, and the run says so', async () => {
    const { code, result } = await rig.runYaml('name: open\nsteps: [{id: a, run: echo $MY_TOKEN}]', ['--no-redact'], {
      MY_TOKEN: 'open-Qq11-zzzz-9999',
    });
    const journal = await rig.journal(result.runId);
    expect([code, journal.text('stdout', 'a'), result.hidden]).toEqual([0, 'open-Qq11-zzzz-9999\n', 0]);
    expect(journal.text('system')).toMatch(/redaction is off/);
  });
});
