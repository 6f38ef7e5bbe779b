// Beside each line: its number, which is a link to it that can be shared, and the step it is from.
import { timeOfDay } from '../model/format.ts';
import type { ScreenRow } from '../output/screen.ts';
import { formatRoute } from '../route.ts';

export function Gutter(props: {
  rows: readonly ScreenRow[];
  runId: string;
  rowHeight: number;
  names: ReadonlyMap<string, string>;
  marked: number | undefined;
  hit: number | undefined;
}) {
  const { rows, rowHeight } = props;
  return (
    <ol class="gutter" aria-label="Line numbers">
      {rows.map((row, index) => {
        const { line } = row;
        const newStep = rows[index - 1]?.line.step !== line.step;
        const mark = line.seq === props.marked ? 'marked' : line.seq === props.hit ? 'hit' : '';
        return (
          <li
            key={index}
            class={`${mark} st-${line.stream} v-${line.severity}`}
            style={{ height: `${rowHeight}px`, lineHeight: `${rowHeight}px` }}
          >
            {row.first && (
              <a
                href={formatRoute({ view: 'run', runId: props.runId, tab: 'output', line: line.seq })}
                title={`Line ${line.seq}, ${timeOfDay(line.timeMs)}, ${line.stream}`}
                tabIndex={-1}
              >
                {line.seq}
              </a>
            )}
            <span class="step clip" title={line.step === undefined ? '' : (props.names.get(line.step) ?? line.step)}>
              {newStep && line.step !== undefined ? (props.names.get(line.step) ?? line.step) : ''}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
