// Events under the names that earlier format versions gave them. The reader of frames asks here, so that nothing else has to
// know that an event ever had another name. Format 1.1 renamed the events and fields below.
import type { Event, EventType } from '../core/event.ts';

type Renamed = {
  /** The name of today; absent if only fields were renamed. */
  readonly type?: EventType;
  /** Today's name of each field by its former name. */
  readonly fields?: Readonly<Record<string, string>>;
};

/** By the type as it is stored. */
const renamed: Readonly<Record<string, Renamed>> = {
  'claude.said': { type: 'claude.message' },
  'claude.thought': { type: 'claude.thinking' },
  'claude.usage': { fields: { use: 'usage' } },
  'claude.notice': { fields: { what: 'subtype' } },
  'claude.permission_denied': { fields: { why: 'reason' } },
  'journal.lost': { fields: { why: 'reason' } },
  'process.left_over': { type: 'process.orphaned' },
  'process.signalled': { fields: { why: 'reason' } },
  'run.budget_weakened': { type: 'run.budget_uncertain', fields: { why: 'reason' } },
  'secret.hidden': { type: 'secret.redacted' },
  'stall.detected': { fields: { forMs: 'durationMs' } },
  'stall.cleared': { fields: { forMs: 'durationMs' } },
  'step.expectation_unmet': { fields: { found: 'actual' } },
};

/**
 * The event in the payload of an event frame, under the names of today; undefined if it has no type.
 * Throws if it is not JSON.
 */
export function parseEvent(payload: Buffer): Event | undefined {
  const event = JSON.parse(payload.toString('utf8'));
  if (typeof event?.type !== 'string') return undefined;
  const change = Object.hasOwn(renamed, event.type) ? renamed[event.type] : undefined;
  if (change === undefined) return event;
  for (const [former, current] of Object.entries(change.fields ?? {})) {
    if (!Object.hasOwn(event, former)) continue;
    event[current] = event[former];
    delete event[former];
  }
  return { ...event, type: change.type ?? event.type };
}
