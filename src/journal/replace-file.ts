// Replaces a small file as a whole, so that after a crash it is the old or the new one and never half of both. Knows no format.
import { closeSync, fdatasync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';

const sync = promisify(fdatasync);

/** For the owner's eyes only. Rejects with what the file system says; the file that was there is whole then. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const fd = openSync(temporary, 'w', 0o600);
  try {
    // Not `writeSync`, which on a disk that is nearly full takes a part and says nothing.
    writeFileSync(fd, text);
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
