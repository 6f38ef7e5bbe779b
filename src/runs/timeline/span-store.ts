// The spans of a run as they are collected: each once, under an id that does not change, with the number of the record that changed it
// last, so that a page asks for what has changed. Spans of Claude Code's telemetry are merged into those of its output. Bounded. No IO.
import type { ModelUsage } from '../../core/claude-event.ts';
import type { OutcomeKind } from '../../core/outcome.ts';
import type { Subject } from '../../core/record.ts';

export const spanKinds = [
  ...(['run', 'step', 'attempt', 'retry_wait', 'pause', 'stall'] as const),
  /** One answer of the model and the tools that it called. */
  'turn',
  'model',
  'tool',
  /** Of Claude Code's telemetry: what has no other kind, such as a hook. */
  'claude',
  /** Stands for the spans of an attempt that were over the bound. */
  'more',
] as const;

export type SpanKind = (typeof spanKinds)[number];

/** A span of Claude Code's telemetry: where it is in the journal, and its ids in the trace. */
export type TelemetryPlace = { readonly seq: number; readonly id: string; readonly parentId: string | undefined };

export type TimelineSpan = {
  readonly id: string;
  readonly parentId: string | undefined;
  readonly kind: SpanKind;
  readonly name: string;
  /** What it is about in one line, such as the command of a tool call. */
  readonly detail: string;
  readonly step: string | undefined;
  readonly attempt: number | undefined;
  readonly startNs: bigint;
  /** `undefined` while it lasts. */
  readonly endNs: bigint | undefined;
  readonly result: OutcomeKind | 'tool_error' | undefined;
  /** The events with which it began and ended; `undefined` for a span that only the telemetry has. */
  readonly seq: number | undefined;
  readonly endSeq: number | undefined;
  readonly telemetry: TelemetryPlace | undefined;
  readonly usage: ModelUsage | undefined;
  /** How many spans it stands for. */
  readonly count: number;
};

/** A span that may still change. */
export type Draft = { -readonly [K in keyof TimelineSpan]: TimelineSpan[K] } & { changedSeq: number };

export type NewSpan = Pick<Draft, 'id' | 'kind' | 'name' | 'step' | 'attempt' | 'startNs'> & Partial<Draft>;

/** Every run has them, and they are few; all others count for the bound. */
const structure: ReadonlySet<SpanKind> = new Set(['run', 'step', 'more']);

export function attemptId(step: string, attempt: number): string {
  return `attempt:${step}#${attempt}`;
}

export function latest(one: bigint, other: bigint): bigint {
  return [one, other].reduce((most, each) => (each > most ? each : most));
}

