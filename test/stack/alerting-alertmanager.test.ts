// The configuration of Alertmanager: what start.sh makes of the environment, with the shell of its image; that amtool takes
// it, and where which alert goes.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Environment, ourConfig, startScript } from './alerting/our-alertmanager.ts';
import { locateBackends } from './support/backends.ts';

const { amtool } = locateBackends();
const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-alertmanager-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const mail = { STEPSPAN_ALERT_MAIL_TO: 'you@example.com', STEPSPAN_SMTP_SMARTHOST: 'smtp.example.com:587' };
const webhook = { STEPSPAN_ALERT_WEBHOOK_URL: 'https://example.com/hook?a=1&b=2' };
const login = { STEPSPAN_SMTP_USER: 'me@example.com', STEPSPAN_SMTP_PASSWORD: "it's $1\\n & so on" };

type Config = {
  global: Record<string, unknown>;
  receivers: { name: string; email_configs?: Record<string, unknown>[]; webhook_configs?: Record<string, unknown>[] }[];
};

const configOf = (env: Environment): Config => parse(ourConfig(folder, env)) as Config;

function check(config: string): string {
  const file = path.join(folder, 'checked.yaml');
  writeFileSync(file, config);
  return execFileSync(amtool, ['check-config', file], { encoding: 'utf8', stdio: 'pipe' });
}

