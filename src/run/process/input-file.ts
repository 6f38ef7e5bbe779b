// What a child reads as its stdin: nothing, or given bytes in a file without a name. A file, as a child can open
// /dev/stdin again and seek in it, which it cannot with Node's pair of sockets; and nothing is left to feed or to wait for.
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @returns a file descriptor to read the bytes from, to be closed by the caller; or why there is none */
export function openInput(bytes: string | Uint8Array): number | { readonly unavailable: string } {
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(tmpdir(), 'stepspan-'));
    const path = join(folder, 'stdin');
    // Prompts and secrets pass through here: nobody else may read the file while it has a name.
    writeFileSync(path, bytes, { mode: 0o600 });
    return openSync(path, 'r');
  } catch (error) {
    return { unavailable: (error as Error).message };
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}
