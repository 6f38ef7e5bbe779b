// Looks processes up on systems without /proc: pidtree for parents and children, `ps` for the rest. Slower (20 ms per call),
// and without the environment of other processes, so one that left the tree unseen is found by its session only.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isObject } from '../../core/json.ts';
import { MAX_COMMAND_CHARACTERS } from './proc-files.ts';
import type { ProcessInfo, ProcessSource } from './process-info.ts';

/** `ps` answers in 20 ms; one that takes this long is stuck. */
const PS_TIMEOUT_MS = 5_000;
/** 10,000 processes at about 100 bytes a line. */
const PS_MAX_BYTES = 1 << 20;

const run = promisify(execFile);

export function createPortableSource(): ProcessSource {
  const get = async (pids: readonly number[]) => (pids.length === 0 ? [] : list(['-p', pids.join(',')]));
  return {
    get,
    async withDescendants(pids) {
      // Here, as most machines never need it.
      const { default: pidtree } = await import('pidtree');
      const below = await Promise.all(pids.map((pid) => pidtree(pid, { root: true }).catch(() => [])));
      return inTreeOrder(await get([...new Set(below.flat())]));
    },
    async search({ sessions }) {
      return (await list(['-A'])).filter((info) => sessions.has(info.sessionId));
    },
    async command(pid) {
      const text = await ps(['-o', 'command=', '-p', String(pid)]);
      return text.trim().slice(0, MAX_COMMAND_CHARACTERS) || '[unknown]';
    },
  };
}

async function list(selection: readonly string[]): Promise<ProcessInfo[]> {
  // `sess` is an address on macOS and not in every `ps`; the process group is used in its place.
  const text = await ps(['-o', 'pid=,ppid=,pgid=,stat=,time=,lstart=', ...selection]);
  return text.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S)\S*\s+(\S+)\s+(\S.*\S)\s*$/.exec(line);
    if (match === null) return [];
    const [, pid, parent, group, state = '', time = '', startTime = ''] = match;
    return [
      {
        pid: Number(pid),
        startTime,
        parentPid: Number(parent),
        groupId: Number(group),
        sessionId: Number(group),
        state,
        ownSeconds: secondsOf(time),
        reapedSeconds: 0,
      },
    ];
  });
}

/** `ps` exits with 1 if it found no process, and prints nothing: that is an answer and not a failure. */
async function ps(args: readonly string[]): Promise<string> {
  try {
    const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' };
    return (await run('ps', args, { env, timeout: PS_TIMEOUT_MS, maxBuffer: PS_MAX_BYTES })).stdout;
  } catch (error) {
    if (isObject(error) && error.code === 1) return '';
    throw error;
  }
}

/** `[[days-]hours:]minutes:seconds[.hundredths]` in seconds. */
function secondsOf(time: string): number {
  const [clock = '', days = '0'] = time.split('-').reverse();
  return clock.split(':').reduce((total, part) => total * 60 + Number(part), 0) + Number(days) * 86_400;
}

function inTreeOrder(all: readonly ProcessInfo[]): ProcessInfo[] {
  const pids = new Set(all.map((info) => info.pid));
  const ordered = new Set(all.filter((info) => !pids.has(info.parentPid)));
  for (const parent of ordered) for (const info of all) if (info.parentPid === parent.pid) ordered.add(info);
  return [...ordered];
}
