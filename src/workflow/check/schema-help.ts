// Finds the part of the schema that describes a path of a workflow, and the example written down there.
import { Document, isCollection, visit } from 'yaml';
import type { z } from 'zod';
import type { Path } from '../problem.ts';
import { workflowSchema } from '../schema.ts';

/** The schemas that may describe the value at `path`; several where a union leaves it open. */
export function schemaAt(path: Path): readonly z.ZodType[] {
  return path.reduce<readonly z.ZodType[]>(
    (found, part) => found.flatMap((schema) => below(schema, part)),
    expand(workflowSchema),
  );
}

/** The keys of the mappings among `schemas`. */
export function shapeKeys(schemas: readonly z.ZodType[]): readonly string[] {
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
  return fields.every((field) => field.safeParse(undefined).success);
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

function examplesOf(schema: z.ZodType): readonly unknown[] | undefined {
  const own = schema.meta()?.examples as readonly unknown[] | undefined;
  const inner = innerOf(schema);
  return own ?? (inner && examplesOf(inner));
}

function below(schema: z.ZodType, part: string | number): readonly z.ZodType[] {
  const { def } = schema as unknown as { def: { element?: z.ZodType; valueType?: z.ZodType } };
  const next = typeof part === 'number' ? def.element : (shapeOf(schema)?.[part] ?? def.valueType);
  return next === undefined ? [] : expand(next);
}

/** Takes the wrapping off, and a union apart. */
function expand(schema: z.ZodType): readonly z.ZodType[] {
  const inner = innerOf(schema);
  if (inner !== undefined) return expand(inner);
  const { options } = (schema as unknown as { def: { options?: readonly z.ZodType[] } }).def;
  return options === undefined ? [schema] : options.flatMap(expand);
}

function innerOf(schema: z.ZodType): z.ZodType | undefined {
  return (schema as unknown as { def: { innerType?: z.ZodType } }).def.innerType;
}

function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> | undefined {
  return (schema as unknown as { def: { shape?: Readonly<Record<string, z.ZodType>> } }).def.shape;
}
