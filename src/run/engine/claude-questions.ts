// The questions of one attempt of a Claude step with `ask`: from the messages in which Claude Code asks to open questions of the run,
// and from answers to the messages that it reads. While one is open, the timeout and the stall clocks of the attempt stand still.
// Called by claude-attempt.ts.
import { randomUUID } from 'node:crypto';
import { PassThrough, type Readable } from 'node:stream';
import { type Answer, answersTo, type Choice, choicesIn } from '../../core/answer.ts';
import { formatSetDuration } from '../../core/duration.ts';
import { type JsonObject, textAt } from '../../core/json.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { ClaudeQuestionKind } from '../../core/question.ts';
import type { Append, Subject } from '../../core/record.ts';
import { cutMiddle, sizeOf } from '../../text/cut-middle.ts';
import type { Ask } from '../../workflow/ask.ts';
import {
  allowAnswer,
  type ControlMessage,
  controlMessageIn,
  denyAnswer,
  describeSuggestions,
  errorAnswer,
  type PermissionRequest,
  questionAnswer,
  userMessage,
} from '../claude/index.ts';
import { createPausableTimer } from '../process/index.ts';
import type { Accepted, Answerer, AnswerResult, NewQuestion, Questions } from './questions.ts';

export type ClaudeQuestions = {
  /** What Claude Code reads as its stdin. */
  readonly input: Readable;
  /** Takes every message, as it came and with its secrets taken out. */
  readonly message: (original: JsonObject, shown: JsonObject) => void;
  /** Sends a message of a person, which Claude Code takes up within its turn or after it. */
  readonly sendMessage: (text: string, who: Answerer) => AnswerResult;
  /** Claude Code has given a result: unless a message waits to be read, nothing more is sent, so that it ends. */
  readonly finish: () => void;
  /** The attempt has ended. What is still open is closed without an answer. */
  readonly close: () => void;
};

export type ClaudeQuestionsOptions = {
  readonly ask: Extract<Ask, { kind: 'wait' }>;
  /** The message with the prompt. */
  readonly prompt: string;
  readonly subject: Subject;
  readonly questions: Questions;
  readonly append: Append;
  /** Called with true when the first question is opened, and with false when the last one is answered. */
  readonly onWaiting: (isWaiting: boolean) => void;
  readonly stop: (outcome: Outcome, why: string) => void;
};

/** Of the input of a call in its event: a whole file that is to be written. What is longer lacks its middle, and says so. */
const maxInputBytes = 256 * 1024;

/** Questions at once. A session asks one after the other, and its subagents beside it; more is a loop. */
const maxOpen = 100;

type ClaudeAsked = NewQuestion['asked'] & { readonly kind: ClaudeQuestionKind };

type OpenQuestion = {
  /** With the input as Claude Code gave it. */
  readonly request: PermissionRequest;
  readonly asked: ClaudeAsked;
  readonly end: (given: 'unanswered' | 'withdrawn') => void;
};

/** What the functions below share. */
type Asking = {
  readonly options: ClaudeQuestionsOptions;
  readonly input: PassThrough;
  /** By the id that Claude Code gave its request. */
  readonly open: Map<string, OpenQuestion>;
  /** Ids of messages that Claude Code has not taken up yet: it repeats each that it does. */
  readonly unread: Set<string>;
};

export function createClaudeQuestions(options: ClaudeQuestionsOptions): ClaudeQuestions {
  const asking: Asking = { options, input: new PassThrough(), open: new Map(), unread: new Set() };
  asking.input.write(options.prompt);
  return {
    input: asking.input,
    message(original, shown) {
      if (original.isReplay === true) asking.unread.delete(textAt(original, 'uuid') ?? '');
      const message = controlMessageIn(original);
      if (message === undefined) return;
      const visible = controlMessageIn(shown);
      readMessage(asking, message, visible?.kind === 'asks' ? visible.request : undefined);
    },
    sendMessage: (text, who) => sendMessage(asking, text, who),
    finish() {
      if (asking.unread.size === 0) asking.input.end();
    },
    close() {
      for (const { end } of asking.open.values()) end('unanswered');
      asking.input.end();
    },
  };
}

function readMessage(asking: Asking, message: ControlMessage, shown: PermissionRequest | undefined): void {
  switch (message.kind) {
    case 'withdraws':
      asking.open.get(message.requestId)?.end('withdrawn');
      break;
    case 'unknown_request':
      send(asking, errorAnswer(message.requestId, `stepspan cannot answer requests of the kind ${message.subtype}`));
      break;
    case 'asks':
      if (asking.open.size >= maxOpen)
        send(
          asking,
          denyAnswer(message.request, `${maxOpen} calls wait for a permission already. Ask for less at once.`),
        );
      else openQuestion(asking, message.request, shown ?? message.request);
      break;
  }
}

function send({ input }: Asking, line: string): void {
  if (!input.writableEnded) input.write(line);
}

function sendMessage(asking: Asking, text: string, who: Answerer): AnswerResult {
  const { input, unread, options } = asking;
  if (input.writableEnded) return { ok: false, message: 'Claude Code has given its result' };
  const id = randomUUID();
  unread.add(id);
  options.append.event({ type: 'claude.told', text, ...who }, options.subject);
  send(asking, userMessage(text, id));
  return { ok: true, message: 'the message is sent' };
}

