// Which network connections processes hold open, as Linux lists them in /proc (proc_pid_net(5)). Elsewhere: none, since no
// cheap way is known. Read only when a tree is frozen, for the warning.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** One connection that goes to another socket; `remote` as people write it, such as `127.0.0.1:443`. */
export type Connection = { readonly pid: number; readonly remote: string };

/** The state of an established TCP connection, and of a UDP socket that is connected (net/tcp_states.h). */
const established = '01';

export function openConnections(pids: readonly number[]): readonly Connection[] {
  if (process.platform !== 'linux') return [];
  return pids.flatMap((pid) => {
    const inodes = socketsOf(pid);
    if (inodes.size === 0) return [];
    // Of the process, since it may have a network namespace of its own.
    return ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((table) =>
      linesOf(`/proc/${pid}/net/${table}`).flatMap((line) => {
        const [, , remote = '', state, , , , , , inode = ''] = line.trim().split(/\s+/);
        return state === established && inodes.has(inode) ? [{ pid, remote: readable(remote) }] : [];
      }),
    );
  });
}

function socketsOf(pid: number): ReadonlySet<string> {
  const inodes = new Set<string>();
  try {
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      try {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
        if (inode !== undefined) inodes.add(inode);
      } catch {
        // Closed meanwhile.
      }
    }
  } catch {
    // The process is gone, or another user's.
  }
  return inodes;
}

function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'latin1').split('\n').slice(1);
  } catch {
    return [];
  }
}

/** The kernel prints addresses as hexadecimal words in the byte order of the machine, which is little on all that Node runs on. */
function readable(address: string): string {
  const [host = '', port = ''] = address.split(':');
  const words = host.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => word.match(/../g)?.reverse() ?? []).map((byte) => Number.parseInt(byte, 16));
  const number = Number.parseInt(port, 16);
  if (bytes.length === 4) return `${bytes.join('.')}:${number}`;
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  if (isMapped) return `${bytes.slice(12).join('.')}:${number}`;
  const groups = Array.from({ length: bytes.length / 2 }, (_each, at) =>
    (((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0)).toString(16),
  );
  return `[${groups.join(':')}]:${number}`;
}
