// Strings in events.
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../src/run/redact/index.ts';
import { MAX_VALUE_DEPTH } from '../../src/run/redact/values.ts';

const secret = 'abcdefgh12345678';
const redactor = createRedactor({ env: { MY_TOKEN: secret } });

describe('a value of an event', () => {
  it('has every string hidden, keys too, with counts', () => {
    const { value, hidden } = redactor.value({
      type: 'claude.tool_called',
      input: `{"key":"${secret}"}`,
      list: [`a ${secret}`, 1, true, null, undefined, { [secret]: 'AKIAIOSFODNN7EXAMPLE' }],
    });
    expect(value).toEqual({
      type: 'claude.tool_called',
      input: '{"key":"[hidden:MY_TOKEN]"}',
      list: ['a [hidden:MY_TOKEN]', 1, true, null, undefined, { '[hidden:MY_TOKEN]': '[hidden:aws-key-id]' }],
    });
    expect(hidden).toEqual({ environment: 3, 'aws-key-id': 1 });
  });

  it('is the very same where nothing was hidden', () => {
    const event = { type: 'claude.message', text: 'hello', deep: { list: ['x'] } };
    expect(redactor.value(event)).toEqual({ value: event, hidden: undefined });
    expect(redactor.value(event).value).toBe(event);
  });

  it('keeps the type of an event, even if it is a secret', () => {
    const odd = createRedactor({ env: { WORD: 'claude.message' }, extraSecretNames: ['WORD'] });
    expect(odd.value({ type: 'claude.message', text: 'claude.message', in: { type: 'claude.message' } }).value).toEqual(
      {
        type: 'claude.message',
        text: '[hidden:WORD]',
        in: { type: '[hidden:WORD]' },
      },
    );
  });

  it('that is nested too deeply to look through loses what is too deep', () => {
    let nested: unknown = secret;
    for (let depth = 0; depth < MAX_VALUE_DEPTH * 50; depth++) nested = [nested];
    const text = JSON.stringify(redactor.value(nested).value);
    expect(text).not.toContain(secret);
    expect(text).toContain('nested too deeply');
  });

  it('leaves text that is not valid Unicode as it is if nothing is hidden in it', () => {
    expect(redactor.text('\ud800 lone')).toEqual({ text: '\ud800 lone', hidden: undefined });
  });
});
