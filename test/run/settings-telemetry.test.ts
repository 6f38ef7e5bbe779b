// OTEL_* variables in the settings files of a person, which Claude Code puts over its environment: its telemetry still
// comes to the run, and what else the settings say still holds. The real CLI.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { overruleSettings } from '../../src/run/claude/settings-file.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig({
    script: [
      {
        prompt: 'Show',
        turns: [
          { kind: 'reply', tools: [{ name: 'Bash', input: { command: 'echo "$MINE" "$THEIRS"', description: 'x' } }] },
          { kind: 'reply', text: 'Shown.' },
        ],
      },
      { prompt: 'Ask', turns: [{ kind: 'reply', text: 'Asked.' }] },
    ],
  });
  const env = {
    CLAUDE_CODE_ENABLE_TELEMETRY: '0',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:9/v1/traces',
    OTEL_METRICS_EXPORTER: 'none',
    MINE: 'mine',
  };
  mkdirSync(path.join(rig.folder, 'home/.claude'), { recursive: true });
  writeFileSync(path.join(rig.folder, 'home/.claude/settings.json'), JSON.stringify({ env }));
});
afterAll(() => rig.close());

test('do not take the telemetry of a Claude step away, nor the other settings, nor those of the step itself', async () => {
  const { result } = await rig.runYaml(`
name: settings
steps:
  - id: plain
    claude: {prompt: Show, allowedTools: [Bash]}
  - id: given
    needs: plain
    claude: {prompt: Show, allowedTools: [Bash], extraArgs: ['--settings', '{"env": {"THEIRS": "theirs"}}']}
`);
  expect(result.outcome).toBe('success');
  const journal = await rig.journal(result.runId);
  for (const step of ['plain', 'given']) {
    const [nesting] = journal.events('claude.nesting', step);
    expect(nesting).toMatchObject({ derivedSpans: 0 });
    expect(nesting?.ownSpans).toBeGreaterThan(0);
    expect(journal.events('claude.telemetry', step).map(({ signal }) => signal)).toContain('metrics');
    expect(journal.text('system', step)).not.toContain('no spans');
  }
  expect(journal.events('claude.tool_returned', 'plain')[0]?.text.trim()).toBe('mine');
  expect(journal.events('claude.tool_returned', 'given')[0]?.text.trim()).toBe('mine theirs');
  const [started] = journal.events('attempt.started', 'plain');
  expect(started?.command).toMatch(/--settings \S+settings\.json/);
});

test('are named if this Claude Code cannot be made to ignore them', () => {
  const telemetry = { url: 'http://127.0.0.1:1/a', token: 't' };
  const setting = { cwd: rig.work, env: { HOME: path.join(rig.folder, 'home') } };
  const settings = overruleSettings({ setting, args: [], telemetry, version: '1.0.60' });
  expect(settings.path).toBeUndefined();
  expect(settings.elsewhere).toContain('OTEL_EXPORTER_OTLP_ENDPOINT');
  expect(settings.elsewhere).toContain(path.join(rig.folder, 'home/.claude/settings.json'));
});

test('do not take away what Claude Code in a shell step reports', async () => {
  const { result } = await rig.runYaml(`name: shell\nsteps: [{id: ask, run: "claude -p 'Ask it'"}]\n`);
  expect(result.costBasis).toBe('known');
  expect(result.costUsd).toBeGreaterThan(0);
});
