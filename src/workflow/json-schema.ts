// Makes the JSON Schema for editors from the zod schema of the file. Called by scripts/generate-workflow-schema.ts.
import { z } from 'zod';
import { workflowSchema } from './schema.ts';

/**
 * Draft 7, which every YAML editor plug-in knows. It is as strict as the zod schema on single fields, and asks for
 * exactly one of `run`, `claude` and `approve`; names, references and cycles are for `stepspan validate`.
 */
export function workflowJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(workflowSchema, {
    io: 'input',
    target: 'draft-7',
    override({ jsonSchema, zodSchema }) {
      // The bound of whole numbers in JavaScript does not help a person who writes a file.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      const shape = zodSchema instanceof z.ZodObject ? zodSchema.shape : undefined;
      if (shape !== undefined && 'run' in shape && 'claude' in shape) {
        jsonSchema.oneOf = [{ required: ['run'] }, { required: ['claude'] }, { required: ['approve'] }];
      }
      if (shape !== undefined && 'promptFile' in shape) {
        jsonSchema.oneOf = [{ required: ['prompt'] }, { required: ['promptFile'] }];
      }
    },
  });
  const { $schema, ...rest } = schema;
  return { $schema, title: 'stepspan workflow', ...rest };
}
