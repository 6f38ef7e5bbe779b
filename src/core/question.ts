// Kinds of questions to people, from Claude Code in a step or from the step itself. Pure vocabulary.

/** What Claude Code can ask for: to use a tool, to have a question answered, to have its plan approved; after an interrupt, how to continue. */
export type ClaudeQuestionKind = 'permission' | 'question' | 'plan' | 'interrupted';

/** What a step asks for by itself: that a person approves, or the line that a command reads. */
export type StepQuestionKind = 'approval' | 'input';

export type QuestionKind = ClaudeQuestionKind | StepQuestionKind;

export const questionKinds = [
  'permission',
  'question',
  'plan',
  'interrupted',
  'approval',
  'input',
] as const satisfies readonly QuestionKind[];

export function isAskedByStep(kind: QuestionKind): kind is StepQuestionKind {
  return kind === 'approval' || kind === 'input';
}
