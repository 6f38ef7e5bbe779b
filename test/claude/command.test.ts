// The command line and environment of a Claude Code process, and finding the program.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type ClaudeInvocation, claudeArguments } from '../../src/run/claude/arguments.ts';
import { askClaude } from '../../src/run/claude/ask-claude.ts';
import { claudeEnvironment } from '../../src/run/claude/environment.ts';
import { findClaude } from '../../src/run/claude/find-claude.ts';
import { claudeStep, newestVersion } from '../support/claude-run.ts';
import { unknownFlags } from '../support/claude-versions.ts';

const bin = path.resolve(import.meta.dirname, '../../node_modules/.bin');
const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-find-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const full = claudeStep({
  model: 'opus',
  allowedTools: ['Bash(git log:*)', 'Read'],
  disallowedTools: ['WebFetch'],
  permissionMode: 'acceptEdits',
  maxBudgetUsd: 2,
  maxTurns: 5,
  systemPrompt: 'You are terse.',
  appendSystemPrompt: 'And polite.',
  jsonSchema: { type: 'object' },
  extraArgs: ['--effort', 'low'],
});
const invocation = {
  prompt: 'the prompt',
  resumeSessionId: 'abc',
  mcpConfigPath: '/mcp.json',
  remainingUsd: 0.5,
  version: newestVersion,
};

