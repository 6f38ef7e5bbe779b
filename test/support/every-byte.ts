// Everything on the disk below a folder, as one piece to search for secrets: names, contents, and the contents of
// compressed files too. Used by tests and faults that look for secrets.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { constants, gunzipSync, zstdDecompressSync } from 'node:zlib';

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

/** What is in an archive of a journal in zstd. Node uncompresses one frame at a time. */
export function unpackZstdArchive(bytes: Buffer): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const dataBytes = bytes.readUInt32LE(at + 4);
    const end = at + bytes.readUInt32LE(at + 12);
    frames.push(zstdDecompressSync(bytes.subarray(at + 8 + dataBytes, end)));
    at = end;
  }
  return Buffer.concat(frames);
}

/** @returns what a gzip or zstd file holds, also one in gzip that ends too early; undefined for other files */
function unpack(bytes: Buffer): Buffer | undefined {
  // An archive of a journal begins with a frame that is skipped.
  if (bytes.length > 4 && bytes.readUInt32LE(0) === 0x184d2a50) return unpackZstdArchive(bytes);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return undefined;
  return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
}

/** Those of the secrets that the bytes contain. */
export function secretsIn(bytes: Buffer, secrets: Iterable<string>): readonly string[] {
  return [...secrets].filter((secret) => bytes.includes(secret));
}
