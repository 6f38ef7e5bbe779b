// What a server says back of that by which it knows us.
import { expect, test } from 'vitest';
import { secretsOfAddress, secretsOfHeaders, withoutEcho } from '../../src/core/echo.ts';

test('the parts of a login are found in headers and addresses, and what says what is sent or where is none', () => {
  const headers = {
    Authorization: 'Bearer abc-123-def',
    'X-Api-Key': 'key-4567890',
    'Content-Type': 'application/json',
  };
  expect(secretsOfHeaders(headers, ['content-type'])).toEqual(
    expect.arrayContaining(['Bearer abc-123-def', 'abc-123-def', 'key-4567890']),
  );
  expect(secretsOfHeaders(headers, ['content-type'])).not.toContain('application/json');
  const token = 'x7Q'.repeat(8);
  expect(secretsOfAddress(`https://me:pass-word-1@hooks.example.com/services/T0/${token}?key=${token}2`)).toEqual([
    'pass-word-1',
    token,
    `${token}2`,
  ]);
  expect(secretsOfAddress('http://localhost:4318/otlp-http-gateway-prod/v1/logs')).toEqual(['']);
});

test('each is replaced wherever it occurs, the longest first; what is as short as a word stays', () => {
  const secrets = ['abc-123-def', 'Bearer abc-123-def', 'short', ''];
  const said = 'no Bearer abc-123-def (abc-123-def), short';
  expect(withoutEcho(said, secrets)).toBe('no [hidden:login] ([hidden:login]), short');
});
