// Reads single keys from the terminal of the program. Made by main.ts.
import { readFileSync } from 'node:fs';
import type { TerminalKeys } from './context.ts';

type Terminal = Pick<NodeJS.Process, 'pid' | 'kill'> & {
  /** Opens it: nothing is opened before something is read. */
  readonly stdin: () => NodeJS.ReadStream;
};

export function terminalKeys({ pid, stdin: open, kill }: Terminal): TerminalKeys {
  return {
    isForeground: () => hasTerminal(),
    read(listener) {
      const onData = (bytes: Buffer): void => listener(bytes.toString('utf8'));
      const stdin = open();
      stdin.setRawMode(true);
      stdin.on('data', onData).resume().unref();
      return () => {
        stdin.off('data', onData).pause();
        // Changing its mode from the background would stop the run; the shell has set its own mode there already.
        if (hasTerminal()) stdin.setRawMode(false);
      };
    },
    signal: (signal) => void kill(pid, signal),
  };
}

/** proc(5): the fields behind the name in parentheses are state, parent, process group, session, terminal, its foreground group. */
function hasTerminal(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group !== undefined && group === foreground;
  } catch {
    // Without /proc nobody knows; the commands that answer are shown then.
    return false;
  }
}
