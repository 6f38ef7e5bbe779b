// The messages in which Claude Code asks, and those that answer it: what "always" means, and requests that nobody knows.
import { expect, test } from 'vitest';
import { allowAnswer, controlMessageIn, describeSuggestions, questionAnswer } from '../../src/run/claude/index.ts';

const asking = (request: object) => ({
  type: 'control_request',
  request_id: 'r1',
  request: { subtype: 'can_use_tool', tool_name: 'Bash', tool_use_id: 't1', input: { command: 'ls' }, ...request },
});

function requestOf(request: object) {
  const message = controlMessageIn(asking(request));
  if (message?.kind !== 'asks') throw new Error('it asks nothing');
  return message.request;
}

const rule = (toolName: string, ruleContent?: string) => ({
  ...{ type: 'addRules', behavior: 'allow', destination: 'localSettings' },
  rules: [{ toolName, ...(ruleContent === undefined ? {} : { ruleContent }) }],
});
const mode = { type: 'setMode', mode: 'acceptEdits', destination: 'session' };
const folder = { type: 'addDirectories', directories: ['/srv'], destination: 'session' };

test.each([
  [[rule('Bash', 'npm test:*'), folder, mode], ['Bash(npm test:*)']],
  [[rule('mcp__github__list')], ['mcp__github__list']],
  [
    [mode, folder],
    ['mode acceptEdits', 'folder /srv'],
  ],
  [[], []],
  [[{ ...rule('Bash', 'x'), behavior: 'deny' }], []],
  [[{ type: 'removeRules', rules: [{ toolName: 'Bash' }] }, mode], []],
  [[{ type: 'addRules', behavior: 'allow', rules: [] }], []],
])('of %j, always allows %j', (suggestions, shown) => {
  const { updates } = requestOf({ permission_suggestions: suggestions });
  expect(describeSuggestions(updates)).toEqual(shown);
});

test('what is always allowed holds for the session, whatever was suggested', () => {
  const request = requestOf({ permission_suggestions: [rule('Bash', 'ls:*')] });
  const { response } = JSON.parse(allowAnswer(request, request.updates)).response;
  expect(response.updatedPermissions).toEqual([{ ...rule('Bash', 'ls:*'), destination: 'session' }]);
  expect(JSON.parse(allowAnswer(request)).response.response).toEqual({
    behavior: 'allow',
    updatedInput: { command: 'ls' },
  });
});

test('answers are given by the text of their question, also if that is `__proto__`', () => {
  const questions = ['__proto__', 'b'].map((question) => ({ question, options: [] }));
  const request = requestOf({ tool_name: 'AskUserQuestion', input: { questions } });
  expect(request.kind).toBe('question');
  expect(questionAnswer(request, ['x', 'y'])).toContain('"answers":{"__proto__":"x","b":"y"}');
});

test('requests of other kinds are named, and withdrawals and other messages read', () => {
  const unknown = { type: 'control_request', request_id: 'r2', request: { subtype: 'hook_callback' } };
  expect(controlMessageIn(unknown)).toEqual({ kind: 'unknown_request', requestId: 'r2', subtype: 'hook_callback' });
  expect(controlMessageIn({ type: 'control_cancel_request', request_id: 'r1' })).toEqual({
    kind: 'withdraws',
    requestId: 'r1',
  });
  expect(controlMessageIn({ type: 'assistant' })).toBeUndefined();
  expect(controlMessageIn({ type: 'control_request' })).toBeUndefined();
  expect(requestOf({ tool_name: 'constructor' }).kind).toBe('permission');
});
