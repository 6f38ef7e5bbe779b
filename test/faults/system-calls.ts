// The same promises, with the kernel itself as the one that breaks things: strace kills a process at its system calls, or lets them fail.
// What is injected into Node's own functions (kill-*.ts, disk.ts) cannot see what these become, nor calls that nobody thought of.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { diskFailsAt, type FailPoint } from './disk.ts';
import { hubKilledAt, makeHubTemplate } from './kill-hub.ts';
import { runKilledAt } from './kill-run.ts';
import { makeShipperTemplate, shipperKilledAt } from './kill-shipper.ts';
import { atOnce } from './support/at-once.ts';
import type { Fault, FaultContext } from './support/fault.ts';
import type { KillPoint } from './support/kill-points.ts';
import type { Random } from './support/random.ts';
import { injecting, oneThreadAside, readTrace, type SystemCall, straceProblem, tracing } from './support/strace.ts';
import { nothing, sum, type Tally } from './support/tally.ts';
import { unsyncedIn } from './support/unsynced.ts';

/** Calls that change something outside of the process: what it leaves behind when it dies there is what the next one finds. */
const calls = [
  ...['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'ftruncate', 'fallocate', 'fsync', 'fdatasync'],
  ...['openat', 'close', 'link', 'linkat', 'rename', 'renameat', 'renameat2', 'unlink', 'unlinkat', 'mkdir', 'rmdir'],
  ...['clone', 'clone3', 'vfork', 'kill', 'connect', 'sendto', 'sendmsg'],
];
const dataFolder = /\/stepspan-fault-[^/"]+\/data\//;
const isBelow = ({ text }: SystemCall): boolean => dataFolder.test(text);

/** What a disk answers: full, over quota, broken, remounted read-only after an error, interrupted. */
const errors = ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EINTR'] as const;
const sandboxesAtOnce = 3;
const limits = {
  short: { run: 2, hub: 2, shipper: 2, errors: 2 },
  full: { run: 240, hub: 60, shipper: 40, errors: 160 },
} as const;

export const systemCalls: Fault = {
  name: 'system calls',
  what: 'strace kills `stepspan run`, `serve` and `ship` at their system calls, and lets those of a run fail that only its data folder sees.',
  needs: straceProblem,
  async run(context) {
    const limit = limits[context.scale];
    const kills = async (what: string, many: number, check: (point: KillPoint) => Promise<Tally>): Promise<Tally> => {
      const traced = await trace(check);
      const points = killPoints(traced.calls, many, context.random);
      context.log(`${what}: ${traced.calls.filter(isBelow).length} calls in the data folder, ${points.length} kills`);
      return sum([traced.tally, ...(await atOnce(sandboxesAtOnce, points, check))]);
    };
    const hubs = await makeHubTemplate();
    const ships = await makeShipperTemplate();
    try {
      return sum([
        await orProblem(kills('run', limit.run, runKilledAt)),
        await orProblem(kills('serve', limit.hub, (point) => hubKilledAt(hubs, point))),
        await orProblem(kills('ship', limit.shipper, (point) => shipperKilledAt(ships, point))),
        await orProblem(failures(limit.errors, context)),
      ]);
    } finally {
      await hubs.remove();
      await ships.remove();
    }
  },
};

/** What breaks one part is a problem of it, and hides nothing of the others. */
function orProblem(part: Promise<Tally>): Promise<Tally> {
  return part.catch((error: Error) => ({ ...nothing, problems: [error.stack ?? error.message] }));
}

/** Goes through a check with nothing injected. Nothing is broken then, and all that is promised to be synced must have been. */
async function trace<Point extends KillPoint>(
  check: (point: Pick<Point, 'place' | 'options'>) => Promise<Tally>,
): Promise<{ readonly tally: Tally; readonly calls: readonly SystemCall[] }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-trace-'));
  try {
    const log = path.join(folder, 'calls');
    const tally = await check({ place: 'traced only', options: { under: tracing(calls, log), env: oneThreadAside } });
    const found = readTrace(log);
    if (!found.some(isBelow)) throw new Error('strace has seen no call in the data folder');
    return { tally: { ...tally, problems: [...tally.problems, ...unsyncedIn(found)] }, calls: found };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Half of them in the data folder, half at other calls once there is one: between two of the former a process does much else. */
function killPoints(traced: readonly SystemCall[], many: number, random: Random): readonly KillPoint[] {
  const since = traced.slice(traced.findIndex(isBelow));
  const below = spread(numbered(since.filter(isBelow)), many / 2, random);
  return [...below, ...spread(numbered(since.filter((call) => !isBelow(call))), many / 2, random)].map((call) => ({
    place: `SIGKILL at ${nameOf(call)}`,
    options: { under: injecting(call.name, 'signal=KILL', `${call.nth}`), env: oneThreadAside },
  }));
}

/** Errors at the calls of which a run has none outside of its data folder: others, such as `write`, are those of the terminal too. */
async function failures(many: number, context: FaultContext): Promise<Tally> {
  const traced = await trace((point) => diskFailsAt({ ...point, error: '' }));
  const elsewhere = new Set(traced.calls.filter((call) => !isBelow(call)).map(({ name }) => name));
  const own = numbered(traced.calls.filter(({ name }) => !elsewhere.has(name)));
  const points = own.flatMap((call) => errors.flatMap((error) => failPoints(call, error)));
  // However few are chosen, one that needs a message is among them.
  const reported = points.filter(({ message, place }) => message !== undefined && place.endsWith('+'));
  const chosen = [...spread(reported, 1, context.random), ...spread(points, many - 1, context.random)];
  const names = [...new Set(own.map(({ name }) => name))].join(', ');
  context.log(`run: ${chosen.length} of ${points.length} failures of ${names}`);
  return sum([traced.tally, ...(await atOnce(sandboxesAtOnce, chosen, diskFailsAt))]);
}

function failPoints(call: SystemCall, error: (typeof errors)[number]): readonly FailPoint[] {
  const { name, nth } = call;
  // Who is interrupted asks again, for ever if need be: no disk answers so for ever.
  const whens = [`${nth}`, `${nth}..${nth + 19}`, ...(error === 'EINTR' ? [] : [`${nth}+`])];
  // Whether the later ones come depends on the time; the first two are those of the beginning and of a step.
  const isSync = (name === 'fdatasync' || name === 'fsync') && /\/journal[/>]/.test(call.text) && nth <= 2;
  return whens.map((when) => ({
    place: `${error} at ${nameOf(call)}, when=${when}`,
    error,
    options: { under: injecting(name, `error=${error}`, when), env: oneThreadAside },
    ...(isSync && error !== 'EINTR' ? { message: /has not confirmed/ } : {}),
  }));
}

/** Each name and number once: the same number in two threads is one point, for the thread that comes first. */
function numbered(traced: readonly SystemCall[]): readonly SystemCall[] {
  return [...new Map(traced.map((call) => [`${call.name} ${call.nth}`, call])).values()];
}

function spread<T>(all: readonly T[], many: number, random: Random): readonly T[] {
  const wanted = Math.min(all.length, many);
  const offset = random.next();
  return Array.from({ length: wanted }, (_, index) => all[Math.floor(((index + offset) * all.length) / wanted)]!);
}

function nameOf({ name, nth, text }: SystemCall): string {
  const [file] = /(?<=\/data\/)[^>"]*/.exec(text) ?? [];
  return `${name} ${nth}${file === undefined ? '' : ` (${path.basename(file)})`}`;
}
