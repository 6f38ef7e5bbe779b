// What is wrong with a workflow, where, and what to write instead; and how a person is shown it. No IO.

import { plural } from '../core/units.ts';

/** One mistake. Every check of this folder ends in these, never in an exception. */
export type Problem = {
  /** The file as the user named it, or the prompt file that the mistake is in; '' for a workflow made in code. */
  readonly file: string;
  /** From 1; 0 for a workflow made in code, which has no text. */
  readonly line: number;
  /** From 1, in UTF-16 units as editors count; 0 as above. */
  readonly column: number;
  /** Where it is in the value, as `steps[2].claude.model`; '' for the workflow itself. */
  readonly path: string;
  /** What is wrong, in one line. */
  readonly message: string;
  /** What to write instead, in one line. */
  readonly fix: string;
};

/** A step into a value: a key of a mapping or an index of a list. */
export type Path = readonly (string | number)[];

/** The part of a problem that says where. */
export type Place = Pick<Problem, 'file' | 'line' | 'column' | 'path'>;

/** Collects the problems of one check after the other. */
export type Report = (place: Place, message: string, fix: string) => void;

/** A person reads a screenful; the rest is counted, and shows up when these are fixed. */
export const maxShownProblems = 100;

/** `steps[2].env.PORT` for `['steps', 2, 'env', 'PORT']`; any key but a plain word is quoted. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    if (!/^[\w-]+$/.test(part)) return `${text}[${JSON.stringify(part)}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

/** A new list in reading order: those of `mainFile` first, then other files by name; by line, column and text. */
export function sortProblems(problems: readonly Problem[], mainFile: string): readonly Problem[] {
  const rank = (problem: Problem) => (problem.file === mainFile ? '' : problem.file);
  return [...problems].sort(
    (a, b) =>
      compareText(rank(a), rank(b)) ||
      a.line - b.line ||
      a.column - b.column ||
      (a.line === 0 ? compareText(a.path, b.path) : 0) ||
      compareText(a.message, b.message),
  );
}

/**
 * Compiler style: `file:line:column: message`, and the fix on a line of its own below it.
 * A workflow made in code has its path in place of the line: `steps[2].timeout: message`.
 */
export function formatProblems(problems: readonly Problem[]): string {
  const lines = problems
    .slice(0, maxShownProblems)
    .map((problem) => `${whereOf(problem)}: ${problem.message}\n    ${problem.fix}\n`);
  const hidden = problems.length - lines.length;
  if (hidden > 0) lines.push(`${plural(hidden, 'more problem')} not shown\n`);
  return lines.join('');
}

/** One problem in one line: where, what is wrong, and what to write instead. */
export function problemText(problem: Problem): string {
  return `${whereOf(problem)}: ${problem.message}; ${problem.fix}`;
}

/** The same for what does not prevent the workflow from running. */
export function formatWarnings(warnings: readonly Problem[]): string {
  return formatProblems(warnings.map((each) => ({ ...each, message: `warning: ${each.message}` })));
}

function whereOf(problem: Problem): string {
  if (problem.line > 0) return `${problem.file}:${problem.line}:${problem.column}`;
  return problem.path === '' ? 'workflow' : problem.path;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
