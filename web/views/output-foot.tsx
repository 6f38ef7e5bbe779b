// Below the output: which lines are on the screen, and whether new ones are followed, loaded, or were skipped.
import { formatCount } from '../../src/core/units.ts';
import type { FeedState } from '../output/feed.ts';

export function OutputFoot(props: {
  state: FeedState;
  first: number | undefined;
  last: number | undefined;
  /** Of the run, whatever is chosen of them. */
  lines: number;
  open: boolean;
}) {
  const { state, first, last, lines } = props;
  return (
    <p class="output-foot muted tabular">
      <span>
        {first !== undefined && last !== undefined && `lines ${formatCount(first)} to ${formatCount(last)} of `}
        {formatCount(Math.max(lines, last ?? 0))}
        {(first === undefined || last === undefined) && (lines === 1 ? ' line' : ' lines')}
      </span>
      <span role="status">
        {state.jumpedLines > 0 && `jumped ${formatCount(state.jumpedLines)} lines to keep up; scroll up to read them`}
      </span>
      <span>{place(state, props.open)}</span>
    </p>
  );
}

function place(state: FeedState, open: boolean): string {
  if (state.following) return open ? 'following' : 'end of the run';
  if (state.loading) return 'loading';
  return open ? 'stopped; scroll to the end to follow' : '';
}
