// A change of a file: lines with their numbers, what was added and what was removed. Called by tool-view.tsx.
import type { Hunk, Patch } from '../../src/conversation/index.ts';

export function Diff({ patch }: { patch: Patch }) {
  return (
    <div class="diff" tabIndex={0} role="group" aria-label={`Change of ${patch.file}`}>
      {patch.hunks.map((hunk, index) => (
        <DiffHunk key={index} hunk={hunk} isFirst={index === 0} />
      ))}
      {patch.hunks.length === 0 && <p class="muted">{patch.isNew ? 'An empty file' : 'No line changed'}</p>}
      {patch.isCut && <p class="muted">More lines follow; the raw message has all of them.</p>}
    </div>
  );
}

function DiffHunk({ hunk, isFirst }: { hunk: Hunk; isFirst: boolean }) {
  let old = hunk.oldStart;
  let next = hunk.newStart;
  const hasNumbers = hunk.oldStart > 0 || hunk.newStart > 0;
  return (
    <>
      {!isFirst && <div class="gap">⋯</div>}
      {hunk.lines.map((line, index) => {
        const kind = line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : 'same';
        const number = kind === 'removed' ? old : next;
        if (kind !== 'added') old += 1;
        if (kind !== 'removed') next += 1;
        return (
          <div key={index} class={`line ${kind}`}>
            <span class="number" aria-hidden="true">
              {hasNumbers ? number : ''}
            </span>
            <span class="sign">{kind === 'added' ? '+' : kind === 'removed' ? '−' : ' '}</span>
            <span class="text">{line.slice(1)}</span>
          </div>
        );
      })}
    </>
  );
}
