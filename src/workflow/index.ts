// What a run is asked to do: the workflow, from its YAML file or from code to a checked value. A file goes through source/ (a tree
// with positions), check/ (all problems, each with its fix) and normal-form.ts (every default filled in); expression/ parses and
// evaluates `when` and templates. Called by run/ and library/ to run a workflow, by the CLI to validate one, by the API to list them.

export type { ReadFile } from './check/claude.ts';
export type { GivenParams } from './check/params.ts';
export { claudeFlags, longTextKeys } from './claude-keys.ts';
export { changesOfWork, compareWorkflows, describeDifference, type WorkflowDifference } from './compare.ts';
export { commandText, describeWorkflow } from './describe.ts';
export { type Environment, paramVariable } from './environment.ts';
export type { Evaluated, Scope } from './expression/evaluate.ts';
export { ancestorsOf, type GraphStep, topologicalOrder } from './graph.ts';
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
