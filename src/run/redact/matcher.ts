// One set of secrets and rules, ready to examine text: what is hidden, what cannot be decided before more text comes, and
// which marker takes the place of a secret. Pure and without the state of a stream. Owns how overlapping finds become one.
import type { Source } from './kinds.ts';
import { anchorsOf, locateNeedle, type Needle, type NeedleAnchor } from './literals.ts';
import { createOpenEnds, type Examining } from './open-ends.ts';
import type { Rule } from './rule.ts';
import { type Anchored, createSkipScan, SHORT_ANCHOR } from './skip-scan.ts';
import type { View } from './view.ts';

/** Bytes `start` to `end` of the view are hidden as one. `start` is negative when it began in the lead. */
export type Region = { readonly start: number; readonly end: number; readonly source: Source };

type Examination = {
  /** In ascending order, without overlaps. */
  readonly regions: readonly Region[];
  /** From here on nothing is decided; the length of the view when all is. */
  readonly holdFrom: number;
  /** From here on the bytes are needed when more text comes; never behind `holdFrom`. */
  readonly keepFrom: number;
};

export type Matcher = {
  readonly examine: (view: View, how: Examining) => Examination;
  readonly markerOf: (source: Source) => Buffer;
};

type Target = { readonly rule: Rule; readonly index: number } | { readonly anchor: NeedleAnchor };

export function createMatcher(needles: readonly Needle[], rules: readonly Rule[]): Matcher {
  const targets: Anchored<Target>[] = [];
  for (const needle of needles) {
    for (const { bytes, target } of anchorsOf(needle)) targets.push({ bytes, target: { anchor: target } });
  }
  for (const [index, rule] of rules.entries()) {
    for (const opening of rule.openings) {
      const offset = rule.anchorOffset ?? 0;
      targets.push({
        bytes: Buffer.from(opening.slice(offset, offset + SHORT_ANCHOR), 'latin1'),
        target: { rule, index },
      });
    }
  }
  const scan = createSkipScan(targets);
  const openEnds = createOpenEnds(needles, rules);
  const markers = createMarkers(needles);

  return {
    markerOf: markers,
    examine(view, how) {
      const found: Region[] = [];
      const size = view.bytes.length;
      let holdFrom = size;
      let keepFrom = size;
      const readTo = new Float64Array(rules.length).fill(Number.NEGATIVE_INFINITY);
      scan(view.bytes, (target, index) => {
        if ('anchor' in target) {
          const place = locateNeedle(view, target.anchor, index);
          if (place !== undefined) addRegion(found, { ...place, source: target.anchor.needle.source });
          return;
        }
        const opening = index - (target.rule.anchorOffset ?? 0);
        if (opening < (readTo[target.index] ?? 0)) return;
        const seen = target.rule.read(view, opening);
        if (seen === undefined) return;
        readTo[target.index] = seen.readTo;
        const { kind } = target.rule;
        if (seen.end > seen.start) addRegion(found, { start: seen.start, end: seen.end, source: { kind, name: kind } });
        if (seen.undecided !== undefined) {
          holdFrom = Math.min(holdFrom, how === 'unfinished' ? (seen.secretFrom ?? seen.undecided) : seen.undecided);
        }
        if (seen.undecided !== undefined || seen.more) keepFrom = Math.min(keepFrom, seen.from);
      });
      for (const open of openEnds(view, how)) {
        keepFrom = Math.min(keepFrom, open.start);
        if (open.kind === 'hide') addRegion(found, { start: open.start, end: size, source: open.source });
        if (open.kind === 'wait') holdFrom = Math.min(holdFrom, open.start);
      }
      const regions = found.length > 1 ? joinOverlapping(found) : found;
      if (how === 'closing' || isHiddenFrom(view, regions, holdFrom)) holdFrom = size;
      return { regions, holdFrom, keepFrom: Math.min(keepFrom, holdFrom) };
    },
  };
}

/** Joins with the last one at once, so that a text full of one overlapping secret makes one region and not a million. */
function addRegion(found: Region[], region: Region): void {
  const last = found.at(-1);
  if (last !== undefined && region.start < last.end && last.start < region.end)
    found[found.length - 1] = joined(last, region);
  else found.push(region);
}

function joinOverlapping(found: Region[]): readonly Region[] {
  found.sort((a, b) => a.start - b.start);
  const regions: Region[] = [];
  for (const region of found) addRegion(regions, region);
  return regions;
}

/**
 * A secret's own name says more than a format. Of two secrets or two formats the one that begins first names both, as
 * it may have been replaced before the other one was read.
 */
function joined(a: Region, b: Region): Region {
  const known = Number(isKnown(b.source)) - Number(isKnown(a.source));
  const first = a.start - b.start || b.end - a.end;
  const named = known > 0 || (known === 0 && first > 0) ? b : a;
  return { start: Math.min(a.start, b.start), end: Math.max(a.end, b.end), source: named.source };
}

function isKnown(source: Source): boolean {
  return source.kind === 'named' || source.kind === 'environment';
}

/** Whether the text from `index` on shows nothing but line ends, so that there is no reason to wait. */
function isHiddenFrom({ bytes }: View, regions: readonly Region[], index: number): boolean {
  const end = regions.findLast((region) => region.start <= index && region.end > index)?.end;
  return end !== undefined && bytes.subarray(end).every((byte) => byte === 0x0a || byte === 0x0d);
}

function createMarkers(needles: readonly Needle[]): (source: Source) => Buffer {
  const texts = needles.map((needle) => Buffer.from(needle.bytes).toString('latin1'));
  const made = new Map<string, Buffer>();
  return ({ name }) => {
    const known = made.get(name);
    if (known !== undefined) return known;
    const marker = Buffer.from(markerFor(name, texts), 'utf8');
    made.set(name, marker);
    return marker;
  };
}

/** Names are for people; a longer one would make lines unreadable. */
const MAX_NAME_LENGTH = 64;

/** No quotes and no backslash, so that JSON stays valid. The first is used unless a secret has these very marks. */
const frames = ['[]', '()', '{}', '<>', '**', '##', '~~', '^^', '||', '@@'] as const;

/**
 * The replacement for a secret called `name`, as `[hidden:NAME]`. It must never be, hold or complete a secret itself.
 * @param needles every form of every secret, as latin1 text: another frame, then a shorter text, is taken when the
 *   marker could be part of one together with its neighbours
 */
export function markerFor(name: string, needles: readonly string[]): string {
  const clean = name.replace(/[^A-Za-z0-9_.-]/g, '_').slice(0, MAX_NAME_LENGTH);
  for (const text of [`hidden:${clean}`, 'hidden', 'x', '']) {
    for (const frame of frames) {
      const marker = `${frame[0]}${text}${frame[1]}`;
      if (needles.every((needle) => cannotMeet(marker, needle))) return marker;
    }
  }
  // Secrets that hold all the marks above: the character that stands for unreadable text.
  return '\ufffd';
}

/** Whether no text that is made of the marker and anything around it can hold the needle in a part of the marker. */
function cannotMeet(marker: string, needle: string): boolean {
  if (marker.includes(needle) || needle.includes(marker)) return false;
  for (let length = 1; length <= Math.min(marker.length, needle.length); length++) {
    if (needle.startsWith(marker.slice(-length)) || needle.endsWith(marker.slice(0, length))) return false;
  }
  return true;
}
