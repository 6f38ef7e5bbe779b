// The format of Linux's /proc/PID/stat (proc_pid_stat(5)). Pure. Used to identify a process, and to look at the processes of a
// step.

export type ProcStat = {
  /** What the process calls itself, at most 15 characters. */
  readonly name: string;
  /** R, S, D, T, t, Z, X or I. */
  readonly state: string;
  readonly parentPid: number;
  readonly groupId: number;
  readonly sessionId: number;
  /** User and system CPU time of the process itself, in seconds. */
  readonly ownSeconds: number;
  /** CPU time of its children that ended and that it waited for, theirs included, in seconds. */
  readonly reapedSeconds: number;
  /** In clock ticks since boot. */
  readonly startTime: string;
  /** Resident memory, in pages of the system. */
  readonly residentPages: number;
};

/**
 * Clock ticks per second (USER_HZ). It is 100 on every architecture that Node runs on, whatever the kernel's own tick is;
 * asking `getconf CLK_TCK` would start a process.
 */
const TICKS_PER_SECOND = 100;

export function parseProcStat(text: string): ProcStat {
  // The second field is the name in brackets, in which a process can have written spaces and brackets of its own.
  const nameEnd = text.lastIndexOf(')');
  const fields = text.slice(nameEnd + 2).split(' ');
  const number = (index: number): number => Number(fields[index] ?? 0);
  return {
    name: text.slice(text.indexOf('(') + 1, nameEnd),
    state: fields[0] ?? '',
    parentPid: number(1),
    groupId: number(2),
    sessionId: number(3),
    ownSeconds: (number(11) + number(12)) / TICKS_PER_SECOND,
    reapedSeconds: (number(13) + number(14)) / TICKS_PER_SECOND,
    startTime: fields[19] ?? '',
    residentPages: number(21),
  };
}
