// Which variables are taken for secrets, which are not and why, and what naming one does.
import { describe, expect, it } from 'vitest';
import { isSecretName, whyNotSecret } from '../../src/run/redact/environment.ts';
import { createRedactor } from '../../src/run/redact/index.ts';

describe('a variable is a secret by its name', () => {
  it.each(
    (
      'API_KEY ANTHROPIC_API_KEY OPENAI_KEY GITHUB_TOKEN GH_TOKEN NPM_TOKEN npm_config__authToken MYAPPSECRET CLIENT_SECRET ' +
      'DB_PASSWORD PGPASSWORD MYSQL_PWD DB_PASS SSH_PASSPHRASE GOOGLE_CREDENTIALS APP_PRIVATE_KEY BASIC_AUTH SESSION_COOKIE ' +
      'SENTRY_DSN AZURE_STORAGE_CONNECTION_STRING AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AZURE_PAT SLACK_WEBHOOK_URL ' +
      'OTEL_EXPORTER_OTLP_HEADERS JWT apiKey clientSecret'
    ).split(' '),
  )('%s', (name) => expect(isSecretName(name)).toBe(true));

  it.each(
    (
      'PATH HOME PWD OLDPWD USER KEYBOARD MONKEY_COUNT GIT_AUTHOR_NAME AUTHOR SSH_AUTH_SOCK XAUTHORITY XDG_SESSION_ID ' +
      'XDG_SESSION_TYPE DESKTOP_SESSION TERM_SESSION_ID CLAUDE_SESSION_ID SECRET_NAME TOKEN_TTL GPG_KEY ' +
      'AWS_SHARED_CREDENTIALS_FILE GIT_ASKPASS KEYFILE_PATH COMPASS_MODE TOKENIZERS_PARALLELISM AUTH_TYPE KEY_VAULT_NAME'
    ).split(' '),
  )('but not %s', (name) => expect(isSecretName(name)).toBe(false));
});

describe('the value of such a variable is left out, with the reason, when it is', () => {
  it.each([
    ['DB_PASSWORD', 'hunter2', 'shorter than 8'],
    ['TOKEN_CHECK', 'disabled', 'a switch'],
    ['MAX_TOKENS', '1000000000', 'a number'],
    ['POSTGRES_PASSWORD', 'postgres', 'a word'],
    ['AUTH', 'basic-auth', 'a word'],
    ['GOOGLE_APPLICATION_CREDENTIALS', '/home/me/key.json', 'a path'],
    ['PRIVATE_KEY', '~/.ssh/id_ed25519', 'a path'],
    ['API_KEY', '$OTHER_KEY', 'a placeholder'],
    ['API_KEY', '<your api key>', 'a placeholder'],
    ['API_KEY', '**********', 'a placeholder'],
    ['AUTH_URL', 'https://login.example.org/oauth', 'an address'],
  ])('%s=%s: %s', (name, value, why) => {
    expect(whyNotSecret(name, value)).toContain(why);
    const redactor = createRedactor({ env: { [name]: value } });
    expect(redactor.text(`x ${value} y`).hidden).toBeUndefined();
    expect(redactor.leftOut()).toEqual([{ name, why: expect.stringContaining(why) }]);
  });

  it.each([
    ['DB_PASSWORD', 'hunter22'],
    ['DB_PASSWORD', 'correct-horse-battery-staple'],
    ['AWS_SECRET_ACCESS_KEY', '/wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEK'],
    ['SLACK_WEBHOOK_URL', 'https://example.org/hook?sig=8f3a'],
    ['API_KEY', '12345678-1234-1234-1234-123456789012'],
  ])('but not %s=%s', (name, value) => expect(whyNotSecret(name, value)).toBeUndefined());
});

