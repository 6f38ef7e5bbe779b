// Labels that people give a run, such as `team: payments`, to find it, to group runs and to add up what they cost: how many there
// may be, how a key is written and how long a value is. Pure; the workflow, the command line, the library and the page share it.

/** By key. */
export type Labels = Readonly<Record<string, string>>;

/** All of them are on every span and every log record of the run. */
export const maxLabels = 16;

/** How many keys can be labels of metrics. Each multiplies the number of series. */
export const maxMetricLabels = 5;

/**
 * Keys are written in one way in all backends: a dot or a dash would be `_` in Loki and Prometheus, and two keys could become one.
 */
export const labelKeyPattern = /^[a-z][a-z0-9_]{0,39}$/;

/** A fix by itself. */
export const labelKeyRule = 'a key starts with a small letter and has small letters, digits and `_`, at most 40';

/** Enough for the address of a pull request. In UTF-16 units. */
export const maxLabelLength = 200;

export type LabelProblem = { readonly message: string; readonly fix: string };

/** What is wrong with a value, or undefined. @param label what it is called, such as `` the label `team` `` */
export function problemOfLabelValue(value: string, label: string): LabelProblem | undefined {
  if (value.length > maxLabelLength) {
    const message = `${label} has ${value.length} characters, more than the ${maxLabelLength} that a label may have`;
    return { message, fix: 'write a shorter text, such as a number or a name' };
  }
  // Control characters, line ends included: it is a line of a list and a label of alerts.
  const hasControl = Array.from(value).some((character) => character < ' ' || character === '\u007f');
  return hasControl
    ? { message: `${label} has control characters or several lines`, fix: 'write one line' }
    : undefined;
}

/** How many there are too many of, in words, or undefined. */
export function problemOfLabelCount(count: number): LabelProblem | undefined {
  if (count <= maxLabels) return undefined;
  return { message: `there are ${count} labels, and a run may have at most ${maxLabels}`, fix: 'remove some of them' };
}

/** Labels without those that are empty: an empty value leaves a label out. */
export function withoutEmpty(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
}

export type ParsedLabel =
  | { readonly ok: true; readonly key: string; readonly value: string }
  | ({ readonly ok: false } & LabelProblem);

/** Reads `team=payments`. An empty value is one. */
export function parseLabel(text: string): ParsedLabel {
  const equals = text.indexOf('=');
  const key = equals === -1 ? text : text.slice(0, equals);
  if (equals < 1) return { ok: false, message: `"${text}" has no key and value`, fix: 'write KEY=VALUE' };
  const value = text.slice(equals + 1);
  const problem = labelKeyPattern.test(key)
    ? problemOfLabelValue(value, `the label \`${key}\``)
    : { message: `"${key}" cannot be the key of a label`, fix: labelKeyRule };
  return problem === undefined ? { ok: true, key, value } : { ok: false, ...problem };
}

/** Whether a run has all of the `wanted` ones. An empty one asks that it does not have that label. */
export function hasLabels(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => (labelValue(labels, key) ?? '') === value);
}

/** Undefined if there is none of that key. A label may be called `constructor`, which every object has. */
export function labelValue(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** `team=payments pr=42`, for one line. */
export function labelsText(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}
