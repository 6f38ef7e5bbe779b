// Checks the values that a run was started with for its params: known names, the right types, none missing.
import type { Report } from '../problem.ts';
import { isMapping, kindText, shorten, type Tree } from '../source/tree.ts';
import { didYouMean } from '../suggest.ts';
import type { Param, ParamValue } from '../workflow.ts';

/** Values as passed: text from a command line, or values of the right type from code. */
export type GivenParams = Readonly<Record<string, ParamValue>>;

/** A param in normal form from what was written for it, in short or long form. */
export function paramOf(name: string, written: unknown): Param {
  const { type, description, default: given } = isMapping(written) ? written : { default: written };
  const value = isParamValue(given) ? given : undefined;
  return {
    name,
    type: paramTypes.find((known) => known === type) ?? typeOf(value),
    description: typeof description === 'string' ? description : '',
    default: value,
  };
}

const paramTypes = ['string', 'number', 'boolean'] as const satisfies readonly Param['type'][];

function isParamValue(value: unknown): value is ParamValue {
  return paramTypes.some((type) => typeof value === type);
}

function typeOf(value: ParamValue | undefined): Param['type'] {
  return paramTypes.find((type) => typeof value === type) ?? 'string';
}

/**
 * Reports given values that do not fit, and returns the values of the run: given ones over defaults.
 * @param given undefined while only the file is checked: then no value is missing
 */
export function valuesOf(
  params: readonly Param[],
  given: GivenParams | undefined,
  tree: Tree,
  report: Report,
): Readonly<Record<string, ParamValue>> {
  const names = params.map((param) => param.name);
  for (const name of Object.keys(given ?? {})) {
    if (names.includes(name)) continue;
    const fix = names.length === 0 ? 'remove it: the workflow has no params' : didYouMean(name, names, 'known are');
    report(tree.placeOfKey(['params']), `a value was given for \`${name}\`, which is not a param`, fix);
  }
  const values: Record<string, ParamValue> = {};
  for (const param of params) {
    const place = tree.placeOfKey(['params', param.name]);
    const own = given !== undefined && Object.hasOwn(given, param.name) ? given[param.name] : undefined;
    if (own === undefined) {
      if (param.default !== undefined) values[param.name] = param.default;
      else if (given !== undefined) report(place, `the param \`${param.name}\` has no value`, howToGive(param));
      continue;
    }
    const value = convert(own, param.type);
    if (value === undefined) {
      const shown = typeof own === 'string' ? `\`${shorten(own)}\`` : kindText(own);
      const message = `${shown} was given for the param \`${param.name}\`, which is a ${param.type}`;
      report(place, message, howToGive(param));
    } else {
      values[param.name] = value;
    }
  }
  return values;
}

function howToGive({ name, type }: Param): string {
  const examples: Readonly<Record<Param['type'], string>> = { string: 'text', number: '3', boolean: 'true' };
  return `give a value, as in \`${name}=${examples[type]}\`, or write a \`default\` for it`;
}

function convert(given: ParamValue, type: Param['type']): ParamValue | undefined {
  if (typeof given === type) return typeof given === 'number' && !Number.isFinite(given) ? undefined : given;
  if (typeof given !== 'string') return undefined;
  if (type === 'boolean') return given === 'true' ? true : given === 'false' ? false : undefined;
  return /^-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(given) && Number.isFinite(Number(given))
    ? Number(given)
    : undefined;
}
