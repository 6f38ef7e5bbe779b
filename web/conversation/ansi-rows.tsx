// What a command printed, with its colours, as elements: the text as it was seen at its end. Called by tool-view.tsx.
import { seenTextRows } from '../../src/text/seen.ts';
import { AnsiText } from '../views/parts.tsx';

/** Longer output is cut in its event already; this bounds the elements that one block makes. */
const maxRows = 400;

export function AnsiRows({ text }: { text: string }) {
  const rows = seenTextRows(text);
  const shown = rows.slice(0, maxRows);
  return (
    <>
      {shown.map((runs, index) => (
        <span key={index} class="row">
          <AnsiText runs={runs} />
          {'\n'}
        </span>
      ))}
      {rows.length > shown.length && <span class="muted">… {rows.length - shown.length} more lines</span>}
    </>
  );
}
