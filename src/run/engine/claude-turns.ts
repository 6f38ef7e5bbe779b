// The turns of one attempt of a Claude step with `ask`: what Claude Code reads as its stdin, messages of people, and the end of a turn
// before its result, for a person who interrupts it or for a pause of the run. Claude Code keeps its session then and waits for the
// next message. Called by claude-attempt.ts.
import { randomUUID } from 'node:crypto';
import { PassThrough, type Readable } from 'node:stream';
import type { Answer } from '../../core/answer.ts';
import type { InterruptCause } from '../../core/claude-event.ts';
import { type JsonObject, objectAt, objectsAt, textAt } from '../../core/json.ts';
import type { Append, Subject } from '../../core/record.ts';
import { continuationPrompt, interruptRequest, userMessage } from '../claude/index.ts';
import type { AttemptTurns } from './attempt.ts';
import type { AcceptAnswer, Accepted, Answerer, AnswerResult } from './questions.ts';

export type ClaudeTurns = AttemptTurns & {
  /** What Claude Code reads as its stdin. */
  readonly input: Readable;
  /** Sends a line of the control protocol. */
  readonly send: (line: string) => void;
  /** Takes every message, as it came. */
  readonly message: (original: JsonObject) => void;
  /** Claude Code has given a result: unless its session continues, nothing more is sent, so that it ends. */
  readonly finish: () => void;
  /** Its turn is being ended before its result. */
  readonly isEnding: () => boolean;
  /** Its turn was ended before its result, and the session waits to continue. */
  readonly isInterrupted: () => boolean;
  /** The attempt has ended. */
  readonly close: () => void;
};

export type ClaudeTurnsOptions = {
  /** The message with the prompt. */
  readonly prompt: string;
  readonly subject: Subject;
  readonly append: Append;
  /** Asks a person how to continue. @returns answers as another person would */
  readonly askHowToContinue: (accept: AcceptAnswer) => AnswerQuestion;
  /** Whether Claude Code has given its result and no turn has begun since. */
  readonly isDone: () => boolean;
  /** Called with true when its turn has been held for a pause of the run, and with false when it continues. */
  readonly onHeld: (isHeld: boolean) => void;
  /** Called when a session continues that was interrupted. */
  readonly onContinued: () => void;
  /** Ends the step. */
  readonly end: (by: string, reason: string) => void;
};

type AnswerQuestion = (answer: Answer, who: Answerer) => AnswerResult;

type Interrupt = { readonly cause: InterruptCause; readonly who: Answerer };

type Turn =
  | { readonly kind: 'running' }
  /** Claude Code has been asked to end its turn. */
  | { readonly kind: 'ending'; readonly requestId: string; readonly interrupt: Interrupt }
  /** A person is asked how to continue. */
  | { readonly kind: 'interrupted'; readonly answer: AnswerQuestion }
  /** The run is paused, and the session continues with it: with these messages of people, or with what it did. */
  | { readonly kind: 'held'; readonly messages: readonly string[]; readonly because: string };

/** What the functions below share. */
type Turns = {
  readonly options: ClaudeTurnsOptions;
  readonly input: PassThrough;
  turn: Turn;
  /** Who has paused the run. */
  pausedBy: Answerer | undefined;
  /** Tool calls of the main agent without a result: between them and the next request to the API is the boundary of a turn. */
  readonly running: Set<string>;
  /** Ids of messages that Claude Code has not taken up yet: it repeats each that it does. */
  readonly unread: Set<string>;
};

const stepspan: Answerer = { by: 'stepspan', from: 'stepspan' };

export function createClaudeTurns(options: ClaudeTurnsOptions): ClaudeTurns {
  const input = new PassThrough();
  const turns: Turns = {
    ...{ options, input, turn: { kind: 'running' }, pausedBy: undefined },
    ...{ running: new Set(), unread: new Set() },
  };
  input.write(options.prompt);
  return {
    input,
    send: (line) => send(turns, line),
    message: (original) => readMessage(turns, original),
    sendMessage: (text, who) => takeMessage(turns, text, who),
    interrupt: (who) => interruptForPerson(turns, who),
    pause(by) {
      turns.pausedBy = by;
    },
    resume() {
      turns.pausedBy = undefined;
      if (turns.turn.kind !== 'held') return;
      const { messages, because } = turns.turn;
      options.onHeld(false);
      continueWith(turns, messages, because);
    },
    isEnding: () => turns.turn.kind === 'ending',
    isInterrupted: () => turns.turn.kind === 'interrupted' || turns.turn.kind === 'held',
    finish() {
      if (turns.turn.kind === 'running' && turns.unread.size === 0) input.end();
    },
    close: () => void input.end(),
  };
}

function send({ input }: Turns, line: string): void {
  if (!input.writableEnded) input.write(line);
}

function readMessage(turns: Turns, message: JsonObject): void {
  const { options, unread, turn } = turns;
  switch (message.type) {
    case 'user': {
      const id = textAt(message, 'uuid') ?? '';
      if (message.isReplay === true && unread.delete(id))
        options.append.event({ type: 'claude.read', messageId: id }, options.subject);
      noteCalls(turns, message);
      break;
    }
    case 'assistant':
      noteCalls(turns, message);
      break;
    case 'control_response': {
      const response = objectAt(message, 'response');
      // It could not be interrupted, so its turn continues.
      const isOurs = turn.kind === 'ending' && textAt(response, 'request_id') === turn.requestId;
      if (isOurs && response.subtype === 'error') turns.turn = { kind: 'running' };
      break;
    }
    case 'result':
      turns.running.clear();
      if (turn.kind === 'ending') endTurn(turns, turn.interrupt, message);
      break;
  }
}

