// A run as one file: the objects that an archive has of it, in a tar file that any tar reads. Small names and ustar headers alone, so it
// needs no package. A bundle is unpacked into the folder of an archive before it is read, and checked there as any other.
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isRunId, type RunId } from '../core/ids.ts';
import { ArchiveError } from './store.ts';

const blockBytes = 512;
/** Octal digits of a size in a ustar header: 8 GiB, far above the 64 MiB of a segment. */
const sizeDigits = 11;
const sizeAt = 124;
const checksumAt = 148;
const namePattern =
  /^(runs\/[0-9a-z-]+\/)((manifest|summary-[0-9a-f]{32})\.json|segments\/\d{20}-[0-9a-f]{32}\.(seg|seg\.zst|seg\.gz|members))$/;

/**
 * Writes the files of an archived run, whole or not at all.
 * @param archive the folder of an archive that has nothing but this run
 */
export async function writeBundle(archive: string, file: string): Promise<void> {
  const entries = await readdir(archive, { recursive: true, withFileTypes: true });
  const names = entries
    .flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name).slice(archive.length + 1)] : []))
    .filter((name) => namePattern.test(name))
    .sort();
  const temporary = `${file}.${process.pid}.tmp`;
  const output = await open(temporary, 'w', 0o600);
  try {
    for (const name of names) await writeEntry(output, name, await readFile(join(archive, name)));
    // Two empty blocks end a tar file.
    await output.writeFile(Buffer.alloc(2 * blockBytes));
    await output.datasync();
    await output.close();
    await rename(temporary, file);
  } catch (error) {
    await output.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeEntry(output: FileHandle, name: string, bytes: Buffer): Promise<void> {
  const header = Buffer.alloc(blockBytes);
  // The longest name has 103 characters, and its folders go into the field for the part before the last 100.
  const folder = dirname(name);
  header.write(name.slice(folder.length + 1), 0);
  header.write('0000600\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${bytes.length.toString(8).padStart(sizeDigits, '0')}\0`, sizeAt);
  header.write(`${'0'.repeat(sizeDigits)}\0`, 136);
  header.write('0', 156);
  header.write('ustar\x0000', 257, 'latin1');
  header.write(folder, 345);
  header.write(`${checksumOf(header).toString(8).padStart(6, '0')}\0 `, checksumAt);
  await output.writeFile(header);
  await output.writeFile(bytes);
  await output.writeFile(Buffer.alloc((blockBytes - (bytes.length % blockBytes)) % blockBytes));
}

/** The sum of all bytes of a header, with spaces where the sum itself is. */
function checksumOf(header: Buffer): number {
  let sum = 8 * 0x20;
  for (const [at, byte] of header.entries()) if (at < checksumAt || at >= checksumAt + 8) sum += byte;
  return sum;
}

/**
 * Unpacks a bundle into the folder of an archive.
 * @returns the run that is in it
 * @throws ArchiveError for a file that is not a bundle, or ends too early
 */
export async function readBundle(file: string, archive: string): Promise<RunId> {
  let rest = Buffer.alloc(0);
  let current: { readonly path: string; readonly bytes: number } | undefined;
  let isEnded = false;
  let runId: RunId | undefined;
  const wrong = (why: string): ArchiveError =>
    new ArchiveError('damaged', `${file} ${why}; make it again with \`stepspan bundle RUN\``);

  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= blockBytes && !isEnded) {
      if (current === undefined) {
        const header = rest.subarray(0, blockBytes);
        rest = rest.subarray(blockBytes);
        if (header.every((byte) => byte === 0)) {
          isEnded = true;
          break;
        }
        const entry = parseHeader(header);
        const found = namePattern.exec(entry?.name ?? '')?.[1]?.slice('runs/'.length, -1) ?? '';
        if (entry === undefined || !isRunId(found)) throw wrong('is not a bundle of stepspan, or is damaged');
        if (runId !== undefined && runId !== found) throw wrong('has more than one run');
        runId = found;
        current = { path: join(archive, entry.name), bytes: entry.bytes };
      }
      const padded = Math.ceil(current.bytes / blockBytes) * blockBytes;
      if (rest.length < padded) break;
      const path = current.path;
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, rest.subarray(0, current.bytes), { mode: 0o600 });
      rest = rest.subarray(padded);
      current = undefined;
    }
  }
  if (runId === undefined) throw wrong('is not a bundle of stepspan');
  if (!isEnded) throw wrong('ends too early');
  return runId;
}

function parseHeader(header: Buffer): { readonly name: string; readonly bytes: number } | undefined {
  const text = (from: number, bytes: number): string =>
    header.toString('latin1', from, from + bytes).replace(/\0.*$/s, '');
  const bytes = Number.parseInt(text(sizeAt, sizeDigits + 1), 8);
  const isSound = text(257, 5) === 'ustar' && Number.parseInt(text(checksumAt, 8), 8) === checksumOf(header);
  if (!isSound || !Number.isSafeInteger(bytes)) return undefined;
  const folder = text(345, 155);
  return { name: folder === '' ? text(0, 100) : `${folder}/${text(0, 100)}`, bytes };
}
