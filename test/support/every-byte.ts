// Everything on the disk below a folder, as one piece to search for secrets: names, contents, and the contents of
// compressed files too. Used by tests and faults that look for secrets.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { constants, gunzipSync } from 'node:zlib';

export type BytesBelow = {
  readonly bytes: Buffer;
  /** How many of the files were unpacked. */
  readonly unpacked: number;
};

export function everyByteBelow(folder: string): BytesBelow {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const contents = files.flatMap((file) => bytesOf(file) ?? []);
  const inside = contents.flatMap((bytes) => unpack(bytes) ?? []);
  const names = Buffer.from(`\n${readdirSync(folder, { recursive: true }).join('\n')}\n`);
  return { bytes: Buffer.concat([names, ...contents, ...inside]), unpacked: inside.length };
}

/** @returns undefined for a file that has gone since it was listed: the lock of a process that still writes there */
function bytesOf(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}

/** @returns what a gzip file holds, also one that ends too early; undefined for other files */
function unpack(bytes: Buffer): Buffer | undefined {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return undefined;
  return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
}

/** Those of the secrets that the bytes contain. */
export function secretsIn(bytes: Buffer, secrets: Iterable<string>): readonly string[] {
  return [...secrets].filter((secret) => bytes.includes(secret));
}