/** Of a paused run, the turn ends when the last of its calls has its result. */
function noteCalls(turns: Turns, message: JsonObject): void {
  if (textAt(message, 'parent_tool_use_id') !== undefined) return;
  const { running } = turns;
  let isBoundary = false;
  for (const block of objectsAt(objectAt(message, 'message'), 'content')) {
    if (block.type === 'tool_use') running.add(textAt(block, 'id') ?? '');
    if (block.type === 'tool_result') isBoundary = running.delete(textAt(block, 'tool_use_id') ?? '') || isBoundary;
  }
  const { pausedBy } = turns;
  if (isBoundary && running.size === 0 && pausedBy !== undefined && turns.turn.kind === 'running')
    interrupt(turns, { cause: 'pause', who: pausedBy });
}

function interrupt(turns: Turns, asked: Interrupt): void {
  const requestId = randomUUID();
  turns.turn = { kind: 'ending', requestId, interrupt: asked };
  turns.options.append.event({ type: 'claude.interrupted', cause: asked.cause, ...asked.who }, turns.options.subject);
  send(turns, interruptRequest(requestId));
}

function interruptForPerson(turns: Turns, who: Answerer): AnswerResult {
  const { turn, input, options } = turns;
  const no = (message: string): AnswerResult => ({ ok: false, message });
  switch (turn.kind) {
    case 'ending':
      return no('its turn is being interrupted already');
    case 'interrupted':
      return no('its turn is interrupted already; answer how it continues');
    case 'held':
      return no('its turn has ended for the pause of the run; continue the run first');
    case 'running':
      if (input.writableEnded || options.isDone()) return no('Claude Code has given its result');
      interrupt(turns, { cause: 'person', who });
      return { ok: true, message: 'its turn is interrupted; answer how it continues' };
  }
}

/** A turn that was to be interrupted has given its result. */
function endTurn(turns: Turns, { cause }: Interrupt, result: JsonObject): void {
  turns.turn = { kind: 'running' };
  // It was faster, or it continues with a message that it has been sent already.
  if (result.subtype === 'success' || turns.unread.size > 0) return;
  if (cause === 'pause') holdOrContinue(turns, [], 'the run was paused');
  else {
    const answer = turns.options.askHowToContinue((given, who) => accept(turns, given, who));
    turns.turn = { kind: 'interrupted', answer };
  }
}

function accept(turns: Turns, answer: Answer, who: Answerer): Accepted {
  const because = 'a person interrupted your turn';
  switch (answer.kind) {
    case 'continue':
      return { ok: true, given: 'continued', text: '', send: () => holdOrContinue(turns, [], because) };
    case 'text': {
      const { text } = answer;
      if (text.trim() === '') return { ok: false, message: 'the text is empty' };
      const proceed = (): void => holdOrContinue(turns, [recordMessage(turns, text, who)], because);
      return { ok: true, given: 'chosen', text, send: proceed };
    }
    case 'end':
      return { ok: true, given: 'ended', text: answer.reason, send: () => turns.options.end(who.by, answer.reason) };
    default:
      return { ok: false, message: 'its turn is interrupted: continue it, send a message, or end the step' };
  }
}

/** In a paused run the session waits for the run to continue. */
function holdOrContinue(turns: Turns, messages: readonly string[], because: string): void {
  if (turns.pausedBy === undefined) continueWith(turns, messages, because);
  else {
    turns.turn = { kind: 'held', messages, because };
    turns.options.onHeld(true);
  }
}

function continueWith(turns: Turns, messages: readonly string[], because: string): void {
  turns.turn = { kind: 'running' };
  const lines = messages.length > 0 ? messages : [recordMessage(turns, continuationPrompt(because), stepspan)];
  for (const line of lines) send(turns, line);
  turns.options.onContinued();
}

/** @returns the line to send */
function recordMessage({ unread, options }: Turns, text: string, who: Answerer): string {
  const messageId = randomUUID();
  unread.add(messageId);
  options.append.event({ type: 'claude.told', messageId, text, ...who }, options.subject);
  return userMessage(text, messageId);
}

function takeMessage(turns: Turns, text: string, who: Answerer): AnswerResult {
  const { turn, input } = turns;
  if (input.writableEnded) return { ok: false, message: 'Claude Code has given its result' };
  switch (turn.kind) {
    case 'interrupted': {
      const answered = turn.answer({ kind: 'text', text }, who);
      return answered.ok ? sent : answered;
    }
    case 'held':
      turns.turn = { ...turn, messages: [...turn.messages, recordMessage(turns, text, who)] };
      return { ok: true, message: 'the message is sent when the run continues' };
    case 'running':
    case 'ending':
      send(turns, recordMessage(turns, text, who));
      return sent;
  }
}

const sent: AnswerResult = { ok: true, message: 'the message is sent' };
