// Keeps the state of the measuring in one file that is replaced as a whole, so that after a crash counters and positions
// are those of one moment. Knows no folder of ours.
import { closeSync, fdatasync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { type StoredMeasure, storedVersion } from './measure.ts';

export type LoadedState =
  | { readonly kind: 'none' }
  | { readonly kind: 'found'; readonly stored: StoredMeasure }
  /** It was put aside under `movedTo`: counters start at 0, which Prometheus takes for a restart. */
  | { readonly kind: 'unusable'; readonly reason: string; readonly movedTo: string };

const sync = promisify(fdatasync);

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
  const temporary = `${path}.${process.pid}.tmp`;
  const fd = openSync(temporary, 'w', 0o600);
  try {
    writeFileSync(fd, JSON.stringify(stored));
    // Without it a power cut could leave a file that has its name and not its content.
    await sync(fd);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}

function reasonAgainst(text: string): string | undefined {
  try {
    const { stepspanMetrics } = JSON.parse(text) as Partial<StoredMeasure>;
    return stepspanMetrics === storedVersion ? undefined : `it is of version ${String(stepspanMetrics)}`;
  } catch (error) {
    return (error as Error).message;
  }
}
