// The keys, in a dialog.
import { Dialog } from './parts.tsx';

const keys: readonly (readonly [string, string])[] = [
  ['Ctrl K', 'go to a run, a workflow or an action; search all output'],
  ['/', 'search the output, or the list of runs'],
  ['n  N', 'next hit, hit before'],
  ['f', 'next error of the steps that failed'],
  ['p', 'pause or resume the run'],
  ['g  G', 'first line, newest line (and follow)'],
  ['j  k', 'a line down, a line up'],
  ['w', 'wrap long lines'],
  ['t', 'times: local, since the start, UTC, none'],
  ['z', 'fold or unfold groups and stack traces; → ← on a line number: the one there'],
  ['J', 'lines that are JSON as fields, or as they were printed'],
  ['c', 'copy the marked lines, or all; Shift and a click on a number mark several'],
  ['↑  ↓', 'on a line number: the line before, the next; Enter links to it'],
  ['+  -', 'on the timeline: zoom; ← → move'],
  ['1 … 6', 'output, conversation, timeline, resources, alerts, summary'],
  ['Esc', 'leave the search'],
  ['?', 'this help'],
];

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl class="keys">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              {key.split('  ').map((one) => (
                <kbd key={one}>{one}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
