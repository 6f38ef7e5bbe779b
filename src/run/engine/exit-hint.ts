// What an exit code means by the conventions of shells: 126, 127, and 128 plus the number of a signal. Pure.
import { constants } from 'node:os';
import type { OomKills } from '../process/index.ts';

const signals = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

const meanings: Readonly<Record<string, string>> = {
  SIGPIPE: 'it wrote to a pipe whose reader had ended, as `| head` does',
  SIGSEGV: 'it crashed',
  SIGABRT: 'it ended itself over an error',
  SIGBUS: 'it crashed',
  SIGILL: 'it crashed; is it built for this processor?',
};

/** @returns '' for a code that has no common meaning, else `: ` and the hint */
export function explainExitCode(code: number, before?: OomKills, now?: OomKills): string {
  if (code === 124) return ': if it uses `timeout`, that time was over';
  if (code === 126) return ': a command was found but cannot be executed; look at its permissions and its first line';
  if (code === 127) return ': a command was not found; install it, or correct PATH or its name';
  const signal = code > 128 ? signals.get(code - 128) : undefined;
  return signal === undefined ? '' : `: ${explainSignal(signal, before, now)}`;
}

/** What ended a process by a signal that stepspan did not send. */
export function explainSignal(signal: string, before?: OomKills, now?: OomKills): string {
  const cause = causeOfSignal(signal, before, now);
  const name = signal === 'SIGKILL' ? 'killed (SIGKILL)' : `ended by ${signal}`;
  return cause === undefined ? name : `${name}${cause === perhapsMemory ? ';' : ':'} ${cause}`;
}

const perhapsMemory = 'out of memory?';

/** Why a process is ended by such a signal; undefined for one that somebody sends on purpose. */
export function causeOfSignal(signal: string, before?: OomKills, now?: OomKills): string | undefined {
  if (signal !== 'SIGKILL') return meanings[signal];
  const grew = (of: keyof OomKills): boolean => (now?.[of] ?? 0) > (before?.[of] ?? Number.POSITIVE_INFINITY);
  if (grew('group')) return 'out of memory, as the kernel counted';
  return grew('machine') ? 'the machine ran out of memory meanwhile, as the kernel counted' : perhapsMemory;
}
