// What a command printed, with its colours, as elements: the text as it was seen at its end. Called by tool-view.tsx.
import { type Run, seenTextRows } from '../../src/text/seen.ts';

/** Longer output is cut in its event already; this bounds the elements that one block makes. */
const maxRows = 400;

export function AnsiText({ text }: { text: string }) {
  const rows = seenTextRows(text);
  const shown = rows.slice(0, maxRows);
  return (
    <>
      {shown.map((row, index) => (
        <span key={index} class="row">
          {row.map((run, at) => (
            <span key={at} {...lookOf(run)}>
              {run.text}
            </span>
          ))}
          {'\n'}
        </span>
      ))}
      {rows.length > shown.length && <span class="muted">… {rows.length - shown.length} more lines</span>}
    </>
  );
}

const styles: Readonly<Record<number, string>> = {
  1: 'bold',
  2: 'faint',
  3: 'italic',
  4: 'underline',
  7: 'inverse',
  9: 'strike',
};

/** Classes for the 16 colours of a terminal; the colours of a program's own choice are drawn as they are. */
function lookOf({ sgr }: Run): { readonly class?: string; readonly style?: { readonly color: string } } {
  if (sgr === '') return {};
  const codes = sgr.split(/[;:]/).map(Number);
  const classes: string[] = [];
  let color: string | undefined;
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at] ?? 0;
    const style = styles[code];
    if (style !== undefined) classes.push(style);
    else if (code >= 30 && code <= 37) classes.push(`fg-${code - 30}`);
    else if (code >= 90 && code <= 97) classes.push(`fg-${code - 90 + 8}`);
    else if (code >= 40 && code <= 47) classes.push(`bg-${code - 40}`);
    else if (code === 38 || code === 48) {
      const [kind = 0, a = 0, b = 0, c = 0] = codes.slice(at + 1, at + 5);
      if (code === 38 && kind === 5 && a < 16) classes.push(`fg-${a}`);
      if (code === 38 && kind === 2) color = `rgb(${a} ${b} ${c})`;
      at += kind === 5 ? 2 : kind === 2 ? 4 : 0;
    }
  }
  return { class: classes.join(' '), ...(color === undefined ? {} : { style: { color } }) };
}
