// The questions of one attempt of a Claude step with `ask`: from the messages in which Claude Code asks to open questions of the run,
// and from answers to the messages that it reads. While one is open, the timeout and the stall clocks of the attempt stand still.
// Called by claude-attempt.ts.
import { type Answer, answersTo, type Choice, choicesIn } from '../../core/answer.ts';
import { formatSetDuration } from '../../core/duration.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { ClaudeQuestionKind } from '../../core/question.ts';
import type { Subject } from '../../core/record.ts';
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
} from '../claude/index.ts';
import { createPausableTimer } from '../process/index.ts';
import type { AcceptAnswer, Accepted, Answerer, AnswerResult, NewQuestion, Questions } from './questions.ts';

export type ClaudeQuestions = {
  /** Takes every message, as it came and with its secrets taken out. */
  readonly message: (original: JsonObject, shown: JsonObject) => void;
  /** Its turn was interrupted. @returns answers as another person would */
  readonly askHowToContinue: (accept: AcceptAnswer) => (answer: Answer, who: Answerer) => AnswerResult;
  /** The attempt has ended. What is still open is closed without an answer. */
  readonly close: () => void;
};

export type ClaudeQuestionsOptions = {
  readonly ask: Extract<Ask, { kind: 'wait' }>;
  readonly subject: Subject;
  readonly questions: Questions;
  /** Sends a line to Claude Code. */
  readonly send: (line: string) => void;
  /** Called with true when the first question is opened, and with false when the last one is answered. */
  readonly onWaiting: (isWaiting: boolean) => void;
  readonly stop: (outcome: Outcome, why: string) => void;
};

/** Of the input of a call in its event: a whole file that is to be written. What is longer lacks its middle, and says so. */
const maxInputBytes = 256 * 1024;

/** Questions at once. A session asks one after the other, and its subagents beside it; more is a loop. */
const maxOpen = 100;

type OpenQuestion = {
  readonly questionId: string;
  readonly end: (given: 'unanswered' | 'withdrawn') => void;
};

/** What the functions below share. */
type Asking = {
  readonly options: ClaudeQuestionsOptions;
  /** By the id that Claude Code gave its request, or `interrupted`. */
  readonly open: Map<string, OpenQuestion>;
};

export function createClaudeQuestions(options: ClaudeQuestionsOptions): ClaudeQuestions {
  const asking: Asking = { options, open: new Map() };
  return {
    message(original, shown) {
      const message = controlMessageIn(original);
      if (message === undefined) return;
      const visible = controlMessageIn(shown);
      readMessage(asking, message, visible?.kind === 'asks' ? visible.request : undefined);
    },
    askHowToContinue: (accept) => askHowToContinue(asking, accept),
    close() {
      for (const { end } of asking.open.values()) end('unanswered');
    },
  };
}

function readMessage(asking: Asking, message: ControlMessage, shown: PermissionRequest | undefined): void {
  const { open, options } = asking;
  switch (message.kind) {
    case 'withdraws':
      open.get(message.requestId)?.end('withdrawn');
      break;
    case 'unknown_request':
      options.send(errorAnswer(message.requestId, `stepspan cannot answer requests of the kind ${message.subtype}`));
      break;
    case 'asks':
      if (open.size >= maxOpen)
        options.send(
          denyAnswer(message.request, `${maxOpen} calls wait for a permission already. Ask for less at once.`),
        );
      else openRequest(asking, message.request, shown ?? message.request);
      break;
  }
}

function openRequest(asking: Asking, request: PermissionRequest, shown: PermissionRequest): void {
  const { options } = asking;
  const { kind, tool, toolUseId, updates } = shown;
  const suggestions = kind === 'permission' ? describeSuggestions(updates) : [];
  const asked = { kind, tool, toolUseId, ...boundedInput(shown.input), suggestions };
  openQuestion(asking, request.requestId, {
    ...{ asked, onTimeout: options.ask.onTimeout, subject: describeRequest(shown) },
    accept: (answer, leave) => accept(options, { request, asked }, answer, leave),
    deny: (why) => options.send(denyAnswer(request, `${why}, so it is denied. Continue without it.`)),
  });
}

/** Without an answer the step ends: nobody has taken back that it was interrupted. */
function askHowToContinue(asking: Asking, accept: AcceptAnswer): ReturnType<ClaudeQuestions['askHowToContinue']> {
  const { questions } = asking.options;
  const asked = { kind: 'interrupted', tool: '', toolUseId: '', input: '{}', isCut: false, suggestions: [] } as const;
  const questionId = openQuestion(asking, 'interrupted', {
    ...{ asked, onTimeout: 'fail', subject: 'its turn was interrupted' },
    accept(answer, leave, who) {
      const accepted = accept(answer, who);
      if (!accepted.ok) return accepted;
      const send = (): void => {
        leave();
        accepted.send();
      };
      return { ...accepted, send };
    },
    deny: () => undefined,
  });
  return (answer, who) => questions.answer(questionId, answer, who);
}

