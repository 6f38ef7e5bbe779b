// Well-known keys and tokens, wherever they stand and however they are read; and what only looks like one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor, type RedactionKind } from '../../src/run/redact/index.ts';
import { countOf, cutAt, feed, inTwo } from './streams.ts';

const redactor = createRedactor({ env: {} });

/** Digits and letters that look drawn at random, without being anybody's key. */
const random = (length: number): string =>
  'q7Zt2LmX9vKc4RwB8nYs6HdJ1pGf5TaE3uQoViWk0xNbMzCl'.repeat(4).slice(0, length);

type Sample = { readonly kind: RedactionKind; readonly before?: string; readonly secret: string };

const samples: Readonly<Record<string, Sample>> = {
  'an API key of Anthropic': { kind: 'anthropic-key', secret: `sk-ant-api03-${random(93)}AA` },
  'an OAuth token of Claude Code': { kind: 'anthropic-key', secret: `sk-ant-oat01-${random(93)}AA` },
  'a key glued to a word': { kind: 'anthropic-key', before: 'mykey', secret: `sk-ant-api03-${random(93)}AA` },
  'a project key of OpenAI': { kind: 'openai-key', secret: `sk-proj-${random(74)}T3BlbkFJ${random(66)}` },
  'an older key of OpenAI': { kind: 'openai-key', secret: `sk-${random(20)}T3BlbkFJ${random(20)}` },
  'a key of OpenRouter': { kind: 'openai-key', secret: `sk-or-v1-${random(64)}` },
  'an access key id of AWS': { kind: 'aws-key-id', secret: 'AKIAIOSFODNN7EXAMPLE' },
  'a temporary key id of AWS': { kind: 'aws-key-id', secret: 'ASIAIOSFODNN7EXAMPLE' },
  'a secret key in an AWS profile': {
    kind: 'aws-secret-key',
    before: 'aws_secret_access_key = ',
    secret: `${random(36)}/+aB`,
  },
  'a secret key in the environment': {
    kind: 'aws-secret-key',
    before: 'AWS_SECRET_ACCESS_KEY=',
    secret: `${random(36)}/+aB`,
  },
  'a secret key in JSON': { kind: 'aws-secret-key', before: '"SecretAccessKey": "', secret: `${random(36)}/+aB` },
  'a secret key in JSON inside JSON': {
    kind: 'aws-secret-key',
    before: '\\"SecretAccessKey\\": \\"',
    secret: `${random(36)}/+aB`,
  },
  'a session token of AWS': { kind: 'aws-secret-key', before: '"SessionToken": "', secret: `${random(180)}==` },
  'an API key of Google': { kind: 'gcp-key', secret: `AIza${random(35)}` },
  'an OAuth token of Google': { kind: 'gcp-key', secret: `ya29.${random(120)}` },
  'a personal token of GitHub': { kind: 'github-token', secret: `ghp_${random(36)}` },
  'an OAuth token of GitHub': { kind: 'github-token', secret: `gho_${random(36)}` },
  'a user token of GitHub': { kind: 'github-token', secret: `ghu_${random(36)}` },
  'an app token of GitHub': { kind: 'github-token', secret: `ghs_${random(36)}` },
  'a refresh token of GitHub': { kind: 'github-token', secret: `ghr_${random(76)}` },
  'a fine-grained token of GitHub': { kind: 'github-token', secret: `github_pat_${random(22)}_${random(59)}` },
  'a bot token of Slack': { kind: 'slack-token', secret: `xoxb-123456789012-1234567890123-${random(24)}` },
  'a user token of Slack': { kind: 'slack-token', secret: `xoxp-123456789012-1234567890123-${random(32)}` },
  'an app token of Slack': { kind: 'slack-token', secret: `xapp-1-A0123456789-1234567890123-${random(64)}` },
  'a webhook of Slack': {
    kind: 'slack-webhook',
    before: 'https://hooks.slack.com/',
    secret: `services/T01234567/B01234567/${random(24)}`,
  },
  'a token of npm': { kind: 'npm-token', before: '//registry.example.org/:_authToken=', secret: `npm_${random(36)}` },
  'a bearer token': { kind: 'bearer-token', before: 'Authorization: Bearer ', secret: random(40) },
  'a bearer token in a small-letter header': {
    kind: 'bearer-token',
    before: 'authorization: bearer ',
    secret: `${random(20)}.${random(30)}.${random(20)}`,
  },
  'a password in a URL': { kind: 'url-password', before: 'postgres://app:', secret: 'hunter22' },
  'a password in a URL without a user': { kind: 'url-password', before: 'redis://:', secret: 'hunter22' },
};

