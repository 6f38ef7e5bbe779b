// The JSON Schema for editors, and the examples that schema and error messages show.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { exampleOf } from '../../src/workflow/check/schema-help.ts';
import { claude } from '../../src/workflow/claude-keys.ts';
import { parseWorkflow } from '../../src/workflow/index.ts';
import { workflowJsonSchema } from '../../src/workflow/json-schema.ts';
import { stepSchema, workflowSchema } from '../../src/workflow/schema.ts';
import { workflowInput } from './generators.ts';

type Json = Record<string, unknown>;
const file = join(import.meta.dirname, '../../schema/workflow.schema.json');
const shipped = JSON.parse(readFileSync(file, 'utf8')) as Json;

/** zod reads the schema back, but for `oneOf` over `required` alone, which is looked at by itself below. */
const withoutOneOf = JSON.parse(JSON.stringify(shipped), (_, value: unknown) => {
  if (typeof value !== 'object' || value === null || !('oneOf' in value)) return value;
  const { oneOf: _dropped, ...rest } = value;
  return rest;
}) as Json;

describe('the shipped JSON Schema', () => {
  test('is what the code says; if not, run node scripts/generate-workflow-schema.ts', () => {
    expect(shipped).toEqual(JSON.parse(JSON.stringify(workflowJsonSchema())));
  });

  test('accepts every valid workflow', () => {
    const schema = z.fromJSONSchema(withoutOneOf as Parameters<typeof z.fromJSONSchema>[0]);
    fc.assert(
      fc.property(workflowInput, (input) => {
        expect(schema.safeParse(input).error).toBeUndefined();
      }),
    );
  });

  test.each([
    ['an unknown key', 'name: x\nfoo: 1\nsteps: [{id: a, run: x}]'],
    ['a missing key', 'steps: [{id: a, run: x}]'],
    ['a bad duration', 'name: x\ntimeout: 5 min\nsteps: [{id: a, run: x}]'],
    ['a bare number as a duration', 'name: x\ntimeout: 5\nsteps: [{id: a, run: x}]'],
    ['a bad id', 'name: x\nsteps: [{id: "a b", run: x}]'],
    ['a bad choice', 'name: x\nsteps: [{id: a, claude: {prompt: x, permissionMode: y}}]'],
    ['a bad variable name', 'name: x\nenv: {1A: x}\nsteps: [{id: a, run: x}]'],
  ])('refuses %s', (_, text) => {
    const schema = z.fromJSONSchema(withoutOneOf as Parameters<typeof z.fromJSONSchema>[0]);
    expect(schema.safeParse(parse(text)).success).toBe(false);
  });

  test('asks for exactly one of run, claude and approve, and of prompt and promptFile', () => {
    const found: unknown[] = [];
    JSON.parse(JSON.stringify(shipped), (key, value: unknown) => {
      if (key === 'oneOf') found.push(value);
      return value;
    });
    expect(found).toEqual([
      [{ required: ['prompt'] }, { required: ['promptFile'] }],
      [{ required: ['run'] }, { required: ['claude'] }, { required: ['approve'] }],
    ]);
  });
});

describe('the example of a field', () => {
  const keys = (schema: { shape: object }, path: readonly (string | number)[]) =>
    Object.keys(schema.shape).map((key) => [...path, key]);
  const fields = [
    ...keys(workflowSchema, []),
    ...keys(stepSchema, ['steps', 0]),
    ...keys(claude, ['steps', 0, 'claude']),
    ['steps', 0, 'retries', 'max'],
    ['steps', 0, 'retries', 'delay'],
    ['steps', 0, 'retries', 'on'],
    ['steps', 0, 'stalls', 'noOutput'],
    ['steps', 0, 'stalls', 'noOutput', 'after'],
    ['budget', 'tokens'],
  ];

  test.each(fields.map((path) => [path.join('.'), path] as const))('%s is there and valid', (_, path) => {
    const example = exampleOf(path);
    expect(example).toMatch(/^`.+`$/s);
    const value = parse(example!.slice(1, -1)) as Json;
    const workflow = { name: 'x', steps: [{ id: 'a', run: 'x' }] };
    const owner: Json = path.slice(0, -1).reduce<Json>(
      (at, part) => {
        at[part] ??= part === 'retries' ? { max: 1 } : part === 'claude' ? { prompt: 'x' } : {};
        return at[part] as Json;
      },
      workflow as unknown as Json,
    );
    Object.assign(owner, value);
    expect(workflowSchema.safeParse(workflow).error).toBeUndefined();
  });
});

test('descriptions end as sentences do, and name each default that the code has', () => {
  const texts: string[] = [];
  JSON.parse(JSON.stringify(shipped), (key, value: unknown) => {
    if (key === 'description' && typeof value === 'string') texts.push(value);
    return value;
  });
  expect(texts.length).toBeGreaterThan(50);
  expect(texts.filter((text) => !text.endsWith('.') && !text.endsWith('people'))).toEqual([]);
  const { workflow } = parseWorkflow('name: x\nsteps: [{id: a, run: x}]', { file: 'f' }) as never as {
    workflow: { concurrency: number };
  };
  expect(texts).toContain(`Steps that may run at the same time. Default: ${workflow.concurrency}.`);
});
