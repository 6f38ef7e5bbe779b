// Terminal escape sequences: where they are and text without them. Pure; sequences do not go on from line to line.
// ECMA-48 (CSI, OSC, DCS, SOS, PM, APC) and the two-byte escapes; both the ESC forms and the one-character C1 forms.

/**
 * In order: string sequences with their end (ST or BEL), CSI also where it is cut off at the line's end, the introducer
 * of a string that this line does not end (its text is kept, since nobody can say where it stops), two-byte escapes.
 */
const escapes =
  /(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[\]PX^_]|\x1b[ -/]*[0-~]|[\x1b\x90\x98\x9b-\x9f]/g;

const anyEscape = /[\x1b\x90\x98\x9b-\x9f]/;

/** Whether `stripAnsi` would change the text. */
export function hasAnsi(text: string): boolean {
  return anyEscape.test(text);
}

/** The text as a person reads it. Other control characters (tab, carriage return, backspace) are kept. */
export function stripAnsi(text: string): string {
  return anyEscape.test(text) ? text.replace(escapes, '') : text;
}
