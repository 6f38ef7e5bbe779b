// Settings: which source wins, how each kind is read, and the message for a value that is not valid.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { settingsDoc, settingsDocPath } from '../../scripts/generate-settings-doc.ts';
import { registerAlerts } from '../../src/cli/alerts.ts';
import type { CliContext } from '../../src/cli/context.ts';
import { registerDoctor } from '../../src/cli/doctor.ts';
import { registerExport } from '../../src/cli/export.ts';
import { registerRun } from '../../src/cli/run.ts';
import { registerServe } from '../../src/cli/serve.ts';
import { settingNames, settingTable } from '../../src/cli/setting-table.ts';
import { addSettingFlags, type FlagValues, loadSettings, type Settings } from '../../src/cli/settings.ts';
import { registerShip } from '../../src/cli/ship.ts';
import { parsePrices } from '../../src/run/index.ts';

let root: string;
let cwd: string;
let home: string;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'stepspan-settings-'));
  cwd = path.join(root, 'project');
  home = path.join(root, 'home');
  mkdirSync(cwd);
  mkdirSync(path.join(home, '.config', 'stepspan'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

const project = (text: string) => writeFileSync(path.join(cwd, 'stepspan.config.yaml'), text);
const user = (text: string) => writeFileSync(path.join(home, '.config', 'stepspan', 'config.yaml'), text);
const load = (env: NodeJS.ProcessEnv = {}, flags: FlagValues = {}) => loadSettings({ env, cwd, home }, flags);

function settingsOf(env: NodeJS.ProcessEnv = {}, flags: FlagValues = {}): Settings {
  const loaded = load(env, flags);
  if (!loaded.ok) throw new Error(loaded.problems.join('\n'));
  return loaded.settings;
}

function problemsOf(env: NodeJS.ProcessEnv, flags: FlagValues = {}): readonly string[] {
  const loaded = load(env, flags);
  return loaded.ok ? [] : loaded.problems;
}

describe('a setting', () => {
  test('is taken from the flag, then the variable, then the project file, then the user file, then the default', () => {
    const wanted = [undefined, 40_000, 30_000, 20_000, 15_000];
    const got = [settingsOf().shipWait];
    user('shipWait: 40s\n');
    got.push(settingsOf().shipWait);
    project('shipWait: 30s\n');
    got.push(settingsOf().shipWait);
    got.push(settingsOf({ STEPSPAN_SHIP_WAIT: '20s' }).shipWait);
    got.push(settingsOf({ STEPSPAN_SHIP_WAIT: '20s' }, { shipWait: '15s' }).shipWait);
    expect(got).toEqual(wanted);
  });

  test('that is an empty variable counts as not set', () => {
    expect(settingsOf({ STEPSPAN_HUB_PORT: '' }).hubPort).toBe(9464);
  });

  test('that is a path starts from the folder of its file, else from the working folder', () => {
    user('dataDir: ../runs\n');
    expect(settingsOf().dataDir).toBe(path.join(home, '.config', 'runs'));
    expect(settingsOf({ STEPSPAN_DATA_DIR: 'data' }).dataDir).toBe(path.join(cwd, 'data'));
    expect(settingsOf({}, { claude: './bin/claude' }).claude).toBe(path.join(cwd, 'bin/claude'));
    expect(settingsOf({}, { claude: 'claude' }).claude).toBe('claude');
  });

  test('of every kind is read as documented', () => {
    project(`
durability: 250ms
redact: off
retentionMaxAge: 1d12h
retentionMaxBytes: 1.5GiB
metricsPort: 0
concurrency: 3
traceLink: https://grafana.example.com/explore?trace={traceId}
`);
    expect(settingsOf()).toMatchObject({
      durability: { everyMs: 250 },
      redact: false,
      retentionMaxAge: 36 * 3_600_000,
      retentionMaxBytes: 1.5 * 2 ** 30,
      metricsPort: 0,
      concurrency: 3,
      traceLink: 'https://grafana.example.com/explore?trace={traceId}',
    });
    const env = {
      STEPSPAN_DURABILITY: 'always',
    };
    expect(settingsOf(env)).toMatchObject({ durability: 'always' });
  });
});

describe('a setting that is not valid', () => {
  test('is reported with its source and what to write instead, all of them at once', () => {
    project('shipWait: soon\nhubPrt: 1\n\nhubPort: 99999\nretentionMaxAge: 010\n');
    expect(problemsOf({ STEPSPAN_COLOUR: 'blue' }, { concurrency: '0' })).toEqual([
      `${cwd}/stepspan.config.yaml:2: there is no setting \`hubPrt\`; did you mean \`hubPort\`?`,
      `${cwd}/stepspan.config.yaml:5: retentionMaxAge is 10, not a duration; write a duration such as \`10s\`, \`5m\`, \`2h30m\` or \`30d\``,
      `${cwd}/stepspan.config.yaml:1: shipWait is "soon", not a duration; write a duration such as \`10s\`, \`5m\`, \`2h30m\` or \`30d\``,
      `${cwd}/stepspan.config.yaml:4: hubPort is 99999, not a whole number from 0 to 65535; write a number from 0 to 65535`,
      '--concurrency: concurrency is "0", not a whole number from 1 to 64; write a number from 1 to 64',
      'STEPSPAN_COLOUR: colour is "blue", not a known word; write `auto`, `always`, `never`',
    ]);
  });

  test.each([
    ['redact', 'perhaps'],
    ['shipWait', '30d'],
    ['durability', '0s'],
    ['durability', 'often'],
    ['retentionMaxBytes', '-1'],
    ['retentionMaxBytes', '10 parsecs'],
    ['grafanaUrl', 'javascript:alert(1)'],
  ])('%s: %s', (name, value) => {
    expect(problemsOf({}, { [name]: value })).toHaveLength(1);
  });

  test('in a file that is not YAML, not a list of settings, or a folder, is reported with its line', () => {
    project('a: [\n');
    expect(problemsOf({})[0]).toMatch(/stepspan\.config\.yaml:\d: a bracket or brace that was opened above/);
    project('- one\n');
    expect(problemsOf({})[0]).toContain('is not a list of settings');
    rmSync(path.join(cwd, 'stepspan.config.yaml'));
    mkdirSync(path.join(cwd, 'stepspan.config.yaml'));
    expect(problemsOf({})[0]).toContain('cannot be read');
  });
});

describe('the table', () => {
  test('has a flag for every setting, which commander returns under its name, and only if it is given', () => {
    const parse = (...args: string[]) => {
      const command = addSettingFlags(new Command(), ...settingNames).exitOverride();
      return command.parse(args, { from: 'user' }).opts();
    };
    expect(parse()).toEqual({});
    expect(parse('--no-redact', '--ship-wait', '5s', '--data-dir', 'x')).toEqual({
      redact: false,
      shipWait: '5s',
      dataDir: 'x',
    });
    expect(parse('--archive')).toEqual({ archive: true });
  });

  test('takes the American spelling of colour as a flag, a variable and in a file', () => {
    const colourOf = (env: NodeJS.ProcessEnv, flags = {}) => {
      const loaded = load(env, flags);
      return loaded.ok ? loaded.settings.colour : loaded.problems;
    };
    expect(colourOf({}, { color: 'always' })).toBe('always');
    expect(colourOf({ STEPSPAN_COLOR: 'never' })).toBe('never');
    project('color: always\n');
    expect(colourOf({})).toBe('always');
    expect(colourOf({}, { color: 'blue' })).toEqual([expect.stringContaining('--color: colour is "blue"')]);
  });

  test('has defaults that its own words describe: reading them returns the same value', () => {
    for (const name of settingNames) {
      const { defaultText, kind, default: value } = settingTable[name] as (typeof settingTable)['shipWait'];
      const word = /^`([^`]+)`$/.exec(defaultText)?.[1];
      if (word === undefined) continue;
      expect(kind.parse(word, cwd)).toEqual({ ok: true, value: value({ env: {}, cwd, home }) });
    }
  });

  test('is documented in docs/settings.md with flags that commands have', () => {
    const program = new Command();
    const registers = [registerAlerts, registerDoctor, registerExport, registerRun, registerServe, registerShip];
    for (const register of registers) register(program, {} as CliContext);
    const commands = program.commands.flatMap((command) => [command, ...command.commands]);
    const known = new Set(commands.flatMap(({ options }) => options.map(({ long }) => long)));
    const documented = [...settingsDoc().matchAll(/`(--[a-z-]+)`/g)].map(([, flag]) => flag);
    expect(documented.length).toBeGreaterThan(20);
    expect(documented.filter((flag) => !known.has(flag))).toEqual([]);
  });

  test('shows a price table that is read without a complaint', () => {
    const example = /```json\n([\s\S]*?)```/.exec(settingsDoc())?.[1] ?? '';
    expect(parsePrices(example, 'prices.json')).toMatchObject({ ok: true });
  });

  test('is what docs/settings.md says; `node scripts/generate-settings-doc.ts` brings it up to date', () => {
    expect(readFileSync(settingsDocPath, 'utf8')).toBe(settingsDoc());
  });
});
