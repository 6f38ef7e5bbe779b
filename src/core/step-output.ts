// What a step passes to later steps: its output, bounded, and the bounds themselves. The engine makes it, `step.finished`
// keeps it, and expressions, templates, variables, `show` and `output` read it. No IO.

/**
 * Bound of one output in bytes, as text in `{{ steps.ID.output }}` and as a variable. Linux limits one environment variable
 * to 128 KiB, its name and its end included (MAX_ARG_STRLEN, execve(2)); 8 KiB are far more than any name takes.
 */
export const maxOutputBytes = 120 * 1024;

/** Outputs up to this size, in bytes, are read as JSON: `steps.ID.output.FIELD`. The journal keeps the text of such a one. */
export const maxJsonBytes = 1024 * 1024;

/** A JSON value, as `JSON.parse` returns it. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export type StepOutput = {
  /** The value of `{{ steps.ID.output }}`: stdout of a shell step, the result of a Claude step; redacted, at most `maxOutputBytes`. */
  readonly output: string;
  /** True when `output` lacks its middle. The journal's lines hold the rest. */
  readonly outputCut: boolean;
  /** Size of the whole output, when it was cut: bytes, and line ends in it. */
  readonly outputBytes?: number | undefined;
  readonly outputLines?: number | undefined;
  /** The whole output, when it is JSON up to `maxJsonBytes` and `output` cannot be read as such. */
  readonly outputJson?: string | undefined;
  /** What the step wrote into the file of STEPSPAN_OUTPUTS, by name; redacted. */
  readonly outputs?: NamedOutputs | undefined;
};

export type NamedOutputs = Readonly<Record<string, JsonValue>>;

export const noOutput: StepOutput = { output: '', outputCut: false };

/** Only the fields of `StepOutput`, of something that has more. */
export function stepOutputOf(of: StepOutput): StepOutput {
  const { output, outputCut, outputBytes, outputLines, outputJson, outputs } = of;
  return {
    output,
    outputCut,
    ...(outputBytes === undefined ? {} : { outputBytes }),
    ...(outputLines === undefined ? {} : { outputLines }),
    ...(outputJson === undefined ? {} : { outputJson }),
    ...(outputs === undefined ? {} : { outputs }),
  };
}

/** The line in place of what was left out. */
export function cutMarker(leftOut: { readonly bytes: number; readonly lines: number }, readWith: string): string {
  const lines = leftOut.lines === 0 ? 'in one line' : leftOut.lines === 1 ? '1 line' : `${leftOut.lines} lines`;
  return `[... ${leftOut.bytes} bytes (${lines}) left out; \`${readWith}\` prints all of it ...]`;
}

export type ReadJson =
  | { readonly kind: 'json'; readonly value: JsonValue }
  | { readonly kind: 'too_long'; readonly bytes: number }
  | { readonly kind: 'not_json' };

/** Read once for each output, as an expression may ask for several fields. */
const known = new WeakMap<StepOutput, ReadJson>();

/** The output as JSON. */
export function readJsonOutput(of: StepOutput): ReadJson {
  let read = known.get(of);
  if (read === undefined) {
    read = parse(of);
    known.set(of, read);
  }
  return read;
}

function parse({ output, outputCut, outputBytes, outputJson }: StepOutput): ReadJson {
  if (outputJson === undefined && outputCut) {
    const bytes = outputBytes ?? 0;
    return bytes > maxJsonBytes ? { kind: 'too_long', bytes } : { kind: 'not_json' };
  }
  try {
    return { kind: 'json', value: JSON.parse(outputJson ?? output) };
  } catch {
    return { kind: 'not_json' };
  }
}

export type FoundField =
  | { readonly kind: 'found'; readonly value: JsonValue }
  /** The existing names, at the place where the path leaves the value. */
  | { readonly kind: 'missing'; readonly names: readonly string[] };

/** Goes into a value by keys; a number is an index of a list. */
export function fieldIn(value: JsonValue, path: readonly string[]): FoundField {
  let at: JsonValue = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null) return { kind: 'missing', names: [] };
    const field = Object.getOwnPropertyDescriptor(at, key);
    if (field === undefined) return { kind: 'missing', names: Object.keys(at) };
    at = field.value;
  }
  return { kind: 'found', value: at };
}

/** A value as text: texts as they are, everything else as JSON. */
export function valueText(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The JSON in a named output, which a script may have written as text. */
export function jsonOfNamed(value: JsonValue): JsonValue {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** What `--json` of `run`, `show` and `output` has of a step; of one that has not ended, nothing. */
export type OutputFields = {
  /** At most `maxOutputBytes`, as later steps get it. */
  readonly output: string;
  readonly outputCut: boolean;
  /** Size of the whole output. */
  readonly outputBytes: number;
  readonly outputs: NamedOutputs;
};

export function outputFieldsOf(of: StepOutput = noOutput): OutputFields {
  const { output, outputCut, outputBytes, outputs } = of;
  return {
    output,
    outputCut,
    outputBytes: outputBytes ?? new TextEncoder().encode(output).length,
    outputs: outputs ?? {},
  };
}