type Opening = {
  readonly asked: Omit<NewQuestion['asked'], 'untilNs' | 'onTimeout'> & { readonly kind: ClaudeQuestionKind };
  readonly onTimeout: 'deny' | 'fail';
  /** What was asked, for the outcome of a step that fails without an answer. */
  readonly subject: string;
  /** @param leave is to be called when the answer fits, before it is sent */
  readonly accept: (answer: Answer, leave: () => void, who: Answerer) => Accepted;
  /** Nobody has answered, for this reason. */
  readonly deny: (why: string) => void;
};

/** @returns the id of the question */
function openQuestion(asking: Asking, key: string, { asked, onTimeout, subject, accept, deny }: Opening): string {
  const { open, options } = asking;
  const { ask, questions } = options;
  const leftMs = Math.max(0, ask.totalWaitMs - questions.waitedMs(options.subject.step));
  const waitMs = Math.min(ask.waitMs, leftMs);
  const untilNs = (BigInt(Math.round(Date.now() + waitMs)) * 1_000_000n).toString();
  const leave = (): void => {
    timer.cancel();
    if (open.delete(key) && open.size === 0) options.onWaiting(false);
  };
  const { questionId, end: endWith } = questions.open({
    subject: options.subject,
    asked: { ...asked, untilNs, onTimeout },
    accept: (answer, who) => accept(answer, leave, who),
  });
  open.set(key, {
    questionId,
    end(given) {
      if (endWith(given)) leave();
    },
  });
  if (open.size === 1) options.onWaiting(true);
  // After the clocks of the attempt stand still, so that they stand still for all of the wait.
  const timer = createPausableTimer(waitMs, endWait);
  return questionId;

  function endWait(): void {
    if (!endWith('timed_out')) return;
    leave();
    const why =
      waitMs < ask.waitMs
        ? `the step has waited ${formatSetDuration(ask.totalWaitMs)} for answers in all (\`totalWait\`)`
        : `nobody answered within ${formatSetDuration(ask.waitMs)} (\`ask\`)`;
    deny(upperFirst(why.replace(/ \(`\w+`\)$/, '')));
    if (onTimeout === 'deny') return;
    options.stop(
      // What a person has stopped is not tried again by itself.
      {
        kind: 'failure',
        reason: asked.kind === 'interrupted' ? 'interrupted' : 'unanswered',
        message: `${why}: ${subject}`,
      },
      'a question was not answered in time',
    );
  }
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
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

type RequestAsked = { readonly request: PermissionRequest; readonly asked: Opening['asked'] };

/** @param leave is called when the answer fits, before it is sent */
function accept(
  options: ClaudeQuestionsOptions,
  { request, asked: question }: RequestAsked,
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
      options.send(line);
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
    case 'continue':
    case 'end':
      return { ok: false, message: whyNot(question, answer) };
  }
}

function whyNot({ kind, isCut }: Opening['asked'], answer: Answer): string {
  if (isCut) return 'it is too long to be shown as a whole, so it can only be denied';
  if (answer.kind === 'allow_always' && kind === 'permission')
    return 'Claude Code names no rule by which it could always be allowed; allow it once';
  switch (kind) {
    case 'permission':
      return 'it is a request for a permission: allow or deny it';
    case 'plan':
      return 'it is a plan: allow or deny it, with what to change as the reason';
    case 'interrupted':
      return 'its turn is interrupted: continue it, send a message, or end the step';
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
    const label = question === undefined ? undefined : labelsOf(question, choice);
    if (label === undefined) {
      const labels = (question?.options ?? []).map((option) => `"${option.label}"`).join(', ');
      return { message: `"${choice}" is not an option; the options are ${labels}` };
    }
    answers.push(label);
  }
  return { answers: isForOne ? [[...new Set(answers)].join(', ')] : answers };
}

/** Of a question that takes several options: one, or several with commas between them. */
function labelsOf(question: Choice, choice: string): string | undefined {
  const one = labelOf(question, choice);
  if (one !== undefined || !question.isMultiple) return one;
  const labels = choice.split(',').map((each) => labelOf(question, each));
  return labels.includes(undefined) ? undefined : [...new Set(labels)].join(', ');
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
