// The JSON Schema for editors, from the zod schema of the file. Knows nothing of where it is kept.
import { z } from 'zod';
import { workflowSchema } from './schema.ts';

/**
 * Draft 7, which every YAML editor plug-in knows. It is as strict as the zod schema on single fields, and asks for
 * exactly one of `run` and `claude`; names, references and cycles are for `stepspan validate`.
 */
export function workflowJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(workflowSchema, {
    io: 'input',
    target: 'draft-7',
    override({ jsonSchema, zodSchema }) {
      // Whole numbers have no other bound than that of JavaScript, which is of no help to who writes a file.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      const shape = (zodSchema as { def?: { shape?: object } }).def?.shape;
      if (shape !== undefined && 'run' in shape && 'claude' in shape) {
        jsonSchema.oneOf = [{ required: ['run'] }, { required: ['claude'] }];
      }
      if (shape !== undefined && 'promptFile' in shape) {
        jsonSchema.oneOf = [{ required: ['prompt'] }, { required: ['promptFile'] }];
      }
    },
  });
  const { $schema, ...rest } = schema;
  return { $schema, title: 'stepspan workflow', ...rest };
}
