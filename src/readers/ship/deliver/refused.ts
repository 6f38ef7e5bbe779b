// Records that a server refused on their own: kept aside as NDJSON, whole and with the server's answer, so that somebody
// can see what was wrong with them and nothing is lost without a trace. Written before the cursor moves past them.
import { appendFileSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Signal } from '../settings.ts';

/** One for each signal. A backend that refuses everything must not fill the disk that the journal needs. */
export const maxRefusedBytes = 256 * 1024 * 1024;

export type RefusedRecord = {
  readonly seq: number;
  readonly status: number;
  readonly answer: string;
  readonly record: unknown;
};

export type Refused = {
  /** False when it could not be kept. */
  readonly keep: (refused: RefusedRecord) => boolean;
};

/** @param dir the run's folder for refused records; made when the first one comes */
export function openRefused(dir: string, signal: Signal, maxBytes = maxRefusedBytes): Refused {
  const file = join(dir, `${signal}.ndjson`);
  let size: number | undefined;
  return {
    keep(refused) {
      const line = `${JSON.stringify({ at: new Date().toISOString(), signal, ...refused })}\n`;
      try {
        size ??= sizeOf(file);
        if (size + line.length > maxBytes) return false;
        mkdirSync(dir, { recursive: true, mode: 0o700 });
        appendFileSync(file, line, { mode: 0o600 });
        size += Buffer.byteLength(line);
        return true;
      } catch {
        return false;
      }
    },
  };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
