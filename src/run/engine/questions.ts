// The open questions of a run: who answers first, and what those are answered that come later, twice or with an id that does not
// exist. Made by run-workflow.ts; claude-questions.ts opens them; answers come through the control channel. Everything happens at
// once, so that of two answers one is always the first.
import { randomBytes } from 'node:crypto';
import type { Answer } from '../../core/answer.ts';
import type { AnswerGiven, AnswerSource } from '../../core/claude-event.ts';
import type { QuestionKind } from '../../core/question.ts';
import { answeredEvent, askedEvent, type Question } from '../../core/question-event.ts';
import type { Append, Subject } from '../../core/record.ts';
import { systemClock } from '../process/index.ts';

/** Who answers, and from where. */
export type Answerer = { readonly by: string; readonly from: AnswerSource };

export type NewQuestion = {
  readonly subject: Subject;
  readonly asked: Omit<Question, 'questionId'>;
  /**
   * What the answer comes to, and passes it on; or one sentence why it does not fit. Called for people only.
   */
  readonly accept: AcceptAnswer;
};

export type AcceptAnswer = (answer: Answer, who: Answerer) => Accepted;

export type Accepted =
  | {
      readonly ok: true;
      readonly given: Accepting;
      readonly text: string;
      /** Passes the answer on to who asked. */
      readonly send: () => void;
    }
  | { readonly ok: false; readonly message: string };

export type AnswerResult =
  | { readonly ok: true; readonly message: string }
  | { readonly ok: false; readonly message: string };

export type Questions = {
  readonly open: (question: NewQuestion) => OpenedQuestion;
  /** The first answer wins. */
  readonly answer: (questionId: string, answer: Answer, who: Answerer) => AnswerResult;
  /** How long a step has waited for answers so far; for several at once only once. */
  readonly waitedMs: (step: string) => number;
};

export type OpenedQuestion = {
  readonly questionId: string;
  /** Ends it without a person, as `given` says. @returns false if it had an answer */
  readonly end: (given: Exclude<AnswerGiven, Accepting>) => boolean;
};

type Accepting = 'allowed' | 'allowed_always' | 'denied' | 'chosen' | 'continued' | 'ended';

type Open = { readonly question: NewQuestion; readonly sinceMs: number };

/** How many answered questions are remembered, for those who answer late. */
const remembered = 1_000;

export function createQuestions(append: Append): Questions {
  const open = new Map<string, Open>();
  /** Why a question can no longer be answered. */
  const closed = new Map<string, string>();
  const waits = createWaits();

  function close(questionId: string, given: AnswerGiven, text: string, who: Answerer): void {
    const found = open.get(questionId);
    if (found === undefined) return;
    open.delete(questionId);
    closed.set(questionId, describeClosed(given, who.by, found.question.asked.kind));
    const [oldest] = closed.keys();
    if (closed.size > remembered && oldest !== undefined) closed.delete(oldest);
    const { subject, asked } = found.question;
    waits.end(subject.step);
    const waitedMs = Math.round(systemClock.now() - found.sinceMs);
    append.event(answeredEvent({ questionId, ...asked }, { answer: given, ...who, waitedMs, text }), subject);
  }

  return {
    open(question) {
      // Random, so that nobody answers what is not asked yet.
      const questionId = `q-${randomBytes(4).toString('hex')}`;
      open.set(questionId, { question, sinceMs: systemClock.now() });
      append.event(askedEvent({ questionId, ...question.asked }), question.subject);
      waits.start(question.subject.step);
      return {
        questionId,
        end(given) {
          const isOpen = open.has(questionId);
          close(questionId, given, '', { by: 'stepspan', from: 'stepspan' });
          return isOpen;
        },
      };
    },
    waitedMs: waits.soFar,
    answer(questionId, answer, who) {
      const found = open.get(questionId);
      if (found === undefined)
        return { ok: false, message: closed.get(questionId) ?? 'there is no such question in this run' };
      const accepted = found.question.accept(answer, who);
      if (!accepted.ok) return accepted;
      close(questionId, accepted.given, accepted.text, who);
      accepted.send();
      return { ok: true, message: describeAccepted(accepted.given, found.question.asked) };
    },
  };
}

/** The time in which a step has at least one open question. */
function createWaits() {
  const steps = new Map<string, { open: number; sinceMs: number; totalMs: number }>();
  const waitOf = (step: string) => {
    const found = steps.get(step) ?? { open: 0, sinceMs: 0, totalMs: 0 };
    steps.set(step, found);
    return found;
  };
  return {
    start(step: string): void {
      const wait = waitOf(step);
      if (wait.open === 0) wait.sinceMs = systemClock.now();
      wait.open += 1;
    },
    end(step: string): void {
      const wait = waitOf(step);
      wait.open -= 1;
      if (wait.open === 0) wait.totalMs += systemClock.now() - wait.sinceMs;
    },
    soFar(step: string): number {
      const { open, sinceMs, totalMs } = waitOf(step);
      return totalMs + (open > 0 ? systemClock.now() - sinceMs : 0);
    },
  };
}

function describeClosed(given: AnswerGiven, by: string, kind: QuestionKind): string {
  switch (given) {
    case 'allowed':
    case 'allowed_always':
      return `${by} was faster: it is ${kind === 'approval' ? 'approved' : 'allowed'} already`;
    case 'denied':
      return `${by} was faster: ${kind === 'input' ? 'the input has ended' : 'it is denied'} already`;
    case 'chosen':
      return `${by} was faster: the question is answered already`;
    case 'continued':
      return `${by} was faster: it continues already`;
    case 'ended':
      return `${by} was faster: the step is ending already`;
    case 'timed_out':
      return 'the answer is too late: nobody had answered within the wait of the step';
    case 'unanswered':
      return 'the answer is too late: the attempt that asked has ended';
    case 'withdrawn':
      return kind === 'input' ? 'the command no longer waits for this line' : 'Claude Code no longer asks this';
  }
}

function describeAccepted(given: Accepting, { kind, tool }: NewQuestion['asked']): string {
  if (kind === 'approval') return given === 'denied' ? 'the approval is denied' : 'it is approved';
  if (kind === 'input') return given === 'denied' ? 'the input of the command is ended' : 'the line is sent';
  switch (given) {
    case 'allowed':
      return `${tool} is allowed`;
    case 'allowed_always':
      return `${tool} is allowed, and what the rules shown with it cover until the session ends`;
    case 'denied':
      return `${tool} is denied`;
    case 'chosen':
      return tool === '' ? 'the message is sent' : 'the question is answered';
    case 'continued':
      return 'the step continues';
    case 'ended':
      return 'the step ends';
  }
}
