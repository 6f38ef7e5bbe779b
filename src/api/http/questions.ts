// The open questions of a run with their whole inputs, read from the journal: the state of a run has one line of each. Called by the
// routes and by `stepspan answer`.
import { type Question, questionOf } from '../../core/question-event.ts';
import type { JournalReader } from '../../journal/index.ts';
import type { QuestionView, StepView } from '../../runs/index.ts';
import { eventAt } from './event-at.ts';

export type WholeQuestion = QuestionView & {
  readonly step: string;
  /** The input of the call, or what a step shows, as JSON text. */
  readonly input: string;
  readonly isCut: boolean;
};

/** In the order in which they were asked. */
export async function readQuestions(
  reader: Pick<JournalReader, 'read'>,
  steps: readonly Pick<StepView, 'id' | 'questions'>[],
): Promise<readonly WholeQuestion[]> {
  const found: WholeQuestion[] = [];
  for (const { id, questions } of steps) {
    for (const question of questions) {
      const asked = await readAsked(reader, question);
      if (asked !== undefined) found.push({ step: id, ...question, input: asked.input, isCut: asked.isCut });
    }
  }
  return found.toSorted((a, b) => a.seq - b.seq);
}

async function readAsked(
  reader: Pick<JournalReader, 'read'>,
  { questionId, seq }: QuestionView,
): Promise<Question | undefined> {
  const event = await eventAt(reader, seq);
  if (event?.type !== 'claude.asked' && event?.type !== 'step.asked') return undefined;
  return event.questionId === questionId ? questionOf(event) : undefined;
}
