// How far a reader has come: one small file a reader, replaced as a whole, so that it is never half of two positions.
// A position is the next sequence number that the reader wants. It may lag behind, never lead: a reader saves it after
// its work is done elsewhere, so a crash repeats work and skips none.
import { closeSync, fdatasync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { cursorPath, type RunFolder } from './data-folder.ts';
import { journalEnd } from './journal-end.ts';

/** How the cursor was found. In all cases but `found` the position is 0: the reader reads everything again. */
export type CursorState =
  | { readonly kind: 'found' }
  | { readonly kind: 'new' }
  /** It stood past the end of the journal, which was copied, cut or replaced since; it is not trusted. */
  | { readonly kind: 'past_end'; readonly saved: number; readonly nextSeq: number }
  | { readonly kind: 'unreadable'; readonly file: string; readonly reason: string };

export type Cursor = {
  readonly reader: string;
  readonly state: CursorState;
  /** The next sequence number that the reader wants. */
  readonly position: number;
  /**
   * Moves the cursor to `seq` and keeps it on disk. Saves that come while one is under way become one.
   * Never rejects: a cursor that could not be kept makes a reader repeat work; see `lastError`.
   */
  readonly save: (seq: number) => Promise<void>;
  readonly lastError: () => Error | undefined;
};

const sync = promisify(fdatasync);

/** The cursor of `reader` (a-z, 0-9, "-" and "_") in a run, checked against the end of its journal. */
export function openCursor(folder: RunFolder, reader: string): Cursor {
  const path = cursorPath(folder, reader);
  const { position: saved, state } = load(folder, path);
  let position = saved;
  let kept = saved;
  let running: Promise<void> | undefined;
  let lastError: Error | undefined;

  const keepLatest = async (): Promise<void> => {
    while (kept !== position) {
      const wanted = position;
      try {
        await replace(path, `${JSON.stringify({ reader, position: wanted })}\n`);
        lastError = undefined;
      } catch (error) {
        lastError = error as Error;
      }
      kept = wanted;
    }
  };
  return {
    reader,
    state,
    get position() {
      return position;
    },
    save(seq) {
      position = seq;
      running ??= keepLatest().finally(() => {
        running = undefined;
      });
      return running;
    },
    lastError: () => lastError,
  };
}

/** The saved position of a reader, as it is; undefined when there is none that can be read. */
export function savedPosition(folder: RunFolder, reader: string): number | undefined {
  const found = parse(cursorPath(folder, reader));
  return typeof found === 'number' ? found : undefined;
}

function load(folder: RunFolder, path: string): { position: number; state: CursorState } {
  const found = parse(path);
  if (found === undefined) return { position: 0, state: { kind: 'new' } };
  if (typeof found === 'string') return { position: 0, state: { kind: 'unreadable', file: path, reason: found } };
  const { nextSeq } = journalEnd(folder);
  if (found > nextSeq) return { position: 0, state: { kind: 'past_end', saved: found, nextSeq } };
  return { position: found, state: { kind: 'found' } };
}

/** The position in the file, undefined when there is no file, or the reason why it says nothing. */
function parse(path: string): number | string | undefined {
  try {
    const { position } = JSON.parse(readFileSync(path, 'utf8')) as { position: unknown };
    return Number.isSafeInteger(position) && Number(position) >= 0
      ? Number(position)
      : 'its position is no whole number';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : (error as Error).message;
  }
}

async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const fd = openSync(temporary, 'w', 0o600);
  try {
    writeSync(fd, text);
    await sync(fd);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}
