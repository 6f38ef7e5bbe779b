// From a file's text, or an object made in code, to a checked workflow: reads it, runs every check, and either returns
// the normal form or all problems. Does no IO of its own.
import { dirname, resolve } from 'node:path';
import { checkApprovals } from './check/approve.ts';
import { checkClaudeSteps, type ReadFile } from './check/claude.ts';
import { checkExpect } from './check/expect.ts';
import { checkLabels } from './check/labels.ts';
import { outlineOf } from './check/outline.ts';
import { type GivenParams, paramOf, valuesOf } from './check/params.ts';
import { checkSchema } from './check/schema.ts';
import { checkSteps } from './check/steps.ts';
import { checkTexts } from './check/texts.ts';
import { maxSteps } from './defaults.ts';
import { normalForm } from './normal-form.ts';
import { type Problem, type Report, sortProblems } from './problem.ts';
import { type WorkflowInput, workflowSchema } from './schema.ts';
import { readObject } from './source/object-tree.ts';
import { isMapping, kindText, type Reading } from './source/tree.ts';
import { readYaml } from './source/yaml-tree.ts';
import type { Workflow } from './workflow.ts';

export type WorkflowResult =
  /** `warnings` are in reading order: what is probably a mistake, and may be meant. */
  | { readonly ok: true; readonly workflow: Workflow; readonly warnings: readonly Problem[] }
  /** In reading order, at least one. */
  | { readonly ok: false; readonly problems: readonly Problem[] };

export type DefineOptions = {
  /** Where `cwd`, and for a workflow made in code all relative paths, start. */
  readonly cwd?: string;
  /**
   * Values for the params. With it, also `{}`, every param without a default must have one; without it only the
   * workflow itself is checked, and `paramValues` holds the defaults.
   */
  readonly params?: GivenParams;
  /** Reads prompt files to check the templates in them. Without it, they are checked when their step comes up. */
  readonly readFile?: ReadFile;
};

export type ParseOptions = DefineOptions & {
  /** As the user named it; every problem repeats it. Its folder is where relative paths start, and the default `cwd`. */
  readonly file: string;
};

/** Checks the YAML text of a workflow file. Never throws, whatever the text is. */
export function parseWorkflow(text: string, options: ParseOptions): WorkflowResult {
  const folder = resolve(dirname(options.file));
  return check(readYaml(text, options.file), options, {
    file: options.file,
    folder,
    cwd: resolve(options.cwd ?? folder),
  });
}

/**
 * Checks a workflow that is made in code, as the file would be written: `{ name, steps: [{ id, run }] }`.
 * Problems name a path such as `steps[2].timeout`. The object is copied.
 */
export function defineWorkflow(workflow: WorkflowInput, options: DefineOptions = {}): WorkflowResult {
  const cwd = resolve(options.cwd ?? '.');
  return check(readObject(workflow), options, { file: '', folder: cwd, cwd });
}

type Origin = { readonly file: string; readonly folder: string; readonly cwd: string };

function check(reading: Reading, options: DefineOptions, origin: Origin): WorkflowResult {
  if (!reading.ok) return { ok: false, problems: sortProblems(reading.problems, origin.file) };
  const problems: Problem[] = [...reading.problems];
  // A value that could not be read is reported once, and not again for its type.
  const unread = new Set(reading.problems.map((problem) => problem.path).filter((path) => path !== ''));
  const report: Report = (place, message, fix) => {
    if (!unread.has(place.path)) problems.push({ ...place, message, fix });
  };
  const warnings: Problem[] = [];
  const { tree } = reading;
  if (!isMapping(tree.value)) {
    const message = `a workflow must be a mapping, not ${kindText(tree.value)}`;
    if (problems.length === 0)
      report(tree.placeOf([]), message, 'write `name: ...` and `steps: ...` at the start of the line');
    return { ok: false, problems };
  }
  checkSchema(tree, report);
  const outline = outlineOf(tree, report, (place, message, fix) => void warnings.push({ ...place, message, fix }));
  // Far too many steps were reported by the schema; the checks across them would take their square in time.
  if (outline.steps.length <= maxSteps) {
    checkSteps(outline);
    checkTexts(outline);
    checkExpect(outline);
    checkApprovals(outline);
    checkClaudeSteps(outline, origin.folder, options.readFile);
  }
  const params = [...outline.params].map(([name, written]) => paramOf(name, written));
  const paramValues = valuesOf(params, options.params, tree, report);
  checkLabels(outline, paramValues);
  const parsed = workflowSchema.safeParse(tree.value);
  if (problems.length > 0 || !parsed.success) return { ok: false, problems: sortProblems(problems, origin.file) };
  const workflow = normalForm(parsed.data, tree, { ...origin, params, paramValues });
  return { ok: true, workflow, warnings: sortProblems(warnings, origin.file) };
}