const after: Readonly<Record<string, string>> = { 'url-password': '@db.example.org/x' };

describe('a well-known format', () => {
  it.each(Object.entries(samples))('hides %s', (_, { kind, before = '', secret }) => {
    const end = after[kind] ?? '';
    for (const [left, right] of [
      ['', ''],
      ['see ', ' there'],
      ['"', '"'],
      ["'", "',"],
      ['\u001b[31m', '\u001b[0m'],
      ['{"a":"x\\n', '\\ny"}'],
      ['=', '&b=1'],
      ['(', ').'],
      ['a%3D', ''],
      ['\\u0022', ''],
    ]) {
      const { text, hidden } = redactor.text(`${left}${before}${secret}${end}${right}`);
      expect(text).toBe(`${left}${before}[hidden:${kind}]${end}${right}`);
      expect(hidden).toEqual({ [kind]: 1 });
    }
  });

  it.each(Object.entries(samples))('hides %s at every split into two reads', (_, { kind, before = '', secret }) => {
    const text = `one\nsee ${before}${secret}${after[kind] ?? ''} there\n`;
    const expected = { text: `one\nsee ${before}[hidden:${kind}]${after[kind] ?? ''} there\n`, hidden: { [kind]: 1 } };
    for (const parts of inTwo(text))
      expect({ parts, ...feed(redactor.stream(), parts) }).toEqual({ parts, ...expected });
    const bytes = Array.from(Buffer.from(text), (byte) => Buffer.from([byte]));
    expect(feed(redactor.stream(), bytes)).toEqual(expected);
  });

  it.each([
    ['anthropic-key', `sk-ant-api03-${random(93)}AA`],
    ['github-token', `ghp_${random(36)}`],
    ['github-token', `github_pat_${random(22)}_${random(59)}`],
    ['aws-key-id', 'AKIAIOSFODNN7EXAMPLE'],
    ['gcp-key', `AIza${random(35)}`],
    ['npm-token', `npm_${random(36)}`],
    ['openai-key', `sk-${random(20)}T3BlbkFJ${random(20)}`],
  ])('hides a %s that a line end breaks anywhere behind its opening, in one read and in two', (kind, secret) => {
    for (let at = 14; at < secret.length; at++) {
      const [head, tail] = [`see ${secret.slice(0, at)}\n`, `${secret.slice(at)} there\n`];
      const expected = { text: `see [hidden:${kind}]\n there\n`, hidden: { [kind]: 1 } };
      expect({ at, ...feed(redactor.stream(), [head + tail]) }).toEqual({ at, ...expected });
      expect({ at, ...feed(redactor.stream(), [head, tail]) }).toEqual({ at, ...expected });
    }
  });

  it('hides a long key that was folded into many lines', () => {
    const secret = `sk-ant-api03-${random(93)}AA`;
    const folded = secret.replace(/.{40}/g, '$&\n');
    const expected = { text: '[hidden:anthropic-key]\n\n\n', hidden: { 'anthropic-key': 1 } };
    expect(feed(redactor.stream(), [`${folded}\n`])).toEqual(expected);
    expect(feed(redactor.stream(), `${folded}\n`.split(/(?<=\n)/))).toEqual(expected);
  });

  it('hides a long key that was folded into lines inside JSON, at every split into two reads', () => {
    const json = JSON.stringify({ key: `sk-ant-api03-${random(93)}AA`.replace(/.{40}/g, '$&\n') });
    const expected = { text: '{"key":"[hidden:anthropic-key]"}', hidden: { 'anthropic-key': 1 } };
    for (const parts of inTwo(json))
      expect({ parts, ...feed(redactor.stream(), parts) }).toEqual({ parts, ...expected });
  });

  it('is named by its variable when it is a known secret as well, and counted once', () => {
    const secret = `sk-ant-api03-${random(93)}AA`;
    const known = createRedactor({ env: { ANTHROPIC_API_KEY: secret } });
    expect(known.text(`Bearer ${secret}`)).toEqual({
      text: 'Bearer [hidden:ANTHROPIC_API_KEY]',
      hidden: { environment: 1 },
    });
  });

  it('is not looked for when formats are switched off', () => {
    const off = createRedactor({ env: {}, patterns: false });
    for (const { before = '', secret } of Object.values(samples)) {
      expect(off.text(`${before}${secret}@`).hidden).toBeUndefined();
    }
  });
});

