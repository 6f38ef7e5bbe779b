// What is found before anything is started: what the workflow names and is not there, and a Claude Code that cannot do it.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resultOf } from '../support/cli.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig({ script: [{ prompt: 'Hello', turns: [{ kind: 'reply', text: 'Hello.' }] }] });
});
afterAll(() => rig.close());

/** The shell step of each workflow here would leave it. */
const trace = "{id: first, run: 'touch started'}";

describe('a workflow that names what is not there', () => {
  const mcp = (text: string): void => void rig.write('mcp.json', text);
  const crlf = '#!/bin/bash\r\necho hi\r\n';

  test.each<[string, string, RegExp, () => void]>([
    [
      'a prompt file',
      '{id: a, claude: {promptFile: gone.md}}',
      /:4:\d+: the prompt file .*gone\.md does not exist/,
      none,
    ],
    [
      'a prompt file, after a step that could have made it but does not name it',
      '{id: a, needs: first, claude: {promptFile: gone.md}}',
      /the prompt file .*gone\.md does not exist/,
      none,
    ],
    [
      'a prompt file that is too big',
      '{id: a, claude: {promptFile: big.md}}',
      /more than the 4194304/,
      () => void rig.write('big.md', 'x'.repeat(11 * 1024 * 1024)),
    ],
    ['a folder', '{id: a, cwd: nope, run: echo}', /:4:\d+: the working folder .*nope does not exist/, none],
    [
      'a folder that is a file',
      '{id: a, cwd: file, run: echo}',
      /the working folder .*file is a file/,
      () => void rig.write('file', ''),
    ],
    [
      'a variable in `env`',
      '{id: a, env: {PATH: "/x:$PATH"}, run: echo}',
      /`\$PATH` is not expanded in `env`\s+write `\{\{ env\.PATH \}\}`/,
      none,
    ],
    ['a home in `env`', '{id: a, env: {AT: ~/x}, run: echo}', /`~` is not expanded in `env`/, none],
    ['a folder by a variable', '{id: a, cwd: $HOME/x, run: echo}', /`\$HOME` is not expanded in a path/, none],
    [
      'an MCP file',
      '{id: a, claude: {prompt: Hello, mcpConfig: gone.json}}',
      /the MCP file .*gone\.json does not exist/,
      none,
    ],
    [
      'an MCP file that is not JSON',
      '{id: a, claude: {prompt: Hello, mcpConfig: mcp.json}}',
      /mcp\.json is not JSON/,
      () => mcp('{"mcpServers": {},}'),
    ],
    [
      'an MCP file without servers',
      '{id: a, claude: {prompt: Hello, mcpConfig: mcp.json}}',
      /has no `mcpServers`/,
      () => mcp('{"servers": {}}'),
    ],
    ['a program by its name', '{id: a, run: [no-such-program, x]}', /no program `no-such-program` in PATH/, none],
    ['a program by its path', '{id: a, run: [./gone.sh, x]}', /no program `\.\/gone\.sh`, seen from/, none],
    ['a program by a variable', '{id: a, run: [$HOME/x]}', /`\$HOME` is not expanded in a list/, none],
    [
      'a program without permission to execute',
      '{id: a, run: [./plain.sh]}',
      /plain\.sh is not executable/,
      () => void rig.write('plain.sh', '#!/bin/sh\n'),
    ],
    ['a shell', '{id: a, shell: [no-such-shell, -c], run: echo}', /no program `no-such-shell`/, none],
    [
      'a program in a PATH of its own',
      '{id: a, env: {PATH: /none}, run: [ls]}',
      /no program `ls` in PATH \(\/none\)/,
      none,
    ],
    [
      'a script with CRLF, in a list',
      '{id: a, run: [./crlf.sh]}',
      /crlf\.sh has Windows line ends/,
      () => void rig.write('crlf.sh', crlf, 0o755),
    ],
    [
      'a script with CRLF, in a shell',
      '{id: a, run: ./crlf.sh --now && echo}',
      /crlf\.sh has Windows line ends/,
      () => void rig.write('crlf.sh', crlf, 0o755),
    ],
    [
      'a script with CRLF, for a shell',
      '{id: a, run: [bash, crlf.sh]}',
      /crlf\.sh has Windows line ends/,
      () => void rig.write('crlf.sh', crlf, 0o644),
    ],
    [
      'a script of a shell',
      '{id: a, run: [bash, -eu, gone.sh, x]}',
      /the script `gone\.sh` does not exist, seen from/,
      none,
    ],
    ['a script of Node', '{id: a, run: [node, tools/gone.mjs]}', /the script `tools\/gone\.mjs` does not exist/, none],
    ['a NUL in a command', '{id: a, run: "printf a\\0b"}', /the command holds a NUL character/, none],
    ['CRLF inside', '{id: a, run: "echo a\\r\\necho b\\r\\n"}', /the script has Windows line ends/, none],
  ])('is refused by validate and run: %s', async (_what, step, message, prepare) => {
    prepare();
    const file = rig.write('bad.yaml', `name: bad\nsteps:\n  - ${trace}\n  - ${step}\n`);
    const before = rig.runIds();
    const [validated, run] = await Promise.all([rig.run(['validate', file]), rig.run(['run', file])]);
    for (const { code, stderr } of [validated, run]) {
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
      expect(stderr).toMatch(/bad\.yaml:4:\d+: /);
    }
    expect(rig.runIds()).toEqual(before);
  });

  test('is refused for the folder of the whole workflow', async () => {
    const file = rig.write('bad.yaml', `name: bad\ncwd: ./gone\nsteps:\n  - ${trace}\n`);
    const { code, stderr } = await rig.run(['run', file]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/bad\.yaml:2:6: the working folder .*gone does not exist/),
    ]);
  });

  test('runs where an earlier step makes it, and says so where that step does not name it', async () => {
    rig.write('main.js', '');
    const { code, result } = await rig.runYaml(`
name: makes
steps:
  - {id: make, run: 'mkdir -p made/deep; printf "Hello" > made/p.md; printf "#!/bin/sh\\necho ok\\n" > made/tool; chmod +x made/tool'}
  - {id: tool, needs: make, run: [./made/tool]}
  - {id: ask, needs: make, claude: {promptFile: made/p.md}}
  - {id: quiet, needs: make, cwd: made/deep, run: pwd}
  - {id: guess, needs: make, cwd: later, continueOnFailure: true, run: pwd}
  - {id: may, run: [no-such-program], continueOnFailure: true}
  - {id: code, run: [bash, -c, "echo gone.sh"]}
  - {id: module, run: [node, main, gone.js]}
`);
    const outcomes = result.steps.map(({ outcome }) => outcome);
    expect([code, ...outcomes]).toEqual([
      0,
      'success',
      'success',
      'success',
      'success',
      'error',
      'error',
      'success',
      'success',
    ]);
    const system = (await rig.journal(result.runId)).text('system');
    expect(system).toMatch(/the working folder .*later does not exist/);
    expect(system).toMatch(/no program `no-such-program`/);
    expect(system).not.toMatch(/made/);
  });

  test('can take over variables of stepspan, and write a `$` as it is', async () => {
    const { code, result } = await rig.runYaml(
      `
name: expands
env: {PATH: '/x:{{ env.PATH }}', PLAIN: "{{ '$PATH' }} costs $5, $ and $lower"}
steps:
  - {id: a, env: {AT: '{{ env.HOME }}/y'}, run: 'echo "$PATH"; echo "$PLAIN"; echo "$AT"'}
`,
    );
    expect(code).toBe(0);
    const [variable, plain, at] = (await rig.journal(result.runId)).text('stdout', 'a').split('\n');
    // stepspan may put a folder of its own before it.
    expect(variable?.endsWith(`/x:${rig.env.PATH}`)).toBe(true);
    expect(plain).toBe('$PATH costs $5, $ and $lower');
    expect(at).toBe(`${rig.env.HOME}/y`);
  });

  test('knows `env` in no prompt and in no condition', async () => {
    const file = rig.write(
      'env.yaml',
      "name: env\nsteps:\n  - {id: a, when: env.X == 'y', claude: 'Say {{ env.X }}'}\n",
    );
    const { code, stderr } = await rig.run(['validate', file]);
    expect([code, stderr.match(/`env\.X` is not known/g)?.length]).toEqual([2, 2]);
  });

  test('is warned of an MCP server whose program is not there', async () => {
    rig.write('mcp.json', '{"mcpServers": {"sums": {"command": "no-such-server"}}}');
    const file = rig.write(
      'mcp.yaml',
      'name: mcp\nsteps:\n  - {id: a, claude: {prompt: Hello, mcpConfig: mcp.json}}\n',
    );
    const { code, stderr } = await rig.run(['validate', file]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/mcp\.yaml:3:\d+: warning: the MCP server `sums` cannot start/);
  });

  test('is refused by `resume` too, for the steps that it would run', async () => {
    rig.write('later.md', 'Hello');
    const file = rig.write(
      'later.yaml',
      `name: later\nsteps:\n  - {id: go, run: test -e go}\n  - {id: ask, needs: go, claude: {promptFile: later.md}}\n`,
    );
    const failed = resultOf(await rig.run(['run', file, '--json']));
    rig.write('go', '');
    const { rmSync } = await import('node:fs');
    rmSync(path.join(rig.work, 'later.md'));
    const { code, stderr } = await rig.run(['resume', failed.runId]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/the prompt file .*later\.md does not exist/)]);
  });
});

