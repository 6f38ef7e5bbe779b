// A pipe that nobody writes to. The child and all that it starts inherit its writing end, whatever they do to their
// environment, session or parents. So a process that still has it open is ours, and its end of file means that none is left.
// A process that closes all descriptors it does not know (Python's subprocess, daemons) escapes it: see the marker.
import { Socket } from 'node:net';

/**
 * The child's descriptor. Above 9, which scripts use by number, and above 16, up to which Node marks what it inherited to
 * be closed in its own children; below 63 and 255, which bash takes for itself.
 */
export const LIFELINE_FD = 19;

export type Lifeline = {
  /** Whether any process still has the writing end open. */
  readonly held: () => boolean;
  readonly close: () => void;
};

/**
 * @param readEnd belongs to the lifeline from here on
 * @param onEnd called when the last holder has closed it or has ended; not after `close`
 */
export function watchLifeline(readEnd: number, onEnd: () => void): Lifeline {
  let held = true;
  const socket = new Socket({ fd: readEnd, readable: true, writable: false });
  const over = () => {
    if (!held) return;
    held = false;
    onEnd();
  };
  socket.once('end', over).once('error', over).resume();
  // A daemon that nobody could find must not keep this process from ending.
  socket.unref();
  return {
    held: () => held,
    close() {
      held = false;
      socket.destroy();
    },
  };
}