describe('what only looks like a secret', () => {
  it.each([
    'commit da39a3ee5e6b4b0d3255bfef95601890afd80709',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  file',
    '123e4567-e89b-12d3-a456-426614174000',
    'sha512-k2yk5wO/8nVf2yv7Qp0Zf0yE1xq0r3Z0pQx5u6c1Yv0bq9l3n8mXo2s4t6w8y0A1B2C3D4E5F6G7H8I9J0KLMNO==',
    Buffer.from('an ordinary text of some length, in base64, with 123 digits').toString('base64'),
    'task-runner-with-a-very-long-name-0123456789 disk-usage-report-2026-11-23-final risk-assessment-of-2026',
    'task-proj-0123456789abcdefghijklmn',
    'running sk-folding-cube-animation-loader-container-2',
    'ant task-ant-build-the-whole-thing-2026',
    'sk- sk-ant- sk-proj- AKIA ghp_ github_pat_ xoxb- npm_ are prefixes',
    'AKIA0123 and XAKIAIOSFODNN7EXAMPLE and AKIAIOSFODNN7EXAMPLEX',
    'npm_config_registry=x npm_lifecycle_event npm_package_version_of_something_long_12345',
    'https://example.org:8080/a/b?c=d@e and git@github.com:a/b.git and mailto:me@example.org',
    'http://localhost:3000/@vite/client ws://host:1/@x',
    'https://user@example.org/ https://user:$PASSWORD@example.org/ https://user:***@example.org/',
    'https://hooks.slack.com/services/ is where they go',
    'a forbearer abcdefgh0123456789',
    'the bearer of this letter; bearer authentication-required; Bearer realm="example"; Bearer token',
    'aws_secret_access_key = <your key> and SecretAccessKey: missing, s_key',
    'aws_secret_access_key_rotation da39a3ee5e6b4b0d3255bfef95601890afd80709',
    'BEGIN; SELECT 1; -----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBa\n-----END CERTIFICATE-----',
    'a header is written as -----BEGIN PRIVATE KEY----- and so on, see RFC 7468',
    '-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0Z3VS5JJcds3xfn\n-----END PUBLIC KEY-----',
    '--------------------------------------------------------------------------------',
    'src/skeleton/task.ts:12:3 - error TS2304: cannot find name sk',
  ])('stays: %s', (text) => {
    expect(redactor.text(text)).toEqual({ text, hidden: undefined });
    expect(feed(redactor.stream(), [`${text}\n`])).toEqual({ text: `${text}\n`, hidden: {} });
  });

  it('stays after redaction: hidden text is not hidden again', () => {
    for (const { kind, before = '', secret } of Object.values(samples)) {
      const once = redactor.text(`${before}${secret}${after[kind] ?? ''}`).text;
      expect(redactor.text(once)).toEqual({ text: once, hidden: undefined });
    }
  });
});

describe('formats in any text', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...Object.values(samples).map(({ before = '', secret, kind }) => `${before}${secret}${after[kind] ?? ''}`),
    ),
    fc.constantFrom(
      'sk-',
      'sk-ant-',
      '://',
      'a:b@',
      'Bearer ',
      '-----BEGIN ',
      'PRIVATE KEY-----',
      '\n',
      '\r\n',
      '\\n',
      ' ',
      'AKIA',
      random(30),
      's_key=',
      '-----END PRIVATE KEY-----',
    ),
    fc.string({ maxLength: 12 }),
  );

  it('give the same output however the lines are read, in which line ends are as before', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 6 }), (pieces, places) => {
        const text = Buffer.from(pieces.join(''));
        const whole = feed(redactor.stream(), [text]);
        const split = feed(redactor.stream(), cutAt(text, places));
        expect(countOf(whole.text, '\n')).toBe(countOf(text.toString(), '\n'));
        expect(countOf(split.text, '\n')).toBe(countOf(text.toString(), '\n'));
        expect(split).toEqual(whole);
      }),
      { numRuns: 1000 },
    );
  });
});
