// The state of a run as JSON text and back, for caches and for the wire. A saved state continues at its `nextSeq`.
// The journal is the truth: text of another version is discarded and the journal folded again.
import type { RunState } from './run-state.ts';

/** Raised with every change of RunState's shape or meaning. */
const version = 14;

/** JSON has no integer for nanoseconds, so a bigint is written as `{"ns":"…"}`, which no other part of the state looks like. */
export function stateToJson(state: RunState): string {
  return JSON.stringify({ stepspanState: version, state }, (_key, value: unknown) =>
    typeof value === 'bigint' ? { ns: value.toString() } : value,
  );
}

/** @returns undefined if the text is not a state of this version */
export function stateFromJson(text: string): RunState | undefined {
  try {
    const stored: unknown = JSON.parse(text, reviveNs);
    return isStoredState(stored) ? stored.state : undefined;
  } catch {
    return undefined;
  }
}

/** The version vouches for the shape: only this module writes it. */
function isStoredState(value: unknown): value is { readonly state: RunState } {
  if (typeof value !== 'object' || value === null) return false;
  if (!('stepspanState' in value) || value.stepspanState !== version || !('state' in value)) return false;
  const { state } = value;
  return typeof state === 'object' && state !== null && 'nextSeq' in state && typeof state.nextSeq === 'number';
}

function reviveNs(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('ns' in value)) return value;
  return typeof value.ns === 'string' && /^-?\d+$/.test(value.ns) && Object.keys(value).length === 1
    ? BigInt(value.ns)
    : value;
}
