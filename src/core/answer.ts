// What a person can answer to a question of Claude Code or of a step, and what can be chosen from. Pure vocabulary: control, API, CLI,
// page and the engine share it.
import type { AnswerGiven } from './claude-event.ts';
import { formatDuration } from './duration.ts';
import { isObject, objectsAt, parseObject, textAt } from './json.ts';
import type { QuestionKind } from './question.ts';
import { unreachable } from './unreachable.ts';

export type Answer =
  | { readonly kind: 'allow' }
  /** Also for calls that the suggested rules allow, until the session ends. */
  | { readonly kind: 'allow_always' }
  | { readonly kind: 'deny'; readonly reason: string }
  /**
   * A label or a number (from 1) for each of the questions; for one that takes several, `1,3`. If there is only that one, each in an entry of
   * its own.
   */
  | { readonly kind: 'choose'; readonly choices: readonly string[] }
  /**
   * In place of the options; the line that a command reads, which is kept nowhere if it is secret; or, after an interrupt, the message with
   * which Claude Code continues.
   */
  | { readonly kind: 'text'; readonly text: string; readonly isSecret?: boolean }
  /** After an interrupt: with what it did before. */
  | { readonly kind: 'continue' }
  /** After an interrupt: the step ends as a failure. */
  | { readonly kind: 'end'; readonly reason: string };

export const answerKinds = [
  'allow',
  'allow_always',
  'deny',
  'choose',
  'text',
  'continue',
  'end',
] as const satisfies readonly Answer['kind'][];

/** Of a reason, a choice or a text, in characters: more than a person types. */
export const maxAnswerCharacters = 16 * 1024;

/** Claude Code asks up to four questions at once, with up to four options each. */
export const maxChoices = 16;
export const maxChoiceCharacters = 1_000;

export type Option = { readonly label: string; readonly description: string };

/** One of the questions that Claude Code asks at once. */
export type Choice = {
  readonly question: string;
  readonly options: readonly Option[];
  /** More than one option can be chosen. */
  readonly isMultiple: boolean;
};

/** @param input of the tool AskUserQuestion, as JSON text; without questions if it was cut */
export function choicesIn(input: string): readonly Choice[] {
  return objectsAt(parseObject(input) ?? {}, 'questions').map((each) => ({
    question: textAt(each, 'question') ?? '',
    options: objectsAt(each, 'options').map((option) => ({
      label: textAt(option, 'label') ?? '',
      description: textAt(option, 'description') ?? '',
    })),
    isMultiple: each.multiSelect === true,
  }));
}

/** The kinds of answer that a question takes. What cannot be seen as a whole cannot be allowed. */
export function answersTo(question: {
  readonly kind: QuestionKind;
  readonly suggestions: readonly string[];
  readonly isCut: boolean;
}): readonly Answer['kind'][] {
  if (question.isCut) return ['deny'];
  switch (question.kind) {
    case 'question':
      return ['choose', 'text', 'deny'];
    case 'plan':
    case 'approval':
      return ['allow', 'deny'];
    case 'input':
      return ['text', 'deny'];
    case 'interrupted':
      return ['continue', 'text', 'end'];
    case 'permission':
      return question.suggestions.length === 0 ? ['allow', 'deny'] : ['allow', 'allow_always', 'deny'];
    default:
      return unreachable(question.kind);
  }
}

/** Who answered what, after how long, as one phrase; the text of the answer is whole. */
export function describeAnswered(answered: {
  readonly answer: AnswerGiven;
  readonly by: string;
  readonly waitedMs: number;
  readonly text: string;
  /** Of what Claude Code asks; '' for how to continue after an interrupt. */
  readonly toolUseId?: string;
  /** Of what a step asks by itself. */
  readonly kind?: QuestionKind;
}): string {
  const { answer, by, waitedMs, text, kind, toolUseId } = answered;
  const after = `after ${formatDuration(waitedMs)}`;
  const what = text === '' ? '' : `: ${text}`;
  switch (answer) {
    case 'timed_out':
      if (toolUseId === '') return `nobody answered ${after}`;
      return `nobody answered ${after}${kind === 'input' ? ': the input is ended' : ': denied'}`;
    case 'unanswered':
      return `not answered before the attempt ended, ${after}`;
    case 'withdrawn':
      return kind === 'input' ? `no longer waits for input ${after}` : `withdrawn by Claude Code ${after}`;
    case 'continued':
      return `continued by ${by} ${after}`;
    case 'ended':
      return `step ended by ${by} ${after}${what}`;
    case 'chosen':
      return `answered by ${by} ${after}${what}`;
    case 'allowed':
      return `${kind === 'approval' ? 'approved' : 'allowed'} by ${by} ${after}${what}`;
    case 'denied':
      return `${kind === 'input' ? 'input ended' : 'denied'} by ${by} ${after}${what}`;
    case 'allowed_always':
      return `always allowed by ${by} ${after}${what}`;
  }
}

/** @returns undefined for what is not an answer, as from a client of another version */
export function parseAnswer(value: unknown): Answer | undefined {
  if (!isObject(value)) return undefined;
  const { kind, reason, choices, text, isSecret } = value;
  if (kind === 'allow' || kind === 'allow_always' || kind === 'continue') return { kind };
  if (kind === 'deny' || kind === 'end') return isText(reason, maxAnswerCharacters) ? { kind, reason } : undefined;
  if (kind === 'text') {
    if (!isText(text, maxAnswerCharacters) || (isSecret !== undefined && typeof isSecret !== 'boolean'))
      return undefined;
    return { kind, text, ...(isSecret === true ? { isSecret } : {}) };
  }
  if (kind !== 'choose' || !Array.isArray(choices) || choices.length === 0 || choices.length > maxChoices)
    return undefined;
  const texts = choices.filter((choice) => isText(choice, maxChoiceCharacters));
  return texts.length === choices.length ? { kind, choices: texts } : undefined;
}

function isText(value: unknown, limit: number): value is string {
  return typeof value === 'string' && value.length <= limit;
}
