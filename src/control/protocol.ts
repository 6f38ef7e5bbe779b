// What can be asked of a running run over its control socket, and what it answers: one JSON line each way, one request
// per connection. Pure; control-server.ts and control-client.ts send the lines.

import { type Answer, maxAnswerCharacters, parseAnswer as parseGivenAnswer } from '../core/answer.ts';
import type { AnswerSource } from '../core/claude-event.ts';
import { parseObject } from '../core/json.ts';

/** `by` names who asks, for the journal: `cli`, `api`, or a name of one's own. */
export type ControlRequest =
  /** `now` freezes the running process trees too; else only the next step is held. */
  | { readonly verb: 'pause'; readonly now: boolean; readonly by: string }
  | { readonly verb: 'resume'; readonly by: string }
  /** `now` cuts the grace periods of the running steps short. */
  | { readonly verb: 'cancel'; readonly now: boolean; readonly by: string }
  /** Answers a question of Claude Code, and no other than the one with this id. */
  | {
      readonly verb: 'answer';
      readonly questionId: string;
      readonly answer: Answer;
      readonly by: string;
      readonly from: Via;
    }
  /** Sends a message to Claude Code in a step. */
  | {
      readonly verb: 'tell';
      readonly step: string;
      readonly text: string;
      readonly by: string;
      readonly from: Via;
    }
  /** Ends the turn of Claude Code in a step. */
  | { readonly verb: 'interrupt'; readonly step: string; readonly by: string; readonly from: Via }
  | { readonly verb: 'ping' };

/** From where a person acts. */
export type Via = Exclude<AnswerSource, 'stepspan'>;

export type ControlAnswer =
  /** `message` is a phrase for people, if there is more to say than that it was done. */
  { readonly ok: true; readonly message?: string } | { readonly ok: false; readonly message: string };

/** What a request may be long: an answer has at most 16 Ki characters, of 6 bytes each if all are escaped in JSON. */
export const maxRequestBytes = 128 * 1024;

/** Names that can stand in a journal and on a terminal as they are. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}$/;

/** @returns undefined if the text is not a request of this protocol */
export function parseRequest(text: string): { readonly token: string; readonly request: ControlRequest } | undefined {
  const { token, verb, by, now, ...rest } = parseObject(text) ?? {};
  if (typeof token !== 'string') return undefined;
  if (verb === 'ping') return { token, request: { verb } };
  if (typeof by !== 'string' || !namePattern.test(by)) return undefined;
  if (verb === 'answer') {
    const { questionId, from } = rest;
    const answer = parseGivenAnswer(rest.answer);
    if (typeof questionId !== 'string' || answer === undefined || !isVia(from)) return undefined;
    return { token, request: { verb, questionId, answer, by, from } };
  }
  if (verb === 'tell') {
    const { step, text: message, from } = rest;
    if (typeof step !== 'string' || !isMessage(message) || !isVia(from)) return undefined;
    return { token, request: { verb, step, text: message, by, from } };
  }
  if (verb === 'interrupt') {
    const { step, from } = rest;
    return typeof step === 'string' && isVia(from) ? { token, request: { verb, step, by, from } } : undefined;
  }
  if (now !== undefined && typeof now !== 'boolean') return undefined;
  if (verb === 'resume') return { token, request: { verb, by } };
  if (verb === 'pause' || verb === 'cancel') return { token, request: { verb, by, now: now === true } };
  return undefined;
}

function isVia(value: unknown): value is Via {
  return value === 'cli' || value === 'api' || value === 'page' || value === 'terminal';
}

function isMessage(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= maxAnswerCharacters;
}

/** @returns undefined if the text is not an answer of this protocol */
export function parseAnswer(text: string): ControlAnswer | undefined {
  const { ok, message } = parseObject(text) ?? {};
  if (ok === true) return { ok, ...(typeof message === 'string' ? { message } : {}) };
  return ok === false && typeof message === 'string' ? { ok, message } : undefined;
}
