// What distinguishes a process from another that later got the same pid, and whether it is still alive.
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errorCode } from '../core/errors.ts';
import type { ProcessIdentity } from '../core/event.ts';
import { parseProcStat } from './proc-stat.ts';

/**
 * A process, and the boot and pid namespace in which its pid means something. `scope` is '' if the system does not
 * say (everything but Linux); a pid of another scope says nothing here.
 */
export type ScopedIdentity = ProcessIdentity & { readonly scope?: string };

/** Who the process `pid` is. `startTime` is '' when there is no such process, or when the system does not say. */
export function processIdentity(pid: number = process.pid): ScopedIdentity {
  return {
    pid,
    startTime: (pid === process.pid ? ownStartTime() : startTimeOf(pid)) ?? '',
    host: hostname(),
    scope: ownScope,
  };
}

let own: { readonly startTime: string | undefined } | undefined;

/** Read once, as it never changes, and every lock names it. */
function ownStartTime(): string | undefined {
  own ??= { startTime: startTimeOf(process.pid) };
  return own.startTime;
}

/**
 * Whether that process still runs here. A process that has ended but was not yet reaped (a zombie) does not.
 * Of another host, or of another container with its own pids, nothing can be known from here: it counts as alive.
 * After a reboot of this host every process from before is gone.
 */
export function isAlive(identity: ScopedIdentity): boolean {
  switch (whereIs(identity)) {
    case 'elsewhere':
      return true;
    case 'before_reboot':
      return false;
    case 'here': {
      const startTime = startTimeOf(identity.pid);
      if (startTime === undefined) return false;
      return identity.startTime === '' || startTime === '' || identity.startTime === startTime;
    }
  }
}

/** Where the pid of an identity counts: among our processes, among those of an earlier boot, or out of our sight. */
export function whereIs(identity: ScopedIdentity): 'here' | 'before_reboot' | 'elsewhere' {
  if (identity.host !== hostname()) return 'elsewhere';
  const scope = identity.scope ?? '';
  if (scope === '' || ownScope === '' || scope === ownScope) return 'here';
  // Same host name and another boot. The machine id keeps apart machines that all call themselves `localhost`.
  const [machine, boot] = scope.split('/');
  const [ownMachine, ownBoot] = ownScope.split('/');
  return machine === ownMachine && boot !== ownBoot ? 'before_reboot' : 'elsewhere';
}

const ownScope = ((): string => {
  if (process.platform !== 'linux') return '';
  const machine = textOf('/etc/machine-id');
  const boot = textOf('/proc/sys/kernel/random/boot_id');
  try {
    return `${machine}/${boot}/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
})();

/** Undefined when no such process runs; '' when it runs and its start time is unknown. */
function startTimeOf(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return process.platform === 'linux' ? linuxStartTime(pid) : psStartTime(pid);
}

function linuxStartTime(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    // With hidepid the file of another user's process is not there to see; a signal 0 still shows that it runs.
    return runs(pid) ? '' : undefined;
  }
  const { state, startTime } = parseProcStat(stat);
  return state === 'Z' || state === 'X' ? undefined : startTime;
}

function psStartTime(pid: number): string | undefined {
  if (!runs(pid)) return undefined;
  try {
    const [state = '', ...start] = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'latin1',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .trim()
      .split(/\s+/);
    return state.startsWith('Z') ? undefined : start.join(' ');
  } catch {
    return '';
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return errorCode(error) === 'EPERM';
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return '';
  }
}
