// What Node cannot ask the C library for itself: to make a fifo without starting a program, how much a pipe holds, and to be
// the parent of orphans. Called by the pipes of a child, by capture, and by orphans.ts. Uses the package koffi; its callers have another way if koffi is missing.
import { createRequire } from 'node:module';

export type Libc = {
  /** Makes a fifo. @returns false if the system refused, for whatever reason */
  readonly makeFifo: (path: string, mode: number) => boolean;
  /** Sets how many bytes the pipe of a descriptor holds. @returns false if the system refused; the pipe is then as it was */
  readonly setPipeSize: (fd: number, bytes: number) => boolean;
  /** Makes this process the parent of its descendants that lose theirs. @returns false if the system refused */
  readonly becomeSubreaper: () => boolean;
  /** Takes the exit status of a child that has ended, and with it its pid; does nothing if it still runs. */
  readonly collect: (pid: number) => void;
};

type Koffi = { readonly load: (library: string | null) => { readonly func: (signature: string) => NativeFunction } };
type NativeFunction = (...values: readonly (string | number | null)[]) => number;

/** F_SETPIPE_SZ of Linux (fcntl.h): 1024 + 7. */
const setPipeSizeCommand = 1031;
/** PR_SET_CHILD_SUBREAPER of Linux (prctl.h). */
const setChildSubreaper = 36;
/** WNOHANG of Linux (wait.h). */
const withoutWaiting = 1;

let loaded: Libc | 'missing' | undefined;

/** Loads the library at the first call: 8 ms and 7 MiB. @returns undefined if it is not available, or the system is not Linux */
export function loadLibc(): Libc | undefined {
  loaded ??= process.platform === 'linux' ? load() : 'missing';
  return loaded === 'missing' ? undefined : loaded;
}

function load(): Libc | 'missing' {
  try {
    const koffi: Koffi = createRequire(import.meta.url)('koffi');
    const library = koffi.load(null);
    const mkfifo = library.func('int mkfifo(const char *path, unsigned int mode)');
    const fcntl = library.func('int fcntl(int fd, int command, int value)');
    const prctl = library.func(
      'int prctl(int option, unsigned long value, unsigned long, unsigned long, unsigned long)',
    );
    const waitpid = library.func('int waitpid(int pid, int *status, int options)');
    return {
      makeFifo: (path, mode) => mkfifo(path, mode) === 0,
      setPipeSize: (fd, bytes) => fcntl(fd, setPipeSizeCommand, bytes) >= 0,
      becomeSubreaper: () => prctl(setChildSubreaper, 1, 0, 0, 0) === 0,
      collect: (pid) => void waitpid(pid, null, withoutWaiting),
    };
  } catch {
    return 'missing';
  }
}
