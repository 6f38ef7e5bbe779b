// The lines on the screen as text, for screen readers: the terminal draws them in a way that these cannot follow. Called by
// output-panel.tsx.
import { useEffect, useState } from 'preact/hooks';
import { plural } from '../../src/core/units.ts';
import { parseLine, plainText } from '../output/ansi-line.ts';
import type { ScreenRow } from '../output/screen.ts';

/** Nobody listens faster, and it costs a fast run nothing. */
const everyMs = 500;

export function LinesForReaders(props: { rows: readonly ScreenRow[]; names: ReadonlyMap<string, string> }) {
  const [shown, setShown] = useState<readonly ScreenRow[]>([]);
  useEffect(() => {
    const timer = setTimeout(() => setShown(props.rows.filter(({ first }) => first)), everyMs);
    return () => clearTimeout(timer);
  }, [props.rows]);
  return (
    <ol class="sr-only">
      {shown.map(({ line, fold }, index) => (
        <li key={line.seq}>
          {line.step !== undefined &&
            shown[index - 1]?.line.step !== line.step &&
            `${props.names.get(line.step) ?? line.step}: `}
          {line.severity === 'error' || line.severity === 'warning' ? `${line.severity}: ` : ''}
          {fold?.kind === 'group' ? fold.title : plainText(parseLine(line.text).runs)}
          {fold?.isOpen === false && `, ${plural(fold.hidden, 'line')} folded`}
        </li>
      ))}
    </ol>
  );
}
