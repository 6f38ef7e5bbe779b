// The xterm.js that draws rows: made here, sized to its element, in the colours of the page. It keeps no lines of its own:
// each frame writes all rows of the screen anew, with wrapping off and a position for each, so that rows cannot mix.
import { type ITheme, Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { safeLink } from '../../src/text/link.ts';
import type { ScreenRow } from './screen.ts';

export type TerminalView = {
  readonly size: () => { readonly rows: number; readonly columns: number; readonly rowHeight: number };
  readonly draw: (rows: readonly ScreenRow[]) => void;
  /** Fits rows and columns to the element. @returns whether the size changed */
  readonly fit: () => boolean;
  readonly setTheme: (dark: boolean) => void;
  readonly hasSelection: () => boolean;
  readonly focus: () => void;
  readonly dispose: () => void;
};

const fontSize = 12.5;
const lineHeight = 1.3;

export function createTerminal(element: HTMLElement, dark: boolean): TerminalView {
  const terminal = new Terminal({
    rows: 24,
    cols: 100,
    scrollback: 0,
    disableStdin: true,
    cursorInactiveStyle: 'none',
    cursorStyle: 'bar',
    cursorWidth: 1,
    convertEol: false,
    fontFamily: 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
    fontSize,
    lineHeight,
    minimumContrastRatio: 4.5,
    theme: themeOf(dark),
    linkHandler: {
      activate: (_event, text) => {
        const url = safeLink(text);
        if (url !== undefined) window.open(url, '_blank', 'noopener,noreferrer');
      },
      allowNonHttpProtocols: false,
    },
    // Keys are the page's: the terminal takes no input.
    screenReaderMode: false,
  });
  // Nothing may ask the terminal to answer, to take the clipboard or to change its title, even if it got this far.
  for (const code of [0, 1, 2, 4, 10, 11, 12, 52, 104]) terminal.parser.registerOscHandler(code, () => true);
  terminal.open(element);
  terminal.attachCustomKeyEventHandler(() => false);
  const input = element.querySelector('textarea');
  input?.setAttribute('tabindex', '-1');
  input?.setAttribute('aria-hidden', 'true');
  terminal.write('\x1b[?25l\x1b[?7l');
  let last = '';

  const cell = (): { readonly width: number; readonly height: number } => {
    const screen = element.querySelector('.xterm-screen');
    const box = screen?.getBoundingClientRect();
    return {
      width: (box?.width ?? 0) / terminal.cols || 7.5,
      height: (box?.height ?? 0) / terminal.rows || fontSize * lineHeight,
    };
  };

  return {
    size: () => ({ rows: terminal.rows, columns: terminal.cols, rowHeight: cell().height }),
    draw(rows) {
      let text = '';
      for (let at = 0; at < terminal.rows; at++) text += `\x1b[${at + 1};1H\x1b[0m\x1b[2K${rows[at]?.ansi ?? ''}`;
      if (text === last) return;
      last = text;
      terminal.write(text);
    },
    fit() {
      const { width, height } = cell();
      const columns = Math.max(20, Math.floor(element.clientWidth / width));
      const rows = Math.max(4, Math.floor(element.clientHeight / height));
      if (columns === terminal.cols && rows === terminal.rows) return false;
      terminal.resize(columns, rows);
      last = '';
      return true;
    },
    setTheme(isDark) {
      terminal.options.theme = themeOf(isDark);
    },
    hasSelection: () => terminal.hasSelection(),
    focus: () => element.focus(),
    dispose: () => terminal.dispose(),
  };
}

/** The sixteen colours in tones that have at least 4.5:1 against the page's surface; xterm lifts what programs choose. */
function themeOf(dark: boolean): ITheme {
  return dark
    ? {
        background: '#11151c',
        foreground: '#d5dbe5',
        selectionBackground: '#2f4a86',
        black: '#5c6675',
        red: '#ff8a8a',
        green: '#7fd69b',
        yellow: '#e6c068',
        blue: '#8ab4ff',
        magenta: '#d8a2f5',
        cyan: '#74d0dc',
        white: '#d5dbe5',
        brightBlack: '#8c97a8',
        brightRed: '#ffaaaa',
        brightGreen: '#a3e6b8',
        brightYellow: '#f3d68e',
        brightBlue: '#aecbff',
        brightMagenta: '#e6c2fa',
        brightCyan: '#a0e2ea',
        brightWhite: '#ffffff',
      }
    : {
        background: '#ffffff',
        foreground: '#1f2733',
        selectionBackground: '#bfd3ff',
        black: '#1f2733',
        red: '#b3261e',
        green: '#1a7038',
        yellow: '#7d5700',
        blue: '#2149b8',
        magenta: '#8a2aa8',
        cyan: '#0b6a78',
        white: '#566072',
        brightBlack: '#5b6575',
        brightRed: '#c4362d',
        brightGreen: '#1d7a3e',
        brightYellow: '#8a6100',
        brightBlue: '#2d58cc',
        brightMagenta: '#9a3ab8',
        brightCyan: '#0f7382',
        brightWhite: '#1f2733',
      };
}
