// Two facts about the start of stepspan that Node does not report: which signals its parent ignored, and whether a launcher that
// waits for it (an older Node, npx) is still alive. Called by main.ts. Read from /proc on Linux; elsewhere little is known.
import { readFileSync, readlinkSync } from 'node:fs';

const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15, SIGTTOU: 22 } as const;
type Ignorable = Exclude<keyof typeof numbers, 'SIGTTOU'>;

/** How often the launcher is checked: as quickly as a person notices, at the cost of one system call. */
const launcherLookMs = 500;

/**
 * Whether the signal was ignored when stepspan was started, as `nohup` and `trap '' HUP` do. Node sets every signal back to its
 * default before any script runs, so this is read from what else they leave: the parent that ignores it too, and for
 * `nohup` its name in `_`, its write-only standard input, or its file.
 */
export function wasIgnored(signal: Ignorable, env: Readonly<Record<string, string | undefined>>): boolean {
  // A shell with job control, which ignores SIGTTOU, ignores SIGTERM for itself alone: what it starts is to be ended by it.
  const isOwnOfShell = signal === 'SIGTERM' && isIgnoredBy(process.ppid, numbers.SIGTTOU);
  if (isIgnoredBy(process.ppid, numbers[signal]) && !isOwnOfShell) return true;
  return signal === 'SIGHUP' && isUnderNohup(env);
}

function isIgnoredBy(pid: number, number: number): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(number - 1)) & 1n) === 1n;
}

function isUnderNohup(env: Readonly<Record<string, string | undefined>>): boolean {
  if (/(^|\/)nohup$/.test(env._ ?? '')) return true;
  // Before a terminal, nohup opens /dev/null for writing as standard input, so that a read of it fails.
  const flags = /^flags:\s*([0-7]+)$/m.exec(read('/proc/self/fdinfo/0'))?.[1];
  if (flags !== undefined && (Number.parseInt(flags, 8) & 3) === 1 && linkOf('/proc/self/fd/0') === '/dev/null')
    return true;
  return linkOf('/proc/self/fd/1').endsWith('/nohup.out');
}

/**
 * Calls `onGone` once, when a launcher of this process has ended without it. Keeps no process alive.
 * @param onGone gets the name of that launcher
 */
export function watchLaunchers(env: NodeJS.ProcessEnv, onGone: (name: string) => void): void {
  const launchers = launchersOf(env);
  // Steps, and a stepspan that one of them starts, have another launcher.
  delete env.STEPSPAN_LAUNCHER;
  if (launchers.length === 0) return;
  const timer = setInterval(() => {
    const gone = launchers.find(({ pid }) => process.ppid !== pid && commandOf(pid) === '');
    if (gone === undefined) return;
    clearInterval(timer);
    onGone(gone.name);
  }, launcherLookMs).unref();
}

type Launcher = { readonly pid: number; readonly name: string };

/** An older Node that has started this one, and npx above it. */
function launchersOf(env: NodeJS.ProcessEnv): readonly Launcher[] {
  const named = Number(env.STEPSPAN_LAUNCHER);
  if (named > 0 && process.ppid !== named) return [];
  const node = named > 0 ? [{ pid: named, name: 'the older Node' }] : [];
  if (env.npm_command !== 'exec') return node;
  // npx, and a shell between it and the first Node at most.
  for (let pid = named > 0 ? parentOf(named) : process.ppid, hops = 0; pid > 1 && hops < 3; hops += 1) {
    if (/\bnp[mx]\b/.test(commandOf(pid))) return [...node, { pid, name: 'npx' }];
    pid = parentOf(pid);
  }
  return node;
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
}

/** '' for a process that is gone, or a zombie. */
function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}
