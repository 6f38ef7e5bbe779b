// The colours and weights that are in force (SGR, ECMA-48 8.3.117), as the parameters that set them from nothing. Pure.
// They are kept by attribute and not as the list of codes that came, so the state stays short however often it changes.

/** Attributes that a code sets, each with the codes that end it. */
const setters: Readonly<Record<string, string>> = {
  1: 'bold',
  2: 'dim',
  3: 'italic',
  4: 'underline',
  5: 'blink',
  6: 'blink',
  7: 'inverse',
  8: 'hidden',
  9: 'strike',
  21: 'underline',
  53: 'overline',
};
const enders: Readonly<Record<string, readonly string[]>> = {
  22: ['bold', 'dim'],
  23: ['italic'],
  24: ['underline'],
  25: ['blink'],
  27: ['inverse'],
  28: ['hidden'],
  29: ['strike'],
  39: ['fg'],
  49: ['bg'],
  55: ['overline'],
  59: ['underlineColour'],
};
const extended: Readonly<Record<string, string>> = { 38: 'fg', 48: 'bg', 58: 'underlineColour' };
/** The order in which attributes are written. */
const order = [
  'bold',
  'dim',
  'italic',
  'underline',
  'blink',
  'inverse',
  'hidden',
  'strike',
  'overline',
  'fg',
  'bg',
  'underlineColour',
];
/** The longest colour in use is `38:2:0:255:255:255`; a longer parameter is none. */
const maxParameter = 24;
/** All attributes at once are shorter; what is longer does not set colours. */
const maxParams = 256;
/** Programs repeat a few combinations all the time. */
const maxRemembered = 500;
const remembered = new Map<string, string>();

/**
 * @param now parameters in force, '' for none
 * @param params of an SGR sequence: digits, `;` and `:`
 * @returns the parameters in force behind it
 */
export function nextSgr(now: string, params: string): string {
  if (params === '' || params === '0') return '';
  if (params.length > maxParams) return now;
  const key = `${now}|${params}`;
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const next = parametersOf(apply(apply(new Map(), now), params));
  if (remembered.size >= maxRemembered) remembered.clear();
  remembered.set(key, next);
  return next;
}

function apply(state: Map<string, string>, params: string): Map<string, string> {
  if (params === '') return state;
  const parts = params.split(';');
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at] ?? '';
    const code = String(Number(part.split(':', 1)[0]));
    const colour = extended[code];
    if (colour !== undefined) {
      const { value, used } = extendedColour(parts, at);
      if (value !== undefined) state.set(colour, value);
      at += used;
      continue;
    }
    applyCode(state, code, part);
  }
  return state;
}

function applyCode(state: Map<string, string>, code: string, part: string): void {
  if (code === '0') state.clear();
  const name = setters[code];
  // `4:0` ends an underline, `4:3` is a curly one.
  if (part === '4:0') state.delete('underline');
  else if (name !== undefined) state.set(name, part.length > maxParameter ? code : part);
  for (const ended of enders[code] ?? []) state.delete(ended);
  const number = Number(code);
  if ((number >= 30 && number <= 37) || (number >= 90 && number <= 97)) state.set('fg', code);
  if ((number >= 40 && number <= 47) || (number >= 100 && number <= 107)) state.set('bg', code);
}

/** `38;5;N`, `38;2;R;G;B`, or all of it in one parameter with colons. */
function extendedColour(parts: readonly string[], at: number): { value: string | undefined; used: number } {
  const part = parts[at] ?? '';
  if (part.includes(':')) return { value: part.length > maxParameter ? undefined : part, used: 0 };
  const used = parts[at + 1] === '5' ? 2 : parts[at + 1] === '2' ? 4 : 0;
  const values = parts.slice(at, at + used + 1);
  const isWhole = used > 0 && values.length === used + 1 && values.every((value) => /^\d{1,3}$/.test(value));
  return { value: isWhole ? values.join(';') : undefined, used };
}

function parametersOf(state: ReadonlyMap<string, string>): string {
  return order.flatMap((name) => state.get(name) ?? []).join(';');
}
