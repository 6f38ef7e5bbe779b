// Makes the pipes that a child writes to. Node's own 'pipe' is a pair of sockets: opening /dev/stdout then fails with
// ENXIO ("No such device or address") in the child, and reads are half as fast. So the pipes are fifos, made in a private
// folder that is gone before the child runs.

import { execFile } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toError } from '../../core/errors.ts';
import { loadLibc } from './libc.ts';
import type { Marker } from './process-info.ts';

export type OutputPipes = {
  /** Path that the fifos had; a process that inherited one still shows it in its list of open files. */
  readonly folder: string;
  /** Our ends: not blocking, closed on exec. */
  readonly read: { readonly stdout: number; readonly stderr: number; readonly lifeline: number };
  /** The child's ends: blocking. To be closed here as soon as the child has been started. */
  readonly write: { readonly stdout: number; readonly stderr: number; readonly lifeline: number };
};

const names = ['stdout', 'stderr', 'lifeline'] as const;

const run = promisify(execFile);

/**
 * How the folder's name begins: with the values of the marker, so that the hub recognises the pipes of a run whose process was
 * killed. A child in a session and an environment of its own still has them open.
 */
export function pipesNameOf(marker: Marker): string {
  const values = marker.map((entry) => entry.slice(entry.indexOf('=') + 1).replace(/[^\w-]/g, '_'));
  return `stepspan-${values.map((value) => `${value}.`).join('')}`;
}

/** @returns the reason if the system has no `mkfifo`, or its folder for temporary files cannot have fifos */
export async function makeOutputPipes(marker: Marker): Promise<OutputPipes | { readonly unavailable: string }> {
  let folder: string | undefined;
  const opened: number[] = [];
  const open = (path: string, flags: number) => {
    const fd = openSync(path, flags);
    opened.push(fd);
    return fd;
  };
  try {
    // The real path, as it is compared with what the system says about open files.
    folder = realpathSync(mkdtempSync(join(tmpdir(), pipesNameOf(marker))));
    const pathOf = (name: string) => join(folder ?? '', name);
    const paths = names.map(pathOf);
    const libc = loadLibc();
    // `rw` for the owner alone; the folder has mode 0700 from mkdtemp. The command costs a fork, and says what went wrong.
    if (libc === undefined || !paths.every((path) => libc.makeFifo(path, 0o600))) {
      for (const path of paths) rmSync(path, { force: true });
      await run('mkfifo', ['-m', '600', ...paths], { env: { PATH: process.env.PATH ?? '/usr/bin:/bin' } });
    }
    // The reading end first: a writing end blocks, or fails, while nobody reads.
    const openEnds = (name: (typeof names)[number]) => ({
      read: open(pathOf(name), constants.O_RDONLY | constants.O_NONBLOCK),
      write: open(pathOf(name), constants.O_WRONLY),
    });
    const [stdout, stderr, lifeline] = [openEnds('stdout'), openEnds('stderr'), openEnds('lifeline')] as const;
    return {
      folder,
      read: { stdout: stdout.read, stderr: stderr.read, lifeline: lifeline.read },
      write: { stdout: stdout.write, stderr: stderr.write, lifeline: lifeline.write },
    };
  } catch (error) {
    for (const fd of opened) closeSync(fd);
    return { unavailable: toError(error).message.split('\n')[0] ?? '' };
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

export function closeAll(ends: OutputPipes['read']): void {
  for (const name of names) closeSync(ends[name]);
}