describe('an installed Claude Code', () => {
  const claudeYaml = (step: string): string => `name: ask\nsteps:\n  - ${trace}\n  - {id: ask, claude: ${step}}\n`;
  /** Says a version and does nothing else: no step may get so far as to start it. */
  const claudeOf = (version: string): Record<string, string> => {
    const file = rig.write(`claude-${version}`, `#!/bin/sh\necho "${version} (Claude Code)"\n`, 0o755);
    return { STEPSPAN_CLAUDE: file };
  };

  test.each([
    [
      '2.0.44',
      '{prompt: Hello, jsonSchema: {type: object}}',
      /:4:\d+: step `ask`: `jsonSchema` needs Claude Code 2\.0\.45 or newer \(--json-schema\); .* is 2\.0\.44/,
    ],
    [
      '2.0.72',
      '{prompt: Hello, ask: {wait: 5m}}',
      /`ask` needs Claude Code 2\.0\.73 or newer \(--permission-prompt-tool stdio\); .* is 2\.0\.72/,
    ],
    ['2.0.29', '{prompt: Hello, maxBudgetUsd: 1}', /`maxBudgetUsd` needs Claude Code 2\.0\.30 or newer/],
    [
      '2.0.43',
      '{prompt: Hello, permissionMode: dontAsk}',
      /`permissionMode` needs Claude Code 2\.0\.44 or newer \(--permission-mode dontAsk\)/,
    ],
    ['1.0.22', 'Hello', /is Claude Code 1\.0\.22; stepspan needs 1\.0\.53 or newer/],
  ])('of version %s is refused for %s', async (version, step, message) => {
    const file = rig.write('ask.yaml', claudeYaml(step));
    const { code, stderr } = await rig.run(['run', file], claudeOf(version));
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    expect(stderr).toContain('npm install -g @anthropic-ai/claude-code@latest');
  });

  test('is asked for extra arguments that it does not have', async () => {
    const file = rig.write('ask.yaml', claudeYaml('{prompt: Hello, extraArgs: [--effort, low, --no-such-flag]}'));
    const { code, stderr } = await rig.run(['run', file]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/ask\.yaml:4:\d+: step `ask`: .* has no flag --no-such-flag/),
    ]);
  });

  test('that is not there is named as the person named it', async () => {
    const file = rig.write('ask.yaml', claudeYaml('Hello'));
    const [flag, variable] = await Promise.all([
      rig.run(['run', file, '--claude', 'klaude']),
      rig.run(['run', file], { STEPSPAN_CLAUDE: 'klaude' }),
    ]);
    expect([flag.code, flag.stderr]).toEqual([3, expect.stringContaining('--claude is "klaude"')]);
    expect([variable.code, variable.stderr]).toEqual([3, expect.stringContaining('STEPSPAN_CLAUDE is "klaude"')]);
    const { stdout } = await rig.run(['doctor', '--claude', 'klaude']);
    expect(stdout).toContain('--claude is "klaude"');
  });

  test('of an old version is reported by doctor, with the keys that it does not know', async () => {
    const { stdout } = await rig.run(['doctor'], claudeOf('2.0.29'));
    expect(stdout).toMatch(/could be better Claude Code: 2\.0\.29 .*maxBudgetUsd .*since 2\.0\.30.*jsonSchema/);
    const old = await rig.run(['doctor'], claudeOf('1.0.22'));
    expect([old.code, old.stdout]).toEqual([3, expect.stringMatching(/not ok .*Claude Code: .*needs 1\.0\.53/)]);
  });
});

