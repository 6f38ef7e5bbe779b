// The lines on the screen as text, for screen readers: the terminal draws them in a way that these cannot follow. Called by
// output-panel.tsx.
import { useEffect, useState } from 'preact/hooks';
import { parseLine, plainText } from '../output/ansi-line.ts';
import type { OutputLine } from '../output/line.ts';
import type { ScreenRow } from '../output/screen.ts';

/** Nobody listens faster, and it costs a fast run nothing. */
const everyMs = 500;

export function LinesForReaders(props: { rows: readonly ScreenRow[]; names: ReadonlyMap<string, string> }) {
  const [lines, setLines] = useState<readonly OutputLine[]>([]);
  useEffect(() => {
    const timer = setTimeout(() => setLines(props.rows.filter(({ first }) => first).map(({ line }) => line)), everyMs);
    return () => clearTimeout(timer);
  }, [props.rows]);
  return (
    <ol class="sr-only">
      {lines.map((line, index) => (
        <li key={line.seq}>
          {line.step !== undefined &&
            lines[index - 1]?.step !== line.step &&
            `${props.names.get(line.step) ?? line.step}: `}
          {line.severity === 'error' || line.severity === 'warning' ? `${line.severity}: ` : ''}
          {plainText(parseLine(line.text).runs)}
        </li>
      ))}
    </ol>
  );
}
