// Finds the part of the schema that describes a path of a workflow, and the example in it. Called by schema.ts, for its messages.
import { Document, isCollection, visit } from 'yaml';
import { z } from 'zod';
import type { Path } from '../problem.ts';
import { workflowSchema } from '../schema.ts';

type Schema = z.core.$ZodType;

/** The schemas that may describe the value at `path`; several below a union. */
export function schemaAt(path: Path): readonly Schema[] {
  return path.reduce<readonly Schema[]>(
    (found, part) => found.flatMap((schema) => below(schema, part)),
    expand(workflowSchema),
  );
}

/** The keys of the mappings among `schemas`. */
export function shapeKeys(schemas: readonly Schema[]): readonly string[] {
  return schemas.flatMap((schema) => Object.keys(shapeOf(schema) ?? {}));
}

/** The example of the field at `path` as YAML in code marks, `timeout: 10m`; undefined if it has none. */
export function exampleOf(path: Path): string | undefined {
  const key = path.at(-1);
  if (typeof key !== 'string') return undefined;
  const owner = schemaAt(path.slice(0, -1));
  for (const schema of owner) {
    const field = shapeOf(schema)?.[key];
    const examples = field && examplesOf(field);
    if (examples?.[0] !== undefined) return `\`${asYaml({ [key]: examples[0] })}\``;
  }
  return undefined;
}

/** Whether the key at `path` may be left out. An entry of an open mapping may. */
export function isOptional(path: Path): boolean {
  const fields = schemaAt(path.slice(0, -1)).flatMap((schema) => shapeOf(schema)?.[String(path.at(-1))] ?? []);
  return fields.every((field) => z.safeParse(field, undefined).success);
}

/** One line of YAML, with lists and mappings inside in brackets. */
export function asYaml(value: Readonly<Record<string, unknown>>): string {
  const document = new Document(value);
  visit(document, {
    Collection(_, node) {
      if (node !== document.contents && isCollection(node)) node.flow = true;
    },
  });
  return document.toString({ flowCollectionPadding: false, lineWidth: 0 }).trimEnd();
}

function examplesOf(schema: Schema): readonly unknown[] | undefined {
  const examples = z.globalRegistry.get(schema)?.examples;
  if (Array.isArray(examples)) return examples;
  return schema instanceof z.ZodOptional ? examplesOf(schema.unwrap()) : undefined;
}

function below(schema: Schema, part: string | number): readonly Schema[] {
  if (typeof part === 'number') return schema instanceof z.ZodArray ? expand(schema.element) : [];
  const next = shapeOf(schema)?.[part] ?? (schema instanceof z.ZodRecord ? schema.valueType : undefined);
  return next === undefined ? [] : expand(next);
}

/** The schema inside an optional one, and the parts of a union. */
function expand(schema: Schema): readonly Schema[] {
  if (schema instanceof z.ZodOptional) return expand(schema.unwrap());
  return schema instanceof z.ZodUnion ? schema.options.flatMap(expand) : [schema];
}

function shapeOf(schema: Schema): Readonly<Record<string, Schema>> | undefined {
  return schema instanceof z.ZodObject ? schema.shape : undefined;
}