describe('a Claude Code that is not logged in', () => {
  const loggedOut = { ANTHROPIC_API_KEY: '' };
  const yaml = (step: string): string => `name: ask\nsteps:\n  - ${trace}\n  - {id: ask, ${step}}\n`;

  test('is found before the first step, by the real program', async () => {
    const file = rig.write('login.yaml', yaml('claude: Hello'));
    const before = rig.runIds();
    const { code, stderr } = await rig.run(['run', file], loggedOut);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/not logged in.*ANTHROPIC_API_KEY/)]);
    expect(rig.runIds()).toEqual(before);
    const { stdout } = await rig.run(['doctor'], loggedOut);
    expect(stdout).toMatch(/not ok .*Claude login: Claude Code is not logged in/);
    expect((await rig.run(['doctor'])).stdout).toMatch(/ok .*Claude login: ANTHROPIC_API_KEY/);
  });

  test('does not stop a workflow without Claude steps', async () => {
    const { code } = await rig.runYaml(`name: shell\nsteps: [${trace}]`, [], loggedOut);
    expect(code).toBe(0);
  });

  test('does not stop a step that brings its own login, nor one whose login cannot be seen', async () => {
    const own = await rig.runYaml(yaml('env: {ANTHROPIC_API_KEY: sk-test}, claude: Hello'), [], loggedOut);
    expect(own.code).toBe(0);
    const settings = path.join(rig.work, '.claude');
    mkdirSync(settings, { recursive: true });
    writeFileSync(path.join(settings, 'settings.json'), JSON.stringify({ apiKeyHelper: 'echo sk-test' }));
    const helped = await rig.runYaml(yaml('claude: Hello'), [], loggedOut);
    expect(helped.code).not.toBe(2);
    expect((await rig.run(['doctor'], loggedOut)).stdout).toMatch(
      /not checked .*Claude login: .*settings\.json may log in/,
    );
  });
});

function none(): void {}
