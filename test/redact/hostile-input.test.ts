// Text made to be slow: every opening of every rule, over and over.
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../src/run/redact/index.ts';
import { countOf } from './streams.ts';

const MEBIBYTE = 1 << 20;

/** A rule that reads the same bytes again at each opening needs minutes for a mebibyte; the worst here needs 2 s. */
const TEST_TIMEOUT_MS = 60_000;

const openings = [
  'sk-',
  'sk-ant-',
  'sk-proj-a',
  'AKIA',
  'AIza',
  'ghp_',
  'ghs_',
  'github_pat_',
  'xoxb-',
  'hooks.slack.com/',
  'npm_',
  '://',
  '://a:',
  'Bearer ',
  'bearer',
  's_key=',
  'secret_access_key ',
  'session_token',
  '-----BEGIN ',
  '-----BEGIN PRIVATE KEY-----',
  '-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAAAAAAAAAAAAAAAAA\n',
  'sk-ant-api01\n',
  'ghp_a\\n',
  '\\',
  '\\\\n',
  '\n',
  ' ',
  '-',
  'm',
  '1;',
  '%20',
];

describe('a mebibyte of hostile text', () => {
  const redactor = createRedactor({
    env: {
      A_TOKEN: `${'a'.repeat(30)}b`,
      B_TOKEN: 'abababababababababababab',
      C_TOKEN: 'pa\\ss\\nword\\xyz',
    },
  });

  it.each([...openings, 'a', 'ab', 'ab\n', 'a\\n'].map((text) => [text]))(
    'made of %j gets through, its line ends counted',
    (piece) => {
      const text = piece.repeat(Math.ceil(MEBIBYTE / piece.length));
      const stream = redactor.stream();
      let lines = 0;
      for (let at = 0; at < text.length; at += 65_536)
        lines += countOf(stream.push(Buffer.from(text.slice(at, at + 65_536))).bytes.toString('latin1'), '\n');
      lines += countOf(stream.end().bytes.toString('latin1'), '\n');
      expect(lines).toBe(countOf(text, '\n'));
      expect(redactor.text(text).text.length).toBeGreaterThan(0);
    },
    TEST_TIMEOUT_MS,
  );
});
