// The kinds of API errors, from what Claude Code was seen to say of them.
import { describe, expect, test } from 'vitest';
import { type ApiErrorKind, classifyApiError } from '../../src/run/claude/api-error.ts';

describe('the kind of an API error', () => {
  const texts: readonly (readonly [string, ApiErrorKind])[] = [
    ['Credit balance is too low', 'credit'],
    ['Credit balance too low · Add funds: https://platform.claude.com/settings/billing', 'credit'],
    ["You've hit your monthly spend limit · your limit resets Dec 1", 'credit'],
    ["Failed to authenticate: your claude.ai login expired, and the key doesn't have enough credit", 'credit'],
    ['Not logged in · Please run /login', 'auth'],
    ['Invalid API key · Fix external API key', 'auth'],
    ['OAuth token has expired', 'auth'],
    ['OAuth token revoked · Please run /login', 'auth'],
    ['Failed to authenticate: OAuth session expired and could not be refreshed', 'auth'],
    ['This organization has been disabled.', 'auth'],
    ['API Error: 401 {"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}', 'auth'],
    ['Claude AI usage limit reached|1764300000', 'rate_limited'],
    ["You've hit your session limit · resets 3pm (Europe/Berlin)", 'rate_limited'],
    ['5-hour limit reached ∙ resets 3pm', 'rate_limited'],
    ['API Error: 429 {"type":"error","error":{"type":"rate_limit_error","message":"x"}}', 'rate_limited'],
    ['API Error: 529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', 'overloaded'],
    ['API Error: 500 {"type":"error","error":{"type":"api_error","message":"Internal server error"}}', 'overloaded'],
    ['API Error: 503 no healthy upstream', 'overloaded'],
    ['Prompt is too long', 'invalid_request'],
    ['There’s an issue with the selected model (nope). Run --model to pick another', 'invalid_request'],
    ['API Error: 400 due to tool use concurrency issues.', 'invalid_request'],
    ['API Error: Connection error.', 'network'],
    ['API Error: Request timed out.', 'network'],
    ['Unable to connect to API (ECONNREFUSED)', 'network'],
    ['something that nobody has seen', 'unknown'],
    ['', 'unknown'],
  ];
  test.each(texts)('of the text "%s" is %s', (text, kind) => {
    expect(classifyApiError({ text })).toBe(kind);
  });

  const statuses: readonly (readonly [number, ApiErrorKind])[] = [
    [400, 'invalid_request'],
    [401, 'auth'],
    [402, 'credit'],
    [403, 'auth'],
    [404, 'invalid_request'],
    [413, 'invalid_request'],
    [429, 'rate_limited'],
    [500, 'overloaded'],
    [502, 'overloaded'],
    [529, 'overloaded'],
    [200, 'unknown'],
  ];
  test.each(statuses)('of status %i alone is %s', (status, kind) => {
    expect(classifyApiError({ status })).toBe(kind);
  });

  test('of the word of the CLI itself goes before the status', () => {
    expect(classifyApiError({ status: 400, code: 'billing_error' })).toBe('credit');
    expect(classifyApiError({ status: 404, code: 'model_not_found' })).toBe('invalid_request');
    expect(classifyApiError({ code: 'oauth_org_not_allowed' })).toBe('auth');
    expect(classifyApiError({ status: 529, code: 'unknown' })).toBe('overloaded');
  });

  test('of a text goes before status and word: no credit comes with status 400', () => {
    expect(classifyApiError({ status: 400, code: 'invalid_request', text: 'Credit balance is too low' })).toBe(
      'credit',
    );
    expect(classifyApiError({ status: 403, text: 'rate limit reached' })).toBe('rate_limited');
  });
});
