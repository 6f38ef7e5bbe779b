// Turns what the zod schema finds wrong into problems: unknown keys, wrong types, values out of range. The fix comes from the
// example that the schema has for the field.
import type { z } from 'zod';
import { formatSetDuration } from '../../core/duration.ts';
import type { Path, Report } from '../problem.ts';
import { workflowSchema } from '../schema.ts';
import { isMapping, kindText, shorten, type Tree, valueAt } from '../source/tree.ts';
import { didYouMean, listOf } from '../suggest.ts';
import { exampleOf, isOptional, schemaAt, shapeKeys } from './schema-help.ts';
import { betterKey } from './synonyms.ts';

type Issue = z.core.$ZodIssue;

/** Reports every mismatch between the tree and the schema. */
export function checkSchema(tree: Tree, report: Report): void {
  const parsed = workflowSchema.safeParse(tree.value);
  for (const issue of parsed.error?.issues ?? []) reportIssue(issue, [], { tree, report });
}

/** What every report needs: the workflow as written, and where problems go. */
type Check = { readonly tree: Tree; readonly report: Report };

function reportIssue(issue: Issue, base: Path, check: Check): void {
  const { tree, report } = check;
  const path: Path = [...base, ...issue.path.filter((part) => typeof part !== 'symbol')];
  const value = valueAt(tree.value, path);
  const place = tree.placeOf(path);
  switch (issue.code) {
    case 'unrecognized_keys':
      for (const key of issue.keys) reportUnknownKey(key, path, check);
      return;
    case 'invalid_union':
      reportUnion(issue, path, check);
      return;
    case 'invalid_key':
      report(
        tree.placeOfKey(path),
        `\`${String(path.at(-1))}\` is not allowed as a name`,
        `${issue.issues[0]?.message}`,
      );
      return;
    case 'invalid_type':
      if (value === undefined) {
        report(tree.placeOf(path.slice(0, -1)), `\`${String(path.at(-1))}\` is missing`, `add ${exampleAt(path)}`);
      } else {
        reportWrongType([typeText(issue.expected)], value, path, check);
      }
      return;
    case 'invalid_value': {
      const values = issue.values.map(String);
      const message = `${labelOf(path)} cannot be ${kindText(value)}`;
      report(place, message, didYouMean(String(value), values, 'write one of'));
      return;
    }
    case 'too_small':
    case 'too_big':
      report(place, `${labelOf(path)} ${rangeText(issue, value)}`, `write ${exampleAt(path)}`);
      return;
    case 'invalid_format':
      reportFormat(issue, path, value, check);
      return;
    case 'custom':
      report(place, `${labelOf(path)} ${issue.message}`, String(issue.params?.fix ?? `write ${exampleAt(path)}`));
      return;
    default:
      report(place, `${labelOf(path)} ${issue.message}`, `write ${exampleAt(path)}`);
  }
}

/** An example of a valid value at `path`; YAML is in code marks. */
function exampleAt(path: Path): string {
  const last = path.at(-1);
  if (path.at(-2) === 'env' || (path.at(-2) === 'labels' && path.length === 2))
    return `\`${String(last)}: ''\` for an empty text`;
  if (path.at(-2) === 'steps') return '`- id: lint` and its other keys below it';
  if (path.at(-2) === 'params')
    return `a default such as \`${String(last)}: 3\`, or \`${String(last)}: {type: string}\``;
  return exampleOf(path) ?? (typeof last === 'number' ? exampleOf(path.slice(0, -1)) : undefined) ?? 'another value';
}

function reportFormat(issue: Issue, path: Path, value: unknown, { tree, report }: Check): void {
  const place = tree.placeOf(path);
  if (issue.message === 'not a duration') {
    const message = `${labelOf(path)} is not a duration: \`${shorten(String(value))}\``;
    report(
      place,
      message,
      'write days, hours, minutes, seconds and milliseconds in this order: `2d`, `1h30m`, `5m`, `90s`, `500ms`',
    );
    return;
  }
  report(place, `${labelOf(path)} cannot be ${kindText(value)}`, issue.message);
}

function reportWrongType(expected: readonly string[], value: unknown, path: Path, { tree, report }: Check): void {
  const place = value === null ? tree.placeOfKey(path) : tree.placeOf(path);
  if (typeof value === 'number' && isDuration(path)) {
    const asSeconds = formatSetDuration(Math.max(value, 0) * 1000);
    report(
      place,
      `${labelOf(path)} has no unit: \`${tree.writtenAt(path)}\``,
      `write \`${asSeconds}\` if seconds were meant`,
    );
    return;
  }
  if (value === null) {
    report(
      place,
      `${labelOf(path)} has no value`,
      `write ${exampleAt(path)}${isOptional(path) ? ', or remove the key' : ''}`,
    );
    return;
  }
  if (path.length === 1 && path[0] === 'steps' && isMapping(value)) {
    // Other tools write steps as a mapping from id to step.
    const [first = 'lint'] = Object.keys(value);
    report(
      tree.placeOfKey([...path, first]),
      '`steps` must be a list, each with its `id`',
      `write \`- id: ${first}\` and its keys below it`,
    );
    return;
  }
  const message = `${labelOf(path)} must be ${alternatives(expected)}, not ${kindText(value)}`;
  const isPlain = typeof value === 'number' || typeof value === 'boolean';
  const wantsText = isPlain && expected.length === 1 && expected[0] === 'a text';
  const fix = wantsText ? `put it in quotes: \`'${tree.writtenAt(path)}'\`` : `write ${exampleAt(path)}`;
  report(place, message, fix);
}

