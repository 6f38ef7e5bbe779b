// Whether a value meets a JSON Schema of a workflow: drafts 6, 7 and 2020-12. The validator is loaded when a workflow has
// such a schema, as few do and loading takes longer than reading a workflow.
import { createRequire } from 'node:module';

export type SchemaCheck =
  | {
      readonly ok: true;
      /** @returns what is wrong with the value, in at most `maxErrors` parts; undefined if nothing is */
      readonly problemOf: (value: unknown) => string | undefined;
    }
  | { readonly ok: false; readonly message: string };

/** A value that meets nothing of a schema has hundreds of errors; nobody reads more than a few. */
const maxErrors = 3;

/** Checks the schema itself. Keywords and formats that nobody knows are refused, as they would be met by every value. */
export function compileSchema(schema: Readonly<Record<string, unknown>>): SchemaCheck {
  const load = createRequire(import.meta.url);
  const isOld = /draft-0[67]/.test(String(schema.$schema ?? ''));
  const { Ajv } = (
    isOld ? load('ajv') : { Ajv: (load('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js')).Ajv2020 }
  ) as {
    readonly Ajv: typeof import('ajv').Ajv;
  };
  const addFormats = (load('ajv-formats') as typeof import('ajv-formats')).default;
  const ajv = new Ajv({
    allErrors: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    logger: false,
  });
  (addFormats as unknown as (ajv: unknown) => void)(ajv);
  try {
    const validate = ajv.compile(schema);
    return {
      ok: true,
      problemOf(value) {
        if (validate(value)) return undefined;
        const errors = validate.errors ?? [];
        const named = errors
          .slice(0, maxErrors)
          .map(({ instancePath, message }) => `${instancePath || 'it'} ${message}`);
        const more = errors.length > maxErrors ? `, and ${errors.length - maxErrors} more` : '';
        return `${named.join(', ')}${more}`;
      },
    };
  } catch (error) {
    return { ok: false, message: (error as Error).message };
  }
}
