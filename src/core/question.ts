// Kinds of questions to people, from Claude Code in a step or from the step itself. Pure vocabulary.

/** What Claude Code can ask for: to use a tool, to have a question answered, to have its plan approved. */
export type ClaudeQuestionKind = 'permission' | 'question' | 'plan';

/** What a step asks for by itself: that a person approves, or the line that a command reads. */
export type StepQuestionKind = 'approval' | 'input';

export type QuestionKind = ClaudeQuestionKind | StepQuestionKind;

export const questionKinds = [
  'permission',
  'question',
  'plan',
  'approval',
  'input',
] as const satisfies readonly QuestionKind[];

export function isAskedByStep(kind: QuestionKind): kind is StepQuestionKind {
  return kind === 'approval' || kind === 'input';
}
