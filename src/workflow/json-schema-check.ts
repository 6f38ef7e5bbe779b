// Whether a value meets a JSON Schema of a workflow: drafts 6, 7 and 2020-12. The validator is loaded when a workflow has
// such a schema, as few do and loading takes longer than reading a workflow.
import { createRequire } from 'node:module';
import { toError } from '../core/errors.ts';

export type SchemaCheck =
  | {
      readonly ok: true;
      /** @returns what is wrong with the value, in at most `maxErrors` parts; undefined if nothing is */
      readonly problemOf: (value: unknown) => string | undefined;
    }
  | { readonly ok: false; readonly message: string };

/** A value that does not fit at all has hundreds of errors; nobody reads more than a few. */
const maxErrors = 3;

/** Checks the schema itself. Unknown keywords and formats are refused, as every value would meet them. */
export function compileSchema(schema: Readonly<Record<string, unknown>>): SchemaCheck {
  const load = createRequire(import.meta.url);
  const isOld = /draft-0[67]/.test(String(schema.$schema ?? ''));
  const { default: addFormats }: typeof import('ajv-formats') = load('ajv-formats');
  const Ajv = loadAjv(load, isOld);
  const ajv = new Ajv({
    allErrors: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    logger: false,
  });
  addFormats(ajv);
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
    return { ok: false, message: toError(error).message };
  }
}

/** One of the two versions of the validator. */
function loadAjv(load: NodeJS.Require, isOld: boolean) {
  if (isOld) {
    const { Ajv }: typeof import('ajv') = load('ajv');
    return Ajv;
  }
  const { Ajv2020 }: typeof import('ajv/dist/2020.js') = load('ajv/dist/2020.js');
  return Ajv2020;
}
