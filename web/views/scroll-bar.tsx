// Where in the whole run one reads, as a bar that can be dragged. It counts numbers of the journal, not pixels, so that
// a million lines need no element a million lines high.
import { useRef } from 'preact/hooks';

/** A thumb smaller than this cannot be taken hold of. */
const smallestThumb = 0.04;

export function ScrollBar(props: {
  firstSeq: number;
  headSeq: number;
  topSeq: number;
  bottomSeq: number;
  onSeek: (seq: number) => void;
}) {
  const { firstSeq, headSeq, topSeq, bottomSeq } = props;
  const track = useRef<HTMLDivElement>(null);
  const total = Math.max(1, headSeq - firstSeq);
  const size = Math.min(1, Math.max(smallestThumb, (bottomSeq - topSeq + 1) / total));
  const at = bottomSeq >= headSeq - 1 ? 1 : Math.min(1, Math.max(0, (topSeq - firstSeq) / total));
  const seek = (clientY: number): void => {
    const box = track.current?.getBoundingClientRect();
    if (box === undefined) return;
    const share = (clientY - box.top - (size * box.height) / 2) / (box.height * (1 - size) || 1);
    props.onSeek(share >= 1 ? headSeq : firstSeq + Math.round(Math.max(0, share) * total));
  };
  return (
    <div
      ref={track}
      class="scroll-bar"
      role="scrollbar"
      aria-controls="panel"
      aria-orientation="vertical"
      aria-label="Place in the run"
      aria-valuemin={firstSeq}
      aria-valuemax={headSeq}
      aria-valuenow={topSeq}
      tabIndex={-1}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        seek(event.clientY);
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) seek(event.clientY);
      }}
    >
      <span class="thumb" style={{ height: `${size * 100}%`, top: `${at * (1 - size) * 100}%` }} />
    </div>
  );
}
