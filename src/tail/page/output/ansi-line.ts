// What of a line may reach the terminal: text, colours (SGR), and links to http and https. Everything else is taken out or
// made visible. Lines are data from programs that nobody vouches for, so this allows and never forbids. Pure.

export type Run = {
  /** SGR parameters in force, such as `1;31`; '' for none. */
  readonly sgr: string;
  readonly text: string;
  readonly link: string | undefined;
};

/** A line that sets colours without end must not grow what is sent with each of its parts. */
const maxSgrLength = 120;
const maxLinkLength = 2_000;
const tabWidth = 8;
/** Longer lines are cut on the screen; the download has all of them. 100 rows of 200 columns. */
export const shownChars = 20_000;

/** Overrides of writing direction, with which text can be shown in another order than it is read. */
const directionMarks = /[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/;

export function parseLine(raw: string): readonly Run[] {
  const cut = raw.length > shownChars;
  const text = lastOverwrite(cut ? raw.slice(0, shownChars) : raw);
  const runs: Run[] = [];
  let sgr = '';
  let link: string | undefined;
  let plain = '';
  let column = 0;
  const flush = (): void => {
    if (plain !== '') runs.push({ sgr, text: plain, link });
    plain = '';
  };
  for (let at = 0; at < text.length; ) {
    const found = escapeAt(text, at);
    if (found !== undefined) {
      at = found.end;
      if (found.kind === 'sgr') {
        flush();
        sgr = nextSgr(sgr, found.params);
      } else if (found.kind === 'link') {
        flush();
        link = found.url;
      }
      continue;
    }
    const point = text.codePointAt(at) ?? 0;
    const char = String.fromCodePoint(point);
    at += char.length;
    const shown = point === 9 ? ' '.repeat(tabWidth - (column % tabWidth)) : visible(point, char);
    plain += shown;
    column += shown.length;
  }
  if (cut) plain += ` … ${raw.length - shownChars} more characters`;
  flush();
  return runs;
}

/** The line as a person reads it, for search and for copying. */
export function plainText(runs: readonly Run[]): string {
  return runs.map((run) => run.text).join('');
}

/** A bar of progress writes over itself with carriage returns: what a terminal would show in the end is its last part. */
function lastOverwrite(text: string): string {
  if (!text.includes('\r')) return text;
  return text.split('\r').findLast((part) => part !== '') ?? '';
}

/** Control characters become their pictures (U+2400 and on): they are seen, and do nothing. */
function visible(point: number, char: string): string {
  if (point < 0x20) return String.fromCodePoint(0x2400 + point);
  if (point === 0x7f) return '\u2421';
  if ((point > 0x7f && point < 0xa0) || directionMarks.test(char)) return '\ufffd';
  return char;
}

type Escape =
  | { readonly kind: 'sgr'; readonly params: string; readonly end: number }
  | { readonly kind: 'link'; readonly url: string | undefined; readonly end: number }
  | { readonly kind: 'dropped'; readonly end: number };

// Sticky, so that a line is read once from front to back. The forms are those of ECMA-48, as in text/ansi.ts.
const csi = /(?:\x1b\[|\x9b)([0-?]*)([ -/]*)([@-~]?)/y;
const controlString = /(?:\x1b([\]PX^_])|([\x9d\x90\x98\x9e\x9f]))([^\x07\x1b\x9c]*)(?:\x07|\x1b\\|\x9c)/y;
const short = /\x1b[\]PX^_]|\x1b[ -/]*[0-~]|[\x1b\x90\x98\x9b-\x9f]/y;

function escapeAt(text: string, at: number): Escape | undefined {
  const code = text.charCodeAt(at);
  if (code !== 0x1b && (code < 0x90 || code > 0x9f)) return undefined;
  const sequence = match(csi, text, at);
  if (sequence !== null) {
    const [all, params = '', between, final] = sequence;
    const isSgr = final === 'm' && between === '' && /^[0-9;:]*$/.test(params);
    return isSgr ? { kind: 'sgr', params, end: at + all.length } : { kind: 'dropped', end: at + all.length };
  }
  const string = match(controlString, text, at);
  if (string !== null) {
    const [all, seven, eight, content = ''] = string;
    const end = at + all.length;
    const hyperlink = seven === ']' || eight === '\x9d' ? /^8;[^;]*;(.*)$/s.exec(content) : null;
    return hyperlink === null ? { kind: 'dropped', end } : { kind: 'link', url: safeLink(hyperlink[1] ?? ''), end };
  }
  const other = match(short, text, at);
  return other === null ? undefined : { kind: 'dropped', end: at + other[0].length };
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Only http and https, written out by the URL parser, so that nothing in it can end the sequence it is put into. */
export function safeLink(text: string): string | undefined {
  if (text === '' || text.length > maxLinkLength || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined;
}

function nextSgr(now: string, params: string): string {
  if (params === '' || params === '0') return '';
  if (params.startsWith('0;')) return params.slice(2, 2 + maxSgrLength);
  const next = now === '' ? params : `${now};${params}`;
  return next.length > maxSgrLength ? params.slice(0, maxSgrLength) : next;
}
