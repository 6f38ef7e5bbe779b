// Makes docs/images/demo.svg: runs the demo in a real terminal (tmux), takes the last screen of it with its colours, and
// draws it. `node demo/picture.ts` after a change of the demo or of what the terminal shows; tmux must be installed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripAnsi } from '../src/text/ansi.ts';

const columns = 100;
const rows = 60;
/** Width and height of a character in the picture, in px, and the edge around the text. */
const cell = { width: 7.8, height: 18 };
const edge = 16;
const root = path.resolve(import.meta.dirname, '..');
const target = path.join(root, 'docs', 'images', 'demo.svg');

type Style = { colour: string; bold: boolean; dim: boolean };
type Run = Style & { readonly column: number; text: string };

const plain: Style = { colour: '#d0d7de', bold: false, dim: false };
/** Of the eight colours that SGR 30 to 37 name, those of a common dark theme. */
const colours = ['#484f58', '#ff7b72', '#3fb950', '#d29922', '#58a6ff', '#bc8cff', '#39c5cf', '#d0d7de'];

const screen = await lastScreen();
const from = screen.findIndex((line) => stripAnsi(line).startsWith('report | The cause'));
const to = screen.findIndex((line) => stripAnsi(line).includes('stepspan show'));
if (from < 0 || to < 0) throw new Error(`the demo did not come to its end:\n${screen.map(stripAnsi).join('\n')}`);
mkdirSync(path.dirname(target), { recursive: true });
writeFileSync(target, svgOf(screen.slice(from, to + 1)));

/** The lines of the terminal when the demo has ended, with SGR sequences. */
async function lastScreen(): Promise<readonly string[]> {
  // A server of its own, so that nobody's sessions or configuration take part.
  const tmux = (...args: string[]): string =>
    execFileSync('tmux', ['-L', `stepspan-picture-${process.pid}`, '-f', '/dev/null', ...args], { encoding: 'utf8' });
  const command = `'${process.execPath}' '${path.join(import.meta.dirname, 'main.ts')}'; sleep 60`;
  tmux('-u', 'new-session', '-d', '-x', String(columns), '-y', String(rows), command);
  try {
    for (let tries = 0; tries < 120; tries++) {
      await sleep(500);
      const text = tmux('capture-pane', '-p', '-e');
      if (stripAnsi(text).includes('Try next')) return text.split('\n');
    }
    return tmux('capture-pane', '-p').split('\n');
  } finally {
    tmux('kill-server');
  }
}

function svgOf(lines: readonly string[]): string {
  const width = Math.ceil(columns * cell.width + 2 * edge);
  const height = lines.length * cell.height + 2 * edge;
  let style = plain;
  const rows = lines.map((line, index) => {
    const { runs, after } = runsOf(line, style);
    style = after;
    const y = edge + index * cell.height + 13;
    return runs.map((run) => textOf(run, y)).join('');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="The terminal at the end of the demo">`,
    `<rect width="100%" height="100%" rx="8" fill="#0d1117"/>`,
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13" xml:space="preserve">`,
    ...rows.filter((row) => row !== ''),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

/** Each stretch of one style is put at its column, so that tables stand whatever font there is. */
function textOf({ column, text, colour, bold, dim }: Run, y: number): string {
  const x = (edge + column * cell.width).toFixed(1);
  const length = (text.length * cell.width).toFixed(1);
  const marks = `${bold ? ' font-weight="bold"' : ''}${dim ? ' opacity="0.6"' : ''}`;
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<text x="${x}" y="${y}" textLength="${length}" fill="${colour}"${marks}>${escaped}</text>`;
}

function runsOf(line: string, before: Style): { readonly runs: readonly Run[]; readonly after: Style } {
  const runs: Run[] = [];
  let style = before;
  let column = 0;
  for (const [index, part] of line.split(/\x1b\[([0-9;]*)m/).entries()) {
    if (index % 2 === 1) {
      style = part.split(';').reduce(withCode, style);
      continue;
    }
    // Cut at wider gaps, which keeps columns of a table apart in every font.
    for (const piece of part.matchAll(/\S+(?: \S+)*/g))
      runs.push({ ...style, column: column + piece.index, text: piece[0] });
    column += part.length;
  }
  return { runs, after: style };
}

function withCode(style: Style, code: string): Style {
  const number = Number(code);
  if (number === 0) return plain;
  if (number === 1) return { ...style, bold: true };
  if (number === 2) return { ...style, dim: true };
  if (number === 22) return { ...style, bold: false, dim: false };
  if (number === 39) return { ...style, colour: plain.colour };
  const base = number >= 90 ? number - 90 : number - 30;
  return { ...style, colour: colours[base] ?? style.colour };
}
