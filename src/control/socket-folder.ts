// The folder of the control sockets: short, for its owner only, and swept of sockets without a listener. Called by
// control-server.ts when a run starts.
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero among them (unix(7)). */
const maxSocketPathBytes = 103;

/** A socket younger than this may be bound by a process that is about to listen. */
const sweepAfterMs = 10_000;

/** This many sockets of dead runs are looked at when a run starts; the next run continues with the others. */
const sweptAtOnce = 64;

/**
 * Makes the folder if it is not there.
 * @param nameBytes the longest name of a socket that will lie in it
 * @throws if no folder can be made that is short enough and belongs to this user
 */
export function socketFolder(nameBytes: number, bases: readonly string[] = [tmpdir(), '/tmp']): string {
  const uid = process.getuid?.() ?? 0;
  const short = bases.filter(
    (base) => Buffer.byteLength(join(base, `stepspan-${uid}`)) + 1 + nameBytes <= maxSocketPathBytes,
  );
  let problem: unknown = new Error(`the path of a socket below ${bases.join(' or ')} would be too long`);
  for (const base of short) {
    try {
      const shared = join(base, `stepspan-${uid}`);
      mkdirSync(shared, { recursive: true, mode: 0o700 });
      // The folder of temporary files is everybody's: another user may have made it first, or put a link there.
      if (isOwn(shared, uid)) return shared;
      return mkdtempSync(`${shared}-`);
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}

/** Removes sockets on which nobody listens: their process was killed. Never rejects. */
export async function sweepSockets(folder: string, nowMs = Date.now()): Promise<void> {
  let names: string[] = [];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.sock'));
  } catch {
    return;
  }
  for (const name of names.slice(0, sweptAtOnce)) {
    const path = join(folder, name);
    try {
      const found = lstatSync(path);
      if (!found.isSocket() || nowMs - found.mtimeMs < sweepAfterMs) continue;
      if (!(await isListening(path))) rmSync(path, { force: true });
    } catch {
      // Somebody else has removed it.
    }
  }
}

/** False only if the system says that nobody listens; a full queue or a missing permission counts as somebody. */
function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}

function isOwn(folder: string, uid: number): boolean {
  const found = lstatSync(folder);
  return found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0;
}
