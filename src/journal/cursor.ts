// How far a reader has come: one small file a reader, replaced as a whole, so that it is never half of two positions.
// A position is the next sequence number that the reader wants. It may lag behind, never lead: a reader saves it after
// its work is done elsewhere, so a crash repeats work and skips none. A reader may keep numbers of its own beside the
// position: they are of the same moment, as all are replaced at once.
import { readFileSync } from 'node:fs';
import { errorCode, toError } from '../core/errors.ts';
import { cursorPath, type RunFolder } from '../data/data-folder.ts';
import { replaceFile } from '../data/whole-file.ts';
import { journalEnd } from './journal-end.ts';

/** How the cursor was found. In all cases but `found` the position is 0: the reader reads everything again. */
export type CursorState =
  | { readonly kind: 'found' }
  | { readonly kind: 'new' }
  /** It is past the end of the journal, which was copied, cut or replaced since; it is not trusted. */
  | { readonly kind: 'past_end'; readonly saved: number; readonly nextSeq: number }
  | { readonly kind: 'unreadable'; readonly file: string; readonly reason: string };

/** Whole numbers from 0 by their names; one that is not there is 0. */
export type Counters = Readonly<Record<string, number>>;

export type Cursor = {
  readonly reader: string;
  readonly state: CursorState;
  /** The next sequence number that the reader wants. */
  readonly position: number;
  /** What was last saved beside the position. Kept if the position is not trusted: what was counted has happened. */
  readonly counters: Counters;
  /** Numbers before the position that the reader needs again; of a position that is not trusted there are none. */
  readonly open: readonly number[];
  /**
   * Moves the cursor to `seq` and keeps it on disk, with these counters, or those there are if none are given.
   * Saves that come while one is under way become one. One that would change nothing writes nothing.
   * Never rejects: a cursor that could not be kept makes a reader repeat work; see `lastError`.
   */
  readonly save: (seq: number, counters?: Counters, open?: readonly number[]) => Promise<void>;
  readonly lastError: () => Error | undefined;
};

/** The cursor of `reader` (a-z, 0-9, "-" and "_") in a run, checked against the end of its journal. */
export function openCursor(folder: RunFolder, reader: string): Cursor {
  const path = cursorPath(folder, reader);
  const { state, ...saved } = load(folder, path);
  let { position, counters, open } = saved;
  let kept = textOf(saved);
  let running: Promise<void> | undefined;
  let lastError: Error | undefined;

  function textOf(now: Saved): string {
    // Without them the file is as it was before there were any.
    return JSON.stringify({
      reader,
      position: now.position,
      ...(Object.keys(now.counters).length === 0 ? {} : { counters: now.counters }),
      ...(now.open.length === 0 ? {} : { open: now.open }),
    });
  }
  const keepLatest = async (): Promise<void> => {
    let failed: string | undefined;
    for (;;) {
      const wanted = textOf({ position, counters, open });
      // What could not be kept is tried again by the next save, and not on and on by this one.
      if (wanted === kept || wanted === failed) return;
      try {
        await replaceFile(path, `${wanted}\n`);
        lastError = undefined;
        kept = wanted;
      } catch (error) {
        lastError = toError(error);
        failed = wanted;
      }
    }
  };
  return {
    reader,
    state,
    get position() {
      return position;
    },
    get counters() {
      return counters;
    },
    get open() {
      return open;
    },
    save(seq, now = counters, openNow = []) {
      position = seq;
      counters = now;
      open = openNow;
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
  return typeof found === 'object' ? found.position : undefined;
}

/** The saved counters of a reader: none if it has no cursor yet, undefined if its file cannot be read. */
export function savedCounters(folder: RunFolder, reader: string): Counters | undefined {
  const found = parse(cursorPath(folder, reader)) ?? { counters: {} };
  return typeof found === 'object' ? found.counters : undefined;
}

type Saved = { readonly position: number; readonly counters: Counters; readonly open: readonly number[] };

function load(folder: RunFolder, path: string): Saved & { state: CursorState } {
  const found = parse(path);
  const none = { position: 0, counters: {}, open: [] };
  if (found === undefined) return { ...none, state: { kind: 'new' } };
  if (typeof found === 'string') {
    return { ...none, state: { kind: 'unreadable', file: path, reason: found } };
  }
  const { nextSeq } = journalEnd(folder);
  if (found.position > nextSeq) {
    return { ...found, position: 0, open: [], state: { kind: 'past_end', saved: found.position, nextSeq } };
  }
  return { ...found, state: { kind: 'found' } };
}

/** What the file says, undefined when there is no file, or the reason why it says nothing. */
function parse(path: string): Saved | string | undefined {
  try {
    const { position, counters, open } = JSON.parse(readFileSync(path, 'utf8'));
    if (!isWhole(position)) return 'its position is not a whole number';
    // A counter that is none costs a count, and must not cost the position.
    const valid = Object.entries<unknown>(counters ?? {}).filter((entry): entry is [string, number] =>
      isWhole(entry[1]),
    );
    return { position, counters: Object.fromEntries(valid), open: Array.isArray(open) ? open.filter(isWhole) : [] };
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? undefined : toError(error).message;
  }
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
