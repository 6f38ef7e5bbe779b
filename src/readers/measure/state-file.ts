// Keeps the state of the measuring in one file that is replaced as a whole, so that after a crash counters and positions
// are those of one moment. The hub passes in the path.
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode, toError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
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
    if (errorCode(error) === 'ENOENT') return { kind: 'none' };
    throw error;
  }
  const { stored, reason } = readStored(text);
  if (stored !== undefined) return { kind: 'found', stored };
  const movedTo = `${path}.unusable`;
  renameSync(path, movedTo);
  return { kind: 'unusable', reason, movedTo };
}

/** Rejects if it cannot be written; the file from before is then still whole. */
export async function saveState(path: string, stored: StoredMeasure): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  await replaceFile(path, JSON.stringify(stored));
}

type ReadState =
  | { readonly stored: StoredMeasure; readonly reason?: undefined }
  | { readonly stored?: undefined; readonly reason: string };

function readStored(text: string): ReadState {
  try {
    const value: unknown = JSON.parse(text);
    if (isStoredMeasure(value)) return { stored: value };
    return { reason: `it is of version ${isObject(value) ? String(value.stepspanMetrics) : 'unknown'}` };
  } catch (error) {
    return { reason: toError(error).message };
  }
}

/** The version vouches for the shape: only a hub writes this file. */
function isStoredMeasure(value: unknown): value is StoredMeasure {
  return isObject(value) && value.stepspanMetrics === storedVersion;
}
