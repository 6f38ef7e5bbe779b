// The public surface of workflow/: what was asked, as a checked value. Other folders import from here.

export type { ReadFile } from './check/claude.ts';
export type { GivenParams } from './check/params.ts';
export { claudeFlags, longTextKeys } from './claude-keys.ts';
export { changesOfWork, compareWorkflows, describeDifference, type WorkflowDifference } from './compare.ts';
export { commandText, describeWorkflow } from './describe.ts';
export {
  type Environment,
  environmentOf,
  paramVariable,
} from './environment.ts';
export { type Evaluated, evaluate, isTrue, type Scope } from './expression/evaluate.ts';
export { printExpression } from './expression/print.ts';
export { ancestorsOf, type GraphStep, levelsOf, topologicalOrder } from './graph.ts';
export { loadWorkflow, problemOfPromptFile, readPrompt } from './load.ts';
export { locateProblems } from './locate.ts';
export {
  type DefineOptions,
  defineWorkflow,
  type ParseOptions,
  parseWorkflow,
  type WorkflowResult,
} from './parse.ts';
export { formatProblems, formatWarnings, type Problem, problemText } from './problem.ts';
export { type ClaudeTexts, type RenderedClaude, renderClaude } from './render-claude.ts';
export type { WorkflowInput } from './schema.ts';
export { idPattern } from './schema-fields.ts';
export { schemaReference, starterWorkflow } from './starter.ts';
export { type ReadBack, workflowFromJson, workflowToJson } from './stored.ts';
export { type Rendered, referencesOf, renderTemplate } from './template.ts';
export type * from './workflow.ts';
