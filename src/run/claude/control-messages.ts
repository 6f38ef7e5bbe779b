// The control protocol of Claude Code with `--input-format stream-json`: the messages in which it asks, and those that answer it.
// Pure: one line of JSON each way. Tried with 2.0.73 to 2.1.332.
import { choicesIn } from '../../core/answer.ts';
import { isObject, type JsonObject, objectAt, objectsAt, textAt } from '../../core/json.ts';
import type { ClaudeQuestionKind } from '../../core/question.ts';

/** A message that asks whether a tool may be used. The call waits until it is answered. */
export type PermissionRequest = {
  readonly requestId: string;
  readonly kind: ClaudeQuestionKind;
  readonly tool: string;
  readonly toolUseId: string;
  readonly input: JsonObject;
  /** What Claude Code offers to allow from then on. */
  readonly updates: readonly JsonObject[];
};

export type ControlMessage =
  | { readonly kind: 'asks'; readonly request: PermissionRequest }
  /** It wants something that stepspan cannot do. */
  | { readonly kind: 'unknown_request'; readonly requestId: string; readonly subtype: string }
  /** It no longer wants an answer. */
  | { readonly kind: 'withdraws'; readonly requestId: string };

const kinds: Readonly<Record<string, ClaudeQuestionKind>> = { AskUserQuestion: 'question', ExitPlanMode: 'plan' };

/** @returns undefined for every other message */
export function controlMessageIn(message: JsonObject): ControlMessage | undefined {
  const requestId = textAt(message, 'request_id');
  if (requestId === undefined) return undefined;
  if (message.type === 'control_cancel_request') return { kind: 'withdraws', requestId };
  if (message.type !== 'control_request') return undefined;
  const request = objectAt(message, 'request');
  const subtype = textAt(request, 'subtype') ?? '';
  if (subtype !== 'can_use_tool') return { kind: 'unknown_request', requestId, subtype };
  const tool = textAt(request, 'tool_name') ?? '';
  return {
    kind: 'asks',
    request: {
      requestId,
      kind: Object.hasOwn(kinds, tool) ? (kinds[tool] ?? 'permission') : 'permission',
      tool,
      toolUseId: textAt(request, 'tool_use_id') ?? '',
      input: objectAt(request, 'input'),
      updates: updatesIn(request),
    },
  };
}

/**
 * Claude Code offers a rule for such calls and, beside it, to trust a folder or to accept all edits: a person who always allows a call means
 * the narrowest of them. Without a rule, as for a change of a file, it takes the others together.
 */
function updatesIn(request: JsonObject): readonly JsonObject[] {
  const all = objectsAt(request, 'permission_suggestions');
  const rules = all.filter(({ type }) => type === 'addRules');
  return rules.length > 0 ? rules : all;
}

/**
 * The first message of a session, and each one that continues it.
 * @param id Claude Code repeats the message with it when it takes the message up
 */
export function userMessage(text: string, id?: string): string {
  const message = { role: 'user', content: text };
  const uuid = id === undefined ? {} : { uuid: id };
  return lineOf({ type: 'user', message, parent_tool_use_id: null, session_id: '', ...uuid });
}

/** Ends the turn: Claude Code reports a result, keeps its session, and takes the next message. */
export function interruptRequest(requestId: string): string {
  return lineOf({ type: 'control_request', request_id: requestId, request: { subtype: 'interrupt' } });
}

/** @param updates rules that hold from then on; only for this session, whatever Claude Code suggested */
export function allowAnswer({ requestId, input }: PermissionRequest, updates: readonly JsonObject[] = []): string {
  const session = updates.map((update) => ({ ...update, destination: 'session' }));
  const updated = session.length === 0 ? {} : { updatedPermissions: session };
  return success(requestId, { behavior: 'allow', updatedInput: input, ...updated });
}

/** @param reason reaches the model as the result of the call */
export function denyAnswer({ requestId }: PermissionRequest, reason: string): string {
  return success(requestId, { behavior: 'deny', message: reason });
}

/** @param answers one text for each of the questions, in their order */
export function questionAnswer(request: PermissionRequest, answers: readonly string[]): string {
  const questions = choicesIn(JSON.stringify(request.input)).map(({ question }) => question);
  const given = Object.fromEntries(questions.map((question, index) => [question, answers[index] ?? '']));
  const updatedInput = { ...request.input, answers: given };
  return success(request.requestId, { behavior: 'allow', updatedInput });
}

export function errorAnswer(requestId: string, error: string): string {
  return lineOf({ type: 'control_response', response: { subtype: 'error', request_id: requestId, error } });
}

function success(requestId: string, response: JsonObject): string {
  return lineOf({ type: 'control_response', response: { subtype: 'success', request_id: requestId, response } });
}

function lineOf(message: JsonObject): string {
  return `${JSON.stringify(message)}\n`;
}

/**
 * What "always" would allow, each as people write it: `Bash(npm test:*)`, `mode acceptEdits`, `folder /srv/data`. Empty if one of
 * the suggestions is of a kind that cannot be shown: nobody allows what they cannot read.
 */
export function describeSuggestions(updates: readonly JsonObject[]): readonly string[] {
  const all = updates.map(describeUpdate);
  return all.some((each) => each === undefined) ? [] : all.flatMap((each) => each ?? []);
}

function describeUpdate(update: JsonObject): readonly string[] | undefined {
  switch (update.type) {
    case 'addRules': {
      if (update.behavior !== 'allow') return undefined;
      const rules = objectsAt(update, 'rules').map(ruleText);
      return rules.length === 0 || rules.includes('') ? undefined : rules;
    }
    case 'setMode':
      return typeof update.mode === 'string' ? [`mode ${update.mode}`] : undefined;
    case 'addDirectories': {
      const folders = Array.isArray(update.directories) ? update.directories : [];
      return folders.every((each) => typeof each === 'string') ? folders.map((each) => `folder ${each}`) : undefined;
    }
    default:
      return undefined;
  }
}

function ruleText(rule: unknown): string {
  if (!isObject(rule)) return '';
  const tool = textAt(rule, 'toolName') ?? '';
  const content = textAt(rule, 'ruleContent');
  return content === undefined || content === '' ? tool : `${tool}(${content})`;
}