export class SpanStore {
  /** The number of the record that is being read. */
  seq = 0;
  readonly #limit: number;
  readonly #spans = new Map<string, Draft>();
  /** Ids of those that have not ended: as few as what runs. */
  readonly #open = new Set<string>();
  readonly #removed = new Map<string, number>();
  /** Ids by the ids of the telemetry. */
  readonly #names = new Map<string, string>();
  /** By the telemetry id of a parent that has not come: the ids of its children. */
  readonly #waiting = new Map<string, string[]>();
  #bounded = 0;
  #dropped = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @returns undefined if there is no room: the span is then counted */
  add(span: NewSpan): Draft | undefined {
    const isBounded = !structure.has(span.kind);
    if (isBounded && this.#bounded >= this.#limit) {
      this.#dropped += 1;
      this.#countMore(span);
      return undefined;
    }
    const draft: Draft = { ...blank, ...span, changedSeq: this.seq };
    if (isBounded && !this.#spans.has(span.id)) this.#bounded += 1;
    this.#spans.set(span.id, draft);
    if (draft.endNs === undefined) this.#open.add(span.id);
    const parent = draft.telemetry?.parentId;
    if (draft.parentId === undefined && parent !== undefined && !this.#names.has(parent))
      this.#waiting.set(parent, [...(this.#waiting.get(parent) ?? []), span.id]);
    return draft;
  }

  get(id: string | undefined): Draft | undefined {
    return id === undefined ? undefined : this.#spans.get(id);
  }

  /** What was counted is nothing. */
  uncount({ step, attempt }: Subject): void {
    this.#dropped -= 1;
    const more = this.get(`more:${step}#${attempt}`);
    if (more !== undefined) this.change(more, { count: more.count - 1 });
  }

  change(draft: Draft, fields: Partial<Draft>): void {
    Object.assign(draft, fields);
    draft.changedSeq = this.seq;
  }

  end(draft: Draft | undefined, timeNs: bigint, fields: Partial<Draft> = {}): void {
    if (draft === undefined || !this.#open.delete(draft.id)) return;
    this.change(draft, { endNs: latest(timeNs, draft.startNs), ...fields });
  }

  endOpen(matches: (draft: Draft) => boolean, timeNs: bigint): void {
    for (const id of [...this.#open]) {
      const draft = this.get(id);
      if (draft !== undefined && matches(draft)) this.end(draft, timeNs);
    }
  }

  reopen(draft: Draft): void {
    this.#open.add(draft.id);
    this.change(draft, { endNs: undefined });
  }

  remove(draft: Draft): void {
    if (!this.#spans.delete(draft.id)) return;
    this.#open.delete(draft.id);
    this.#removed.set(draft.id, this.seq);
    this.#bounded -= 1;
  }

  /** Lets spans of the telemetry find their parent, which comes after them, by its id there. */
  name(telemetryId: string, id: string): void {
    this.#names.set(telemetryId, id);
    for (const child of this.#waiting.get(telemetryId) ?? []) {
      const draft = this.get(child);
      if (draft !== undefined) draft.changedSeq = this.seq;
    }
    this.#waiting.delete(telemetryId);
  }

  /** The span that has taken in a span of the telemetry. */
  named(telemetryId: string): Draft | undefined {
    return this.get(this.#names.get(telemetryId));
  }

  spans(): readonly TimelineSpan[] {
    return [...this.#spans.values()].map((draft) => this.#seen(draft));
  }

  /** What records from `from` on have changed, and the ids of what they took away. */
  changes(from: number): { readonly spans: readonly TimelineSpan[]; readonly removed: readonly string[] } {
    const changed = [...this.#spans.values()].filter(({ changedSeq }) => changedSeq >= from);
    const gone = [...this.#removed].filter(([id, seq]) => seq >= from && !this.#spans.has(id));
    return { spans: changed.map((draft) => this.#seen(draft)), removed: gone.map(([id]) => id) };
  }

  dropped(): number {
    return this.#dropped;
  }

  #countMore({ step, attempt, startNs, endNs = startNs }: NewSpan): void {
    const id = `more:${step}#${attempt}`;
    const more = this.get(id);
    const span = {
      id,
      kind: 'more',
      name: '',
      step,
      attempt,
      startNs,
      endNs,
      parentId: placeOf(step, attempt),
    } as const;
    if (more === undefined) this.add({ ...span, count: 1 });
    else
      this.change(more, {
        count: more.count + 1,
        startNs: -latest(-startNs, -more.startNs),
        endNs: latest(endNs, more.endNs ?? endNs),
      });
  }

  #seen({ changedSeq: _, ...span }: Draft): TimelineSpan {
    if (span.parentId !== undefined || span.kind === 'run') return span;
    const parent = this.named(span.telemetry?.parentId ?? '');
    const isOther = parent !== undefined && parent.id !== span.id;
    return { ...span, parentId: isOther ? parent.id : placeOf(span.step, span.attempt) };
  }
}

/** Where a span is that names no parent. */
function placeOf(step: string | undefined, attempt: number | undefined): string {
  if (step === undefined) return 'run';
  return attempt === undefined ? `step:${step}` : attemptId(step, attempt);
}

const blank = {
  parentId: undefined,
  detail: '',
  endNs: undefined,
  result: undefined,
  seq: undefined,
  endSeq: undefined,
  telemetry: undefined,
  usage: undefined,
  count: 0,
} as const;
