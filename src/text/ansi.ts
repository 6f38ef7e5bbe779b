// Terminal escape sequences: where they are, what they are, and text without them. Pure. Read by the model of a terminal
// (screen.ts) and by callers that remove them from a text that nothing redraws.
// ECMA-48 (CSI, OSC, DCS, SOS, PM, APC) and the two-byte escapes; both the ESC forms and the one-character C1 forms.

export type Escape =
  | { readonly kind: 'csi'; readonly params: string; readonly final: string; readonly end: number }
  /** OSC, DCS and the like. `content` is that of an OSC, else ''. */
  | { readonly kind: 'string'; readonly content: string; readonly end: number }
  | { readonly kind: 'short'; readonly final: string; readonly end: number };

// Sticky, so that a text is read once from front to back. A string ends at ST or BEL; one without an end is cut at the end
// of its line, because nothing behind it was shown. It contains no other introducer, so reading stays linear.
const csi = /(?:\x1b\[|\x9b)([0-?]*)([ -/]*)([@-~]?)/y;
const controlString =
  /(?:\x1b([\]PX^_])|([\x9d\x90\x98\x9e\x9f]))([^\x07\x1b\x90\x98\x9b-\x9f\n]*)(\x07|\x1b\\|\x9c)?/y;
const short = /\x1b[ -/]*([0-~]?)|[\x80-\x9f]/y;

/** The sequence that begins at `at`; undefined if none does. */
export function escapeAt(text: string, at: number): Escape | undefined {
  const code = text.charCodeAt(at);
  if (code !== 0x1b && (code < 0x80 || code > 0x9f)) return undefined;
  const sequence = match(csi, text, at);
  if (sequence !== null) {
    const [all, params = '', between = '', final = ''] = sequence;
    // With bytes between, it is another function than the final byte says.
    return { kind: 'csi', params, final: between === '' ? final : '', end: at + all.length };
  }
  const string = match(controlString, text, at);
  if (string !== null) {
    const [all, seven, eight, content = ''] = string;
    return { kind: 'string', content: seven === ']' || eight === '\x9d' ? content : '', end: at + all.length };
  }
  const other = match(short, text, at);
  if (other === null) return undefined;
  const [all, final = ''] = other;
  // The C1 forms of the two-byte escapes: U+0085 is ESC E.
  const c1 = code === 0x1b ? '' : String.fromCharCode(code - 0x40);
  // With bytes between (`ESC ( B`) it names a character set.
  return { kind: 'short', final: all.length > 2 ? '' : c1 || final, end: at + all.length };
}

/** Marks of writing direction, with which text can be shown in another order than it is read (CVE-2021-42574). */
export const directionMarks = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const anyEscape = /[\x1b\x80-\x9f]/g;

/** The text without escape sequences, for places that draw nothing. All other characters are kept. */
export function stripAnsi(text: string): string {
  anyEscape.lastIndex = 0;
  if (!anyEscape.test(text)) return text;
  let kept = '';
  let at = 0;
  anyEscape.lastIndex = 0;
  for (let found = anyEscape.exec(text); found !== null; found = anyEscape.exec(text)) {
    kept += text.slice(at, found.index);
    at = escapeAt(text, found.index)?.end ?? found.index + 1;
    anyEscape.lastIndex = at;
  }
  return kept + text.slice(at);
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