describe('the command line', () => {
  test('has every setting of the step, and the prompt nowhere but in stdin', () => {
    const { args, stdin, shown } = claudeArguments(full, invocation);
    expect(args.join(' ')).toBe(
      '-p --model opus --permission-mode acceptEdits --allowedTools Bash(git log:*) Read --disallowedTools WebFetch ' +
        '--mcp-config /mcp.json --max-budget-usd 0.5 --max-turns 5 --system-prompt You are terse. ' +
        '--append-system-prompt And polite. --json-schema {"type":"object"} --resume abc --fork-session ' +
        '--output-format stream-json --verbose --include-partial-messages --include-hook-events --effort low',
    );
    expect(stdin).toBe('the prompt');
    expect(shown).not.toMatch(/prompt'|terse|polite|"object"/);
    expect(shown).toContain("--allowedTools 'Bash(git log:*)' Read");
  });

  test('of a step with nothing set is the least that is needed', () => {
    const { args } = claudeArguments(claudeStep(), {
      prompt: 'x',
      resumeSessionId: undefined,
      mcpConfigPath: undefined,
      version: newestVersion,
    });
    expect(args).toEqual([
      '-p',
      '--output-format',
      'stream-json',
      '--verbose',
      '--include-partial-messages',
      '--include-hook-events',
    ]);
  });

  test('takes the smaller of the step’s and the run’s budget, and never none', () => {
    const budgetOf = (remainingUsd: number | undefined): string | undefined => {
      const { args } = claudeArguments(full, { ...invocation, remainingUsd });
      return args[args.indexOf('--max-budget-usd') + 1];
    };
    expect([budgetOf(9), budgetOf(0.25), budgetOf(undefined), budgetOf(0)]).toEqual(['2', '0.25', '2', '0.0001']);
  });

  test('passes only flags that the installed CLI takes', async () => {
    const { args, flags } = claudeArguments(full, { ...invocation, sessionId: 'x' });
    expect(args.filter((arg) => arg.startsWith('--') && !flags.includes(arg))).toEqual(['--effort']);
    expect(await unknownFlags(path.join(bin, 'claude'), [...flags, '--effort'])).toEqual([]);
    expect(flags).toHaveLength(18);
  });

  test('leaves out what an old CLI does not have and can do without', () => {
    const flagsOf = (version: string, given: Partial<ClaudeInvocation> = {}): readonly string[] =>
      claudeArguments(claudeStep(), { ...invocation, sessionId: 'x', version, ...given }).flags;
    expect(flagsOf('2.0.73')).toEqual(expect.arrayContaining(['--resume', '--fork-session', '--session-id']));
    expect(flagsOf('2.0.72')).toContain('--fork-session');
    expect(flagsOf('2.0.72')).not.toContain('--session-id');
    expect(flagsOf('2.0.72', { resumeSessionId: undefined })).toContain('--session-id');
    expect(flagsOf('1.0.117')).not.toContain('--fork-session');
    expect(flagsOf('2.0.29')).not.toContain('--max-budget-usd');
    // A budget of the step itself is refused before the run, and not silently dropped.
    expect(claudeArguments(full, { ...invocation, version: '2.0.29' }).flags).toContain('--max-budget-usd');
  });
});

describe('the environment', () => {
  const intake = { url: 'http://127.0.0.1:1/key', token: 'secret' };
  const of = (base: Record<string, string | undefined>) =>
    claudeEnvironment({ base, intake, traceparent: '00-a-b-01' });

  test('points all telemetry at the intake and takes out what is meant for stepspan', () => {
    const env = of({
      HOME: '/home/dev',
      ANTHROPIC_API_KEY: 'key',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=mine',
      OTEL_SERVICE_NAME: 'mine',
      OTEL_LOG_USER_PROMPTS: '1',
      CLAUDECODE: '1',
      UNSET: undefined,
    });
    expect(env).toMatchObject({
      HOME: '/home/dev',
      ANTHROPIC_API_KEY: 'key',
      OTEL_LOG_USER_PROMPTS: '1',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1/key',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-stepspan-token=secret',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      TRACEPARENT: '00-a-b-01',
    });
    const gone = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_SERVICE_NAME', 'CLAUDECODE', 'UNSET', 'NO_PROXY'];
    for (const name of gone) expect(env).not.toHaveProperty(name);
  });

  test('asks for no content, unless somebody did', () => {
    expect(Object.keys(of({})).filter((name) => name.startsWith('OTEL_LOG_'))).toEqual([]);
  });

  test('keeps a proxy away from the intake', () => {
    expect(of({ https_proxy: 'http://proxy', NO_PROXY: 'intern' })).toMatchObject({
      NO_PROXY: 'intern,127.0.0.1,localhost',
      no_proxy: '127.0.0.1,localhost',
    });
  });
});

describe('finding the program', () => {
  function program(name: string, script: string): string {
    const file = path.join(folder, name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return file;
  }

  test('takes `claude` from PATH, and says its version', async () => {
    const found = await findClaude({ PATH: `/nowhere:${bin}:/usr/bin:/bin` });
    expect(found).toEqual({
      kind: 'found',
      path: path.join(bin, 'claude'),
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
  });

  test('takes what STEPSPAN_CLAUDE names before that', async () => {
    const other = program('other', 'echo "1.2.3 (Claude Code)"');
    expect(await findClaude({ PATH: bin, STEPSPAN_CLAUDE: other })).toEqual({
      kind: 'found',
      path: other,
      version: '1.2.3',
    });
    expect(await findClaude({ PATH: folder, STEPSPAN_CLAUDE: 'other' })).toMatchObject({ kind: 'found', path: other });
  });

  test.each([
    [{ PATH: '/nowhere' }, /npm install -g @anthropic-ai\/claude-code/],
    [{ PATH: '/nowhere', STEPSPAN_CLAUDE: 'klaude' }, /STEPSPAN_CLAUDE is "klaude"/],
    [{ STEPSPAN_CLAUDE: '/nowhere/claude' }, /names \/nowhere\/claude, which does not exist; write the path/],
    [{ STEPSPAN_CLAUDE: '/etc' }, /names \/etc, which is a folder; write the path of the program in it/],
    [{ STEPSPAN_CLAUDE: '/etc/passwd' }, /which is not executable by this user; .*chmod \+x \/etc\/passwd/],
    [{ STEPSPAN_CLAUDE: program('wrong', 'echo cat 8.3.2') }, /is not Claude Code: --version says "cat 8.3.2"/],
    [{ STEPSPAN_CLAUDE: program('broken', 'echo no libc >&2; exit 1') }, /cannot be run: no libc/],
    [{ STEPSPAN_CLAUDE: program('silent', 'exit 9') }, /cannot be run: exit code 9; run it with --version/],
    [{ STEPSPAN_CLAUDE: program('crashes', 'kill -SEGV $$') }, /cannot be run: ended by SIGSEGV; /],
  ])('says what is wrong with %o', async (env, message) => {
    const missing = { kind: 'missing', path: expect.any(String), message: expect.stringMatching(message) };
    expect(await findClaude(env)).toEqual(missing);
  });

  test('says of a program that hangs that it gave no answer, and ends it', async () => {
    const answer = await askClaude(program('hangs', 'exec sleep 600'), ['--version'], { env: {}, limitMs: 100 });
    expect(answer).toMatchObject({ ok: false, why: 'it gave no answer within 100ms' });
  });
});
