// One row of the timeline: what it is, how long it took, and its bar. Called by timeline.tsx.
import { useMemo } from 'preact/hooks';
import { formatCount, plural } from '../../src/core/units.ts';
import { duration } from '../model/format.ts';
import { stateWord } from '../model/run.ts';
import { Icon, StatusGlyph } from '../views/parts.tsx';
import type { TimeRange } from './range.ts';
import { marksOf } from './strip.ts';
import type { Row as RowModel, TimelineNode } from './tree.ts';

/** A bar that is narrower is still seen and can be pointed at. */
const narrowestPercent = 0.2;

export type RowProps = {
  readonly row: RowModel;
  /** Undefined for one that has nothing below. */
  readonly isOpen: boolean | undefined;
  readonly isActive: boolean;
  readonly isChosen: boolean;
  readonly isCritical: boolean;
  readonly top: number;
  readonly range: TimeRange;
  readonly zeroMs: number;
  readonly nowMs: number;
};

/** The tree has the focus and names its active row, so rows and cells are not focusable themselves. */
export const roles = { row: { role: 'row' }, cell: { role: 'gridcell' }, head: { role: 'columnheader' } } as const;

export function rowId(id: string): string {
  return `row-${id}`;
}

export function Row(props: RowProps) {
  const { row, isOpen, isActive, isChosen, isCritical, top, range, zeroMs } = props;
  const { node, level } = row;
  // The clock of a page that watches moves what is open, and nothing else.
  const nowMs = isSettled(node) ? 0 : props.nowMs;
  const place = {
    ...{ 'aria-level': level, 'aria-expanded': isOpen, 'aria-selected': isChosen },
    ...{ 'aria-posinset': row.position, 'aria-setsize': row.siblings },
  };
  return useMemo(
    () => (
      <div
        class={`row k-${node.kind} ${isActive ? 'active' : ''} ${isChosen ? 'chosen' : ''}`}
        {...roles.row}
        {...place}
        id={rowId(node.id)}
        data-id={node.id}
        style={{ top: `${top}px` }}
      >
        <span class="label" {...roles.cell} style={{ paddingLeft: `${indentOf(level)}px` }}>
          {isOpen === undefined ? (
            <span class="fold" />
          ) : (
            <span class={`fold ${isOpen ? 'open' : ''}`} aria-hidden="true">
              <Icon name="down" />
            </span>
          )}
          {hasGlyph(node) && <StatusGlyph state={node.state === 'none' ? 'planned' : node.state} />}
          <span class="name">{node.label}</span>
          {node.detail !== '' && <span class="detail">{node.detail}</span>}
          {isOpen === false && <span class="count">{formatCount(node.below)}</span>}
          <span class="sr-only">{spoken(node, isCritical, isOpen)}</span>
        </span>
        <span class="took tabular" {...roles.cell}>
          {tookOf(node, nowMs)}
        </span>
        <span class="track" {...roles.cell}>
          <Bar {...{ node, isCritical, range, nowMs }} isClosed={isOpen === false} />
          <span class="sr-only">{whenText(node, zeroMs)}</span>
        </span>
      </div>
    ),
    [node, level, isOpen, isActive, isChosen, isCritical, top, range.fromMs, range.toMs, nowMs, row.siblings],
  );
}

function Bar(props: { node: TimelineNode; isClosed: boolean; isCritical: boolean; range: TimeRange; nowMs: number }) {
  const { node, range, nowMs } = props;
  const { startMs } = node;
  if (startMs === undefined) return null;
  const { fromMs, toMs } = range;
  const endMs = node.endMs ?? nowMs;
  if (endMs < fromMs || startMs > toMs) return null;
  const place = (ms: number): number => (100 * (Math.min(toMs, Math.max(fromMs, ms)) - fromMs)) / (toMs - fromMs);
  const left = Math.min(place(startMs), 100 - narrowestPercent);
  const width = Math.max(narrowestPercent, place(endMs) - left);
  const marks = props.isClosed ? marksOf(node, range, nowMs) : [];
  return (
    <span
      class={`span k-${node.kind} s-${node.state} ${props.isCritical ? 'critical' : ''}`}
      style={{ left: `${left}%`, width: `${width}%` }}
    >
      {marks.map((mark) => (
        <span
          key={mark.left}
          class={`mark m-${mark.kind}`}
          style={{ left: `${mark.left}%`, width: `${mark.width}%` }}
        />
      ))}
    </span>
  );
}

const indentPx = 14;
/** Deeper ones are not moved further to the right: their names would have no room. */
const deepest = 9;

function indentOf(level: number): number {
  return indentPx * (Math.min(level, deepest) - 1);
}

function isSettled({ startMs, endMs }: TimelineNode): boolean {
  return startMs === undefined || endMs !== undefined;
}

/** Of calls only those that failed or still run: a tick at each of thousands says nothing. */
function hasGlyph({ kind, state }: TimelineNode): boolean {
  return kind === 'run' || kind === 'step' || kind === 'attempt' || (state !== 'none' && state !== 'success');
}

function tookOf({ startMs, endMs, state }: TimelineNode, nowMs: number): string {
  if (startMs === undefined) return state === 'none' ? '' : stateWord(state);
  return duration((endMs ?? nowMs) - startMs);
}

function spoken(node: TimelineNode, isCritical: boolean, isOpen: boolean | undefined): string {
  const parts = [
    hasGlyph(node) && node.state !== 'none' && node.startMs !== undefined ? stateWord(node.state) : '',
    isOpen === undefined ? '' : `${plural(node.below, 'span')} below`,
    node.failedBelow > 0 ? `${formatCount(node.failedBelow)} failed` : '',
    isCritical ? 'on the critical path' : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function whenText({ startMs }: TimelineNode, zeroMs: number): string {
  return startMs === undefined ? '' : `${duration(startMs - zeroMs)} after the start`;
}
