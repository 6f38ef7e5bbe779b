// Colours and signs of what stepspan itself prints, and whether there are colours at all.

export type Style = {
  readonly colour: boolean;
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
};

export type Glyphs = Readonly<
  Record<
    | 'planned'
    | 'running'
    | 'retrying'
    | 'waiting'
    | 'paused'
    | 'success'
    | 'failure'
    | 'timeout'
    | 'cancellation'
    | 'skip'
    | 'more',
    string
  >
>;

/** All are one column wide in every font that has them. */
export const unicodeGlyphs: Glyphs = {
  planned: '·',
  running: '▶',
  retrying: '↻',
  waiting: '◌',
  paused: '‖',
  success: '✓',
  failure: '✗',
  timeout: '◷',
  cancellation: '⊘',
  skip: '−',
  more: '…',
};

export const asciiGlyphs: Glyphs = {
  planned: '.',
  running: '>',
  retrying: '~',
  waiting: 'w',
  paused: '=',
  success: '+',
  failure: 'x',
  timeout: 't',
  cancellation: 'c',
  skip: '-',
  more: ':',
};

export function createStyle(colour: boolean): Style {
  const sgr = (open: number, close: number) => (text: string) =>
    colour && text !== '' ? `\x1b[${open}m${text}\x1b[${close}m` : text;
  return {
    colour,
    bold: sgr(1, 22),
    dim: sgr(2, 22),
    red: sgr(31, 39),
    green: sgr(32, 39),
    yellow: sgr(33, 39),
    cyan: sgr(36, 39),
  };
}

/**
 * Whether to print colours: the setting first, then NO_COLOR (no-color.org) and FORCE_COLOR (Node's own reading of it), then
 * whether there is a terminal that can.
 */
export function wantsColour(
  setting: 'auto' | 'always' | 'never',
  env: NodeJS.ProcessEnv,
  out: { readonly isTTY?: boolean | undefined },
): boolean {
  if (setting !== 'auto') return setting === 'always';
  const { NO_COLOR, FORCE_COLOR, TERM } = env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return out.isTTY === true && TERM !== 'dumb';
}

/** The signs of the locale: one without UTF-8 gets ASCII. POSIX order of the variables; none set means C. */
export function glyphsFor(env: NodeJS.ProcessEnv): Glyphs {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return /utf-?8/i.test(locale) ? unicodeGlyphs : asciiGlyphs;
}
