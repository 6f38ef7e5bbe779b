// The events of questions to people, and the one form in which readers get a question of either kind. Pure.
import type { EventOf } from './event.ts';
import { isAskedByStep, type QuestionKind } from './question.ts';

export type AskedEvent = EventOf<'claude.asked' | 'step.asked'>;

/** What readers need of a question from either. A step that asks uses no tool. */
export type Question = Omit<EventOf<'claude.asked'>, 'type' | 'kind'> & { readonly kind: QuestionKind };

export function questionOf(event: AskedEvent): Question {
  const { type, ...asked } = event;
  return { tool: '', toolUseId: '', suggestions: [], ...asked };
}

/** The event that opens a question. */
export function askedEvent(question: Question): AskedEvent {
  const { kind, toolUseId, tool, suggestions, ...asked } = question;
  if (isAskedByStep(kind)) return { type: 'step.asked', kind, ...asked };
  return { type: 'claude.asked', kind, toolUseId, tool, suggestions, ...asked };
}

type Answered = Omit<EventOf<'step.answered'>, 'type' | 'questionId' | 'kind'>;

/** The event that closes a question. */
export function answeredEvent(
  { questionId, kind, toolUseId }: Pick<Question, 'questionId' | 'kind' | 'toolUseId'>,
  answered: Answered,
): EventOf<'claude.answered' | 'step.answered'> {
  if (isAskedByStep(kind)) return { type: 'step.answered', questionId, kind, ...answered };
  return { type: 'claude.answered', questionId, toolUseId, ...answered };
}

/** What happens to a question that nobody answers in time, as the end of a sentence. */
export function endOfWait({ kind, onTimeout }: Pick<Question, 'kind' | 'onTimeout'>): string {
  if (onTimeout === 'fail') return 'the step fails';
  return kind === 'input' ? 'its input ends' : 'it is denied';
}