describe('start.sh', () => {
  test.each<[string, Environment, (string | undefined)[]]>([
    ['nothing', {}, []],
    ['empty variables, as compose passes them', { STEPSPAN_ALERT_MAIL_TO: '', STEPSPAN_ALERT_WEBHOOK_URL: '' }, []],
    ['mail', mail, ['people: email']],
    ['mail with a login', { ...mail, ...login }, ['people: email']],
    ['a webhook', webhook, ['people: webhook', 'machines: webhook']],
    ['mail and a webhook', { ...mail, ...webhook }, ['people: email', 'people: webhook', 'machines: webhook']],
  ])('makes a configuration that Alertmanager takes from %s', (_title, env, expected) => {
    expect(check(ourConfig(folder, env))).toMatch(/SUCCESS[\s\S]*1 templates\s+SUCCESS/);
    const found = configOf(env).receivers.flatMap(({ name, email_configs = [], webhook_configs = [] }) => [
      ...email_configs.map(() => `${name}: email`),
      ...webhook_configs.map(() => `${name}: webhook`),
    ]);
    expect(found).toEqual(expected);
  });

  test('keeps passwords and tokens out of the configuration, in files of their own', () => {
    const config = configOf({ ...mail, ...login, ...webhook, STEPSPAN_ALERT_WEBHOOK_TOKEN: 'tok' });
    const password = String(config.global.smtp_auth_password_file);
    expect(readFileSync(password, 'utf8')).toBe(login.STEPSPAN_SMTP_PASSWORD);
    expect(statSync(password).mode & 0o077).toBe(0);
    const token = config.receivers[0]?.webhook_configs?.[0]?.http_config as {
      authorization: { credentials_file: string };
    };
    expect(readFileSync(token.authorization.credentials_file, 'utf8')).toBe('tok');
    expect(JSON.stringify(config)).not.toContain('so on');
    expect(config.global.smtp_from).toBe(login.STEPSPAN_SMTP_USER);
    expect(config.global.smtp_require_tls).toBe(true);
  });

  test('takes secrets from files that are named', () => {
    const file = path.join(folder, 'url');
    writeFileSync(file, `${webhook.STEPSPAN_ALERT_WEBHOOK_URL}\n`);
    const env = {
      STEPSPAN_ALERT_WEBHOOK_URL_FILE: file,
      ...mail,
      STEPSPAN_SMTP_USER: 'u',
      STEPSPAN_SMTP_PASSWORD_FILE: file,
    };
    const config = configOf(env);
    expect(config.receivers[0]?.webhook_configs?.[0]?.url).toBe(webhook.STEPSPAN_ALERT_WEBHOOK_URL);
    expect(config.global.smtp_auth_password_file).toBe(file);
  });

  test('takes a value for a text, whatever is in it', () => {
    const to = `o'neill@example.com, "a: {b}" <x@example.com> # & \\1 \${STEPSPAN_SMTP_USER}`;
    expect(configOf({ ...mail, STEPSPAN_ALERT_MAIL_TO: to }).receivers[0]?.email_configs?.[0]?.to).toBe(to);
  });

  test.each<[string, Environment, string]>([
    ['mail without a server', { STEPSPAN_ALERT_MAIL_TO: 'a@b.c' }, 'STEPSPAN_SMTP_SMARTHOST must say'],
    ['a server without a port', { ...mail, STEPSPAN_SMTP_SMARTHOST: 'smtp' }, 'write host:port'],
    ['a user without a password', { ...mail, STEPSPAN_SMTP_USER: 'u' }, 'set STEPSPAN_SMTP_PASSWORD_FILE'],
    ['a secret twice', { ...mail, ...login, STEPSPAN_SMTP_PASSWORD_FILE: '/x' }, 'set one of them'],
    [
      'a file that is not there',
      { STEPSPAN_ALERT_WEBHOOK_URL_FILE: '/nowhere' },
      'names /nowhere, which cannot be read',
    ],
    ['no address', { STEPSPAN_ALERT_WEBHOOK_URL: 'example.com' }, 'begins with http:// or https://'],
    ['no boolean', { ...mail, STEPSPAN_SMTP_REQUIRE_TLS: 'no' }, 'write true or false'],
    ['two lines', { STEPSPAN_ALERT_WEBHOOK_URL: 'http://x\nroute: {}' }, 'has several lines'],
  ])('says what to write instead of %s, and starts nothing', (_title, env, message) => {
    const { status, stderr, stdout } = startScript(folder, { ...env, STEPSPAN_ALERTMANAGER: 'echo' }, []);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
    expect(stdout).toBe('');
  });

  test('starts Alertmanager with what it made, and passes arguments on', () => {
    const { stdout } = startScript(folder, { STEPSPAN_ALERTMANAGER: 'echo' }, ['--storage.path=/x']);
    expect(stdout).toBe(`--config.file=${folder}/alertmanager.yaml --storage.path=/x\n`);
  });

  test("starts Alertmanager with the user's own configuration if one exists", () => {
    const custom = path.join(folder, 'custom', 'alertmanager.yaml');
    mkdirSync(path.dirname(custom), { recursive: true });
    writeFileSync(custom, 'route: {}');
    const env = { STEPSPAN_ALERTMANAGER: 'echo', STEPSPAN_ALERT_CUSTOM_CONFIG: custom };
    expect(startScript(folder, env, []).stdout).toBe(`--config.file=${custom}\n`);
  });
});

describe('routes', () => {
  test.each([
    [['severity=critical', 'alertname=StepspanRunFailed', 'workflow=review'], 'people'],
    [['severity=warning', 'alertname=StepspanRunStuck', 'workflow=review'], 'people'],
    [['severity=info', 'alertname=StepspanLabelOverflow'], 'machines'],
    [['alertname=SomebodyElses'], 'people'],
  ])('%j goes to %s', (labels, receiver) => {
    const file = path.join(folder, 'routes.yaml');
    writeFileSync(file, ourConfig(folder, { ...mail, ...webhook }));
    const args = ['config', 'routes', 'test', `--config.file=${file}`, `--verify.receivers=${receiver}`, ...labels];
    expect(execFileSync(amtool, args, { encoding: 'utf8' }).trim()).toBe(receiver);
  });

  test('the example for Slack is a configuration that Alertmanager takes', () => {
    const example = path.resolve(import.meta.dirname, '../../alerting/alertmanager/slack.example.yaml');
    expect(check(readFileSync(example, 'utf8'))).toContain('SUCCESS');
  });
});
