// The state of a run as JSON text and back, for caches and for the wire. A fold that was saved goes on from its `nextSeq`.
// The journal is the truth: text of another version is given up and folded again, never converted.
import type { RunState } from './run-state.ts';

/** Raised with every change of RunState's shape or meaning. */
const version = 8;

/** JSON has no integer for nanoseconds, so a bigint is written as `{"ns":"…"}`, which no other part of the state looks like. */
export function stateToJson(state: RunState): string {
  return JSON.stringify({ stepspanState: version, state }, (_key, value: unknown) =>
    typeof value === 'bigint' ? { ns: value.toString() } : value,
  );
}

/** @returns undefined where the text is no state, or one of another version */
export function stateFromJson(text: string): RunState | undefined {
  try {
    const stored: unknown = JSON.parse(text, reviveNs);
    if (typeof stored !== 'object' || stored === null) return undefined;
    const { stepspanState, state } = stored as { stepspanState?: unknown; state?: RunState };
    return stepspanState === version && typeof state?.nextSeq === 'number' ? state : undefined;
  } catch {
    return undefined;
  }
}

function reviveNs(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('ns' in value)) return value;
  return typeof value.ns === 'string' && /^-?\d+$/.test(value.ns) && Object.keys(value).length === 1
    ? BigInt(value.ns)
    : value;
}