describe('the environment of a run', () => {
  it('hides the password of a login, but not its user, nor a login without a password', () => {
    const env = { STEPSPAN_GRAFANA_LOGIN: 'admin:Xk29-vv81', LOGIN: 'someone@example.org', ADMIN_LOGIN: 'admin:admin' };
    const redactor = createRedactor({ env });
    expect(redactor.text('admin:Xk29-vv81 someone@example.org admin:admin').text).toBe(
      'admin:[hidden:STEPSPAN_GRAFANA_LOGIN] someone@example.org admin:admin',
    );
  });

  it('hides the passwords in addresses, whatever the variable is called, as written and decoded', () => {
    const redactor = createRedactor({
      env: { DATABASE_URL: 'postgres://app:p%40ss-w0rd%21@db/x', HTTPS_PROXY: 'http://me:topsecret99@proxy:3128' },
    });
    expect(redactor.text('p%40ss-w0rd%21 p@ss-w0rd! topsecret99').text).toBe(
      '[hidden:DATABASE_URL] [hidden:DATABASE_URL] [hidden:HTTPS_PROXY]',
    );
  });

  it('hides the values of header variables without their scheme', () => {
    const redactor = createRedactor({
      env: { OTEL_EXPORTER_OTLP_HEADERS: 'x-scope=team-a,authorization=Basic%20bWU6aHVudGVyMg==' },
    });
    expect(redactor.text('team-a bWU6aHVudGVyMg==').text).toBe('team-a [hidden:OTEL_EXPORTER_OTLP_HEADERS]');
  });

  it('hides named secrets whatever they look like, and reports those that cannot be hidden', () => {
    const env = { PLAIN: 'postgres', PIN: '1234', SHORT: 'abc', EMPTY: '' };
    const redactor = createRedactor({ env, extraSecretNames: ['PLAIN', 'PIN', 'SHORT', 'EMPTY', 'MISSING'] });
    expect(redactor.text('postgres 1234 abc')).toEqual({
      text: '[hidden:PLAIN] [hidden:PIN] abc',
      hidden: { named: 2 },
    });
    expect(redactor.problems().map(({ name }) => name)).toEqual(['SHORT', 'EMPTY', 'MISSING']);
    expect(redactor.problems()[0]?.message).toMatch(/SHORT has 3 characters and is not hidden.*longer secret/);
    expect(redactor.problems()[2]?.message).toMatch(/MISSING is not set.*take it out of "secrets"/);
    for (const { message } of redactor.problems()) expect(message).not.toContain('abc');
  });

  it('takes the values of named secrets from the environment of a step as well', () => {
    const redactor = createRedactor({ env: {}, extraSecretNames: ['PLAIN', 'PIN'] });
    redactor.addEnvironment({ PLAIN: 'postgres' });
    expect(redactor.text('postgres')).toEqual({ text: '[hidden:PLAIN]', hidden: { named: 1 } });
    expect(redactor.problems().map(({ name }) => name)).toEqual(['PIN']);
  });

  it('hides a short named secret in one piece only, so that neighbouring numbers are not mistaken for it', () => {
    const redactor = createRedactor({ env: { PIN: '123456' }, extraSecretNames: ['PIN'] });
    expect(redactor.text('123456').hidden).toEqual({ named: 1 });
    expect(redactor.text('1234\n56').hidden).toBeUndefined();
    const stream = redactor.stream();
    expect(stream.push(Buffer.from('12345\n')).bytes.toString()).toBe('12345\n');
  });

  it('is overruled by who names a value on purpose', () => {
    const redactor = createRedactor({ env: { A_TOKEN: 'abcdefgh12345678' } });
    redactor.addSecret('LOGIN', 'abcdefgh12345678');
    redactor.addEnvironment({ B_TOKEN: 'abcdefgh12345678' });
    expect(redactor.text('abcdefgh12345678')).toEqual({ text: '[hidden:LOGIN]', hidden: { named: 1 } });
  });

  it('is read again for a step that has one of its own', () => {
    const redactor = createRedactor({ env: {} });
    redactor.addEnvironment({ STEP_TOKEN: 'only-in-this-step-1', LEVEL_TOKEN: 'debug' });
    expect(redactor.text('only-in-this-step-1').text).toBe('[hidden:STEP_TOKEN]');
    expect(redactor.hiddenNames()).toEqual(['STEP_TOKEN']);
    expect(redactor.leftOut().map(({ name }) => name)).toEqual(['LEVEL_TOKEN']);
  });

  it('lets everything through when redaction is off', () => {
    const redactor = createRedactor({ env: { A_TOKEN: 'abcdefgh12345678' }, enabled: false });
    const bytes = Buffer.from('abcdefgh12345678 AKIAIOSFODNN7EXAMPLE');
    expect(redactor.stream().push(bytes)).toEqual({ bytes, hidden: undefined });
    expect(redactor.text(bytes.toString()).text).toBe(bytes.toString());
    expect(redactor.value({ a: bytes.toString() }).value).toEqual({ a: bytes.toString() });
    expect(redactor.addSecret('X', 'x')).toBeUndefined();
  });
});

describe('a secret that is JSON', () => {
  const json = JSON.stringify({
    type: 'service_account',
    user: 'deploy',
    password: 'correcthorsebattery',
    pin: { token: '9182736450' },
    key: 'line one of it\nline "two" of it',
    list: ['Zx81-kLm9-Qr77'],
    nested: JSON.stringify({ inner: 'In-n3r-S3cret' }),
    endpoint: 'https://example.com/token',
  });
  const leaves = ['correcthorsebattery', '9182736450', 'Zx81-kLm9-Qr77', 'In-n3r-S3cret'];

  it.each([
    ['found by its name', { APP_CREDENTIALS: json }, []],
    ['that is named', { CONFIG: json }, ['CONFIG']],
    ['with blanks around it', { APP_CREDENTIALS: `\n ${JSON.stringify(JSON.parse(json), null, 2)}\n` }, []],
  ])('%s is hidden however it is printed', (_what, env, extraSecretNames) => {
    const redactor = createRedactor({ env, extraSecretNames, patterns: false });
    const reformatted = JSON.stringify(JSON.parse(json), null, 4);
    const yaml = leaves.map((leaf) => `- ${leaf}`).join('\n');
    const encoded = leaves.map((leaf) => Buffer.from(leaf).toString('base64')).join('\n');
    for (const printed of [json, reformatted, yaml, encoded, 'line one of it\nline "two" of it']) {
      const { text } = redactor.text(printed);
      for (const leaf of [...leaves, 'line one', ...leaves.map((each) => Buffer.from(each).toString('base64'))]) {
        expect(text).not.toContain(leaf);
      }
    }
    // What says nothing alone stays, as otherwise every line that has the word would be hidden.
    const plain = 'service_account deploy https://example.com/token';
    expect(redactor.text(plain).text).toBe(plain);
  });

  it('that is broken, deep or endless is hidden as a whole', () => {
    const deep = `${'['.repeat(5_000)}"leaf-S3cret-1"${']'.repeat(5_000)}`;
    const many = JSON.stringify(Array.from({ length: 5_000 }, (_, at) => `S3cret-value-${at}`));
    for (const value of ['{"a": "un-f1n1shed', deep, many]) {
      const redactor = createRedactor({ env: { MY_SECRET: value }, patterns: false });
      expect(redactor.text(`<${value.slice(0, 16_000)}>`).text).not.toContain('S3cret-value-0"');
    }
  });
});
