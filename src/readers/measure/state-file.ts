// Keeps the state of the measuring in one file that is replaced as a whole, so that after a crash counters and positions
// are those of one moment. Knows no folder of ours.
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { replaceFile } from '../../journal/index.ts';
import { type StoredMeasure, storedVersion } from './measure.ts';

export type LoadedState =
  | { readonly kind: 'none' }
  | { readonly kind: 'found'; readonly stored: StoredMeasure }
  /** It was put aside under `movedTo`: counters start at 0, which Prometheus takes for a restart. */
  | { readonly kind: 'unusable'; readonly reason: string; readonly movedTo: string };

export function loadState(path: string): LoadedState {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'none' };
    throw error;
  }
  const reason = reasonAgainst(text);
  if (reason === undefined) return { kind: 'found', stored: JSON.parse(text) as StoredMeasure };
  const movedTo = `${path}.unusable`;
  renameSync(path, movedTo);
  return { kind: 'unusable', reason, movedTo };
}

/** Rejects when it cannot be written; the file that was there is whole then. */
export async function saveState(path: string, stored: StoredMeasure): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  await replaceFile(path, JSON.stringify(stored));
}

function reasonAgainst(text: string): string | undefined {
  try {
    const { stepspanMetrics } = JSON.parse(text) as Partial<StoredMeasure>;
    return stepspanMetrics === storedVersion ? undefined : `it is of version ${String(stepspanMetrics)}`;
  } catch (error) {
    return (error as Error).message;
  }
}