function openQuestion(asking: Asking, request: PermissionRequest, shown: PermissionRequest): void {
  const { open, options } = asking;
  const { ask, questions, subject } = options;
  const asked = askedOf(shown, ask);
  const timer = createPausableTimer(ask.waitMs, onTimeout);
  const leave = (): void => {
    timer.cancel();
    if (open.delete(request.requestId) && open.size === 0) options.onWaiting(false);
  };
  const endWith = questions.open({
    subject,
    asked,
    accept: (answer) => accept(asking, { request, asked }, answer, leave),
  });
  open.set(request.requestId, {
    request,
    asked,
    end(given) {
      if (endWith(given)) leave();
    },
  });
  if (open.size === 1) options.onWaiting(true);

  function onTimeout(): void {
    if (!endWith('timed_out')) return;
    leave();
    const wait = formatSetDuration(ask.waitMs);
    send(asking, denyAnswer(request, `Nobody answered within ${wait}, so it is denied. Continue without it.`));
    if (ask.onTimeout === 'deny') return;
    const message = `nobody answered within ${wait} (\`ask\`): ${describeRequest(shown)}`;
    options.stop({ kind: 'failure', reason: 'unanswered', message }, 'a question was not answered in time');
  }
}

function askedOf(shown: PermissionRequest, ask: ClaudeQuestionsOptions['ask']): ClaudeAsked {
  const { kind, tool, toolUseId, updates } = shown;
  const untilNs = (BigInt(Date.now() + ask.waitMs) * 1_000_000n).toString();
  const input = boundedInput(shown.input);
  return {
    ...{ kind, tool, toolUseId, ...input, untilNs, onTimeout: ask.onTimeout },
    suggestions: kind === 'permission' ? describeSuggestions(updates) : [],
  };
}

function boundedInput(input: JsonObject): { readonly input: string; readonly isCut: boolean } {
  const text = JSON.stringify(input);
  const bytes = Buffer.from(text);
  if (bytes.length <= maxInputBytes) return { input: text, isCut: false };
  const ends = { head: bytes, tail: bytes, size: sizeOf(bytes) };
  const cut = cutMiddle(ends, maxInputBytes, (leftOut) => `[... ${leftOut.bytes} bytes left out ...]`);
  return { input: cut.text, isCut: true };
}

function describeRequest({ kind, tool }: PermissionRequest): string {
  if (kind === 'question') return 'Claude Code asked a question';
  return kind === 'plan' ? 'Claude Code asked for the approval of its plan' : `Claude Code asked to use ${tool}`;
}

/** @param leave is called when the answer fits, before it is sent */
function accept(
  asking: Asking,
  { request, asked: question }: Pick<OpenQuestion, 'request' | 'asked'>,
  answer: Answer,
  leave: () => void,
): Accepted {
  const suggestions = describeSuggestions(request.updates);
  if (!answersTo(question).includes(answer.kind)) return { ok: false, message: whyNot(question, answer) };
  const accepted = (given: Extract<Accepted, { ok: true }>['given'], text: string, line: string): Accepted => ({
    ok: true,
    given,
    text,
    send() {
      leave();
      send(asking, line);
    },
  });
  switch (answer.kind) {
    case 'allow':
      return accepted('allowed', '', allowAnswer(request));
    case 'allow_always':
      return accepted('allowed_always', suggestions.join(', '), allowAnswer(request, request.updates));
    case 'deny': {
      const reason = answer.reason.trim() === '' ? 'A person denied this.' : answer.reason;
      return accepted('denied', answer.reason, denyAnswer(request, reason));
    }
    case 'choose':
    case 'text': {
      const choices = choicesIn(JSON.stringify(request.input));
      const chosen =
        answer.kind === 'choose' ? chooseOptions(choices, answer.choices) : writeText(choices, answer.text);
      if ('message' in chosen) return { ok: false, message: chosen.message };
      return accepted('chosen', chosen.answers.join('; '), questionAnswer(request, chosen.answers));
    }
  }
}

function whyNot({ kind, isCut }: ClaudeAsked, answer: Answer): string {
  if (isCut) return 'it is too long to be shown as a whole, so it can only be denied';
  if (answer.kind === 'allow_always' && kind === 'permission')
    return 'Claude Code names no rule by which it could always be allowed; allow it once';
  switch (kind) {
    case 'permission':
      return 'it is a request for a permission: allow or deny it';
    case 'plan':
      return 'it is a plan: allow or deny it, with what to change as the reason';
    case 'question':
      return 'it is a question: choose an option, write a text, or deny it';
  }
}

type Chosen = { readonly answers: readonly string[] } | { readonly message: string };

/** Several choices are all for one question that takes several, else one for each question. */
function chooseOptions(questions: readonly Choice[], choices: readonly string[]): Chosen {
  const [only] = questions;
  const isForOne = questions.length === 1 && only?.isMultiple === true;
  if (!isForOne && choices.length !== questions.length) {
    const count = questions.length === 1 ? 'one option' : `${questions.length} options, one for each question`;
    return { message: `choose ${count}` };
  }
  const answers: string[] = [];
  for (const [index, choice] of choices.entries()) {
    const question = isForOne ? only : questions[index];
    const label = question === undefined ? undefined : labelOf(question, choice);
    if (label === undefined) {
      const labels = (question?.options ?? []).map((option) => `"${option.label}"`).join(', ');
      return { message: `"${choice}" is not an option; the options are ${labels}` };
    }
    answers.push(label);
  }
  return { answers: isForOne ? [[...new Set(answers)].join(', ')] : answers };
}

/** By its label, in any case of letters, or by its number from 1. */
function labelOf({ options }: Choice, choice: string): string | undefined {
  const wanted = choice.trim().toLowerCase();
  const exact = options.find(({ label }) => label.trim().toLowerCase() === wanted);
  return (exact ?? (/^\d{1,3}$/.test(wanted) ? options[Number(wanted) - 1] : undefined))?.label;
}

function writeText(questions: readonly Choice[], text: string): Chosen {
  if (text.trim() === '') return { message: 'the text is empty' };
  return { answers: questions.map(() => text) };
}