/** Reports the problems of the branch that was meant; if that is not clear, names the possible types. */
function reportUnion(issue: Issue & { code: 'invalid_union' }, path: Path, check: Check): void {
  const { tree, report } = check;
  const branches = leafBranches(issue);
  const [meant, ...others] = branches.filter((issues) => !isTypeMismatch(issues));
  if (meant !== undefined && others.length === 0) {
    for (const inner of meant) reportIssue(inner, path, check);
    return;
  }
  const value = valueAt(tree.value, path);
  const choices = branches.flatMap((issues) =>
    issues.flatMap((inner) => (inner.code === 'invalid_value' ? inner.values : [])),
  );
  if (typeof value === 'string' && choices.length > 0) {
    const message = `${labelOf(path)} cannot be ${kindText(value)}`;
    if (path.at(-1) === 'shell') {
      const fix = `write ${listOf(choices.map(String))}, or program and flags as a list: \`shell: [${shorten(value)}, -c]\``;
      report(tree.placeOf(path), message, fix);
      return;
    }
    report(tree.placeOf(path), message, didYouMean(value, choices.map(String), `write ${exampleOf(path)}, or one of`));
    return;
  }
  const expected = branches.flatMap((issues) => issues.map((inner) => expectedText(inner)));
  reportWrongType([...new Set(expected)], value, path, check);
}

/** A union inside a union counts as the branches that it has. */
function leafBranches(issue: Issue & { code: 'invalid_union' }): readonly (readonly Issue[])[] {
  return issue.errors.flatMap((issues) => {
    const [only] = issues;
    return issues.length === 1 && only?.code === 'invalid_union' && only.path.length === 0
      ? leafBranches(only)
      : [issues];
  });
}

function isTypeMismatch(issues: readonly Issue[]): boolean {
  return issues.some(
    (issue) => issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value'),
  );
}

function expectedText(issue: Issue): string {
  if (issue.code === 'invalid_type') return typeText(issue.expected);
  return issue.code === 'invalid_value' ? `one of ${listOf(issue.values.map(String))}` : 'another value';
}

function reportUnknownKey(key: string, path: Path, { tree, report }: Check): void {
  const place = tree.placeOfKey([...path, key]);
  const known = shapeKeys(schemaAt(path));
  const where =
    path.length === 0 ? 'a workflow' : typeof path.at(-1) === 'number' ? 'a step' : `\`${String(path.at(-1))}\``;
  const better = betterKey(key, path, known);
  const fix = better ?? didYouMean(key, known, 'remove it; known are');
  report(place, `${where} has no key \`${key.replaceAll('\n', '\\n')}\``, fix);
}

/** `timeout`, or `item 2 of needs`, or `step 3`: what is at a path, as a person would say it. */
function labelOf(path: Path): string {
  const last = path.at(-1);
  if (last === undefined) return 'a workflow';
  if (typeof last === 'string') return `\`${last}\``;
  return path.at(-2) === 'steps' ? `step ${last + 1}` : `item ${last + 1} of \`${String(path.at(-2))}\``;
}

function isDuration(path: Path): boolean {
  return (
    ['timeout', 'delay', 'maxDelay', 'after', 'waitForBackground'].includes(String(path.at(-1))) && path[0] !== 'params'
  );
}

function alternatives(texts: readonly string[]): string {
  return texts.length < 3 ? texts.join(' or ') : `${texts.slice(0, -1).join(', ')} or ${texts.at(-1)}`;
}

function typeText(expected: string): string {
  const texts: Readonly<Record<string, string>> = {
    string: 'a text',
    number: 'a number',
    int: 'a whole number',
    boolean: '`true` or `false`',
    array: 'a list',
    object: 'a mapping',
    record: 'a mapping',
  };
  return texts[expected] ?? expected;
}

function rangeText(issue: Issue & { code: 'too_small' | 'too_big' }, value: unknown): string {
  const limit = issue.code === 'too_small' ? issue.minimum : issue.maximum;
  const length = typeof value === 'string' || Array.isArray(value) ? value.length : undefined;
  if (length === 0) return 'is empty';
  if (length !== undefined)
    return `may have at most ${limit} ${Array.isArray(value) ? 'entries' : 'characters'}, not ${length}`;
  if (issue.code === 'too_big') return `may be at most ${limit}, not ${value}`;
  return `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${limit}, not ${value}`;
}
