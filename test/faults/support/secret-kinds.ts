// Secrets of each kind that stepspan promises to hide, made from the seed: how each is printed, which parts nobody may see,
// and what replaces it. The formats are those of docs/redaction.md, written again here and not taken from the redactor.
import { generateKeyPairSync } from 'node:crypto';
import type { Random } from './random.ts';

export type Secret = {
  /** As the replacement names it. */
  readonly name: string;
  /** What a child prints, in one line or several. */
  readonly text: string;
  /** The same with the replacement in it; undefined if a character may stay beside it, as in base64. */
  readonly shown: string | undefined;
};

export type Secrets = {
  readonly printed: readonly Secret[];
  /** Variables of the environment of a run. */
  readonly env: Readonly<Record<string, string>>;
  /** The values that stand in the workflow itself, by their variable. */
  readonly inWorkflow: Readonly<Record<'DB_PASSWORD' | 'STEP_TOKEN', string>>;
  readonly named: string;
  readonly apiToken: string;
  readonly webhookPath: string;
  readonly urlPassword: string;
  /** By what they look like, as they are. */
  readonly tokens: readonly string[];
  readonly pem: string;
  /** Nothing of this may be anywhere: each secret in each form, and each half of those that are known by value. */
  readonly forbidden: ReadonlySet<string>;
};

const chars = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

export function makeSecrets(random: Random): Secrets {
  const word = (length: number, from = chars): string =>
    // A letter and a digit at least, as in every token that is given out.
    `${from === chars ? 'x7' : ''}${Array.from({ length }, () => from[random.between(0, from.length - 1)]).join('')}`.slice(
      0,
      length,
    );
  const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const values = {
    MY_TOKEN: `Zq/${word(6)}+a"b\\c~d&e=${word(5)}`,
    PLAIN_WORDS: `just ${word(5).toLowerCase()} words in a row 7`,
    DB_PASSWORD: `wf-${word(12)}`,
    STEP_TOKEN: `step-${word(12)}`,
    STEPSPAN_PARAM_API_TOKEN: `param-${word(12)}`,
    UMLAUT_SECRET: `schlüssel-${word(6)}-ß€-${word(4)}`,
    OTEL_EXPORTER_OTLP_HEADERS: word(24),
  };
  const urlPassword = `Pw-${word(9)}`;
  const webhookPath = `T${word(8)}/B${word(8)}/${word(24)}`;
  const jwt = `eyJ${word(30)}.eyJ${word(60)}.${word(43)}`;
  const awsSecret = `${word(36)}/+aB`;
  const slackHook = `services/T${word(8, upper)}/B${word(8, upper)}/${word(24)}`;
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().trim();

  const tokens: readonly (readonly [name: string, token: string])[] = [
    ['anthropic-key', `sk-ant-api03-${word(93)}AA`],
    ['openai-key', `sk-proj-${word(74)}T3BlbkFJ${word(66)}`],
    ['openai-key', `sk-${word(48)}`],
    ['aws-key-id', `AKIA${word(16, upper)}`],
    ['gcp-key', `AIza${word(35)}`],
    ['gcp-key', `GOCSPX-${word(28)}`],
    ['github-token', `ghp_${word(36)}`],
    ['github-token', `github_pat_${word(22)}_${word(59)}`],
    ['slack-token', `xoxb-123456789012-1234567890123-${word(24)}`],
    ['npm-token', `npm_${word(36)}`],
  ];
  const password = word(20);
  const printed = printedSecrets({ values, tokens, jwt, awsSecret, slackHook, password, urlPassword, pem });
  const known = Object.values(values);
  const looks = [...tokens.map(([, token]) => token), jwt, awsSecret, slackHook];
  return {
    printed,
    env: {
      MY_TOKEN: values.MY_TOKEN,
      PLAIN_WORDS: values.PLAIN_WORDS,
      UMLAUT_SECRET: values.UMLAUT_SECRET,
      DATABASE_URL: `postgres://app:${urlPassword}@db/app`,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${values.OTEL_EXPORTER_OTLP_HEADERS}`,
    },
    inWorkflow: { DB_PASSWORD: values.DB_PASSWORD, STEP_TOKEN: values.STEP_TOKEN },
    named: values.PLAIN_WORDS,
    apiToken: values.STEPSPAN_PARAM_API_TOKEN,
    webhookPath,
    urlPassword,
    tokens: tokens.map(([, token]) => token),
    pem,
    forbidden: new Set([
      ...[...known, urlPassword, webhookPath].flatMap(formsOf),
      ...[...looks, password].flatMap((text) => [text, jsonOf(text)]),
      ...pem.split('\n').slice(1, -1),
      ...known.flatMap(halvesOf),
    ]),
  };
}

type Parts = {
  readonly values: Readonly<Record<string, string>>;
  readonly tokens: readonly (readonly [name: string, token: string])[];
} & Readonly<Record<'jwt' | 'awsSecret' | 'slackHook' | 'password' | 'urlPassword' | 'pem', string>>;

/** Each secret as a child prints it: by itself, and inside of what it is usually found in. */
function printedSecrets(parts: Parts): readonly Secret[] {
  const { values, tokens, jwt, awsSecret, slackHook, password, urlPassword, pem } = parts;
  const marked = (name: string): string => `[hidden:${name}]`;
  const within = (name: string, before: string, secret: string, after = ''): Secret => ({
    name,
    text: `${before}${secret}${after}`,
    shown: `${before}${marked(name)}${after}`,
  });
  return [
    ...Object.entries(values).flatMap(([name, value]) => [
      within(name, '', value),
      within(name, '{"key":"', jsonOf(value), '"}'),
      within(name, 'q=', encodeURIComponent(value), '&r=1'),
      within(name, '', Buffer.from(value).toString('hex')),
      ...[0, 1, 2].map((shift) => {
        const longer = Buffer.from(`${'u'.repeat(shift)}${value} and more`).toString('base64');
        return { name, text: longer, shown: undefined };
      }),
    ]),
    ...tokens.map(([name, token]) => within(name, '', token)),
    within('bearer-token', 'Authorization: Bearer ', jwt),
    within('aws-secret-key', 'aws_secret_access_key = ', awsSecret),
    within('slack-webhook', 'https://hooks.slack.com/', slackHook),
    within('url-password', 'redis://:', password, '@cache:6379/0'),
    within('DATABASE_URL', 'postgres://app:', urlPassword, '@db/app'),
    within('private-key', '', pem.replaceAll('\n', '\\n')),
    { name: 'private-key', text: pem, shown: undefined },
  ];
}

export function jsonOf(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Whole, and as it appears inside of something longer, without the characters that also hold bits of their neighbours. */
function formsOf(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  const base64 = [0, 1, 2].flatMap((shift) =>
    (['base64', 'base64url'] as const).map((encoding) =>
      Buffer.concat([Buffer.alloc(shift), bytes])
        .toString(encoding)
        .slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6)),
    ),
  );
  return [text, ...base64, bytes.toString('hex'), encodeURIComponent(text), jsonOf(text), jsonOf(jsonOf(text))];
}

function halvesOf(value: string): readonly string[] {
  const length = Math.ceil(value.length / 2);
  return Array.from({ length: value.length - length + 1 }, (_, at) => value.slice(at, at + length));
}
