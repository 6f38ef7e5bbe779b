// The name under which a person of this machine answers and sends messages. Called by the commands that do.
import { userInfo } from 'node:os';

/** As the control channel takes names; the journal shows who answered. */
export function userName(): string {
  try {
    const { username } = userInfo();
    return /^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}$/.test(username) ? username : 'cli';
  } catch {
    return 'cli';
  }
}
