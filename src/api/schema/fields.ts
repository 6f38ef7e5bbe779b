// What schemas are built from. Each field says what is wrong with a value and what to write instead, so that a request over HTTP
// and a message of the tail are refused in the same words. Called by the other files of this folder; no IO.
import { z } from 'zod';

type Problem = { readonly path?: readonly PropertyKey[] | undefined; readonly input?: unknown };

/** A problem is two lines: the first names the field and its value, the second says what to write. */
export function must(rule: string) {
  return { error: (problem: Problem) => `"${nameOf(problem)}" is ${shown(problem.input)}.\nWrite ${rule}.` };
}

/** As `must`, for a value that may be secret. */
export function mustSecretly(rule: string) {
  return { error: (problem: Problem) => `"${nameOf(problem)}" cannot be used.\nWrite ${rule}.` };
}

/** An object with these fields and no others: a misspelt field is an error and not a default. */
export function strict<S extends z.ZodRawShape>(shape: S, rule = 'an object') {
  const known = Object.keys(shape);
  const fix = known.length === 0 ? 'Leave it out' : `Known are: ${known.join(', ')}`;
  return z.strictObject(shape, {
    error: (problem) =>
      problem.code === 'unrecognized_keys'
        ? `"${[...(problem.path ?? []), cut(problem.keys[0] ?? '')].join('.')}" is not known here.\n${fix}.`
        : must(rule).error(problem),
  });
}

export function text(minLength: number, maxLength: number) {
  const rule = must(
    minLength === 0 ? `a text of at most ${maxLength} characters` : `a text of ${minLength} to ${maxLength} characters`,
  );
  return z.string(rule).min(minLength, rule).max(maxLength, rule);
}

export function oneOf<const T extends readonly string[]>(values: T) {
  return z.enum(values, must(`one of ${values.join(', ')}`));
}

export function count(min: number, max = Number.MAX_SAFE_INTEGER, example = '') {
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min} on` : `from ${min} to ${max}`;
  const rule = must(`a whole number ${range}${example}`);
  return z.int(rule).min(min, rule).max(max, rule);
}

export function flag() {
  return z.boolean(must('true or false'));
}

/** Whole numbers of answers, which need no message. */
export const integer = z.int();

export function listOf<T extends z.ZodType>(item: T) {
  return z.array(item).readonly();
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What was given, short enough for a message, however large it was. */
function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return value.length > 8 ? `a list of ${value.length}` : cut(JSON.stringify(value));
  return isObject(value) ? 'an object' : cut(JSON.stringify(value));
}

function nameOf({ path = [] }: Problem): string {
  return path.length === 0 ? 'the body' : path.map((part) => cut(String(part))).join('.');
}

export function cut(words: string): string {
  return words.length > 80 ? `${words.slice(0, 80)}…` : words;
}

export type CheckedProblem = { readonly message: string; readonly fix: string };

/** The first problem that a check found. */
export function problemOf(error: z.ZodError): CheckedProblem {
  const [message = '', fix = ''] = (error.issues[0]?.message ?? '').split('\n');
  return { message, fix };
}
