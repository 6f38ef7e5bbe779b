// Runs one real server for a test: starts it, waits until it answers, stops or kills it, and starts it again on the same
// ports and folder, which is how an outage is played. collector.ts, loki.ts and prometheus.ts say what to run; this file
// knows none of them.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

// The slowest start seen is Loki's, 3 s on 2 idle cores; a busy machine takes several times as long.
const START_TIMEOUT_MS = 150_000;
// Loki flushes what it holds when it is asked to stop. After this long it hangs, and the test should say so.
const STOP_TIMEOUT_MS = 150_000;
const POLL_MS = 50;

export interface ServiceSpec {
  name: string;
  program: string;
  args: string[];
  env?: Record<string, string>;
  /** The service's own temp folder, from `makeFolder`; its output goes there, and `remove` deletes it. */
  folder: string;
  /** Whether it serves by now. An exception, such as a refused connection, counts as no. */
  isReady: () => Promise<boolean>;
}

export interface Service {
  readonly folder: string;
  /** Resolves when the service answers. May be called again after `stop` or `kill`. */
  start(): Promise<void>;
  /** Asks it to end (SIGTERM) and waits until it has. */
  stop(): Promise<void>;
  /** Ends it as a power cut would (SIGKILL) and waits until it is gone. */
  kill(): Promise<void>;
  /** Kills what still runs and deletes the folder. Safe to call twice, and after a start that failed. */
  remove(): Promise<void>;
  /** All that it printed so far. */
  output(): string;
}

export function makeFolder(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `stepspan-${name}-`));
}

/** Ports of 127.0.0.1 that were free a moment ago, all different because all are held until the last is known. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** Calls `probe` until it returns something else than undefined; an exception counts as undefined until time is up. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 150_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let lastError: unknown;
  do {
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      lastError = error;
    }
    await sleep(POLL_MS);
  } while (Date.now() < deadline);
  throw new Error(`After ${timeoutMs / 1000} s still not: ${what}.`, { cause: lastError });
}

export function defineService(spec: ServiceSpec): Service {
  const logPath = join(spec.folder, 'output.log');
  let child: ChildProcess | undefined;

  const output = () => {
    try {
      return readFileSync(logPath, 'utf8');
    } catch {
      return '';
    }
  };
  const failure = (problem: string, cause?: unknown) =>
    new Error(`${spec.name} ${problem}. The end of its output:\n${output().slice(-4000)}`, { cause });

  async function start(): Promise<void> {
    if (child && !hasEnded(child)) throw new Error(`${spec.name} runs already; stop it before starting it again.`);
    const started = spawnUnderParent(spec, logPath);
    child = started;
    const ready = async () => {
      if (hasEnded(started)) return 'ended' as const;
      return (await spec.isReady()) ? ('ready' as const) : undefined;
    };
    const result = await eventually(`${spec.name} answers`, ready, START_TIMEOUT_MS).catch(async (error: unknown) => {
      await end('SIGKILL');
      throw failure('did not get ready', error);
    });
    if (result === 'ended') throw failure(`ended at once (${started.exitCode ?? started.signalCode})`);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!child || hasEnded(child)) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    const timer = new AbortController();
    const timedOut = sleep(STOP_TIMEOUT_MS, 'timeout' as const, { signal: timer.signal }).catch(() => undefined);
    if ((await Promise.race([exited, timedOut])) === 'timeout') {
      child.kill('SIGKILL');
      await exited;
      throw failure(`did not end within ${STOP_TIMEOUT_MS / 1000} s of ${signal}`);
    }
    timer.abort();
  }

  return {
    folder: spec.folder,
    start,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async remove() {
      await end('SIGKILL');
      await rm(spec.folder, { recursive: true, force: true });
    },
    output,
  };
}

// A test runner that is killed runs no clean-up, and its servers would live on. setpriv has the kernel kill the server
// when its parent dies (PR_SET_PDEATHSIG), and then becomes the server, so the pid is the server's own.
function spawnUnderParent(spec: ServiceSpec, logPath: string): ChildProcess {
  const log = openSync(logPath, 'a');
  try {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', spec.program, ...spec.args], {
      cwd: spec.folder,
      env: { PATH: process.env.PATH, HOME: spec.folder, ...spec.env },
      stdio: ['ignore', log, log],
    });
    // Without a listener the error would end the test runner; a child without a pid counts as ended.
    child.on('error', (error) => appendFileSync(logPath, `setpriv (Debian package util-linux) is needed: ${error}\n`));
    return child;
  } finally {
    closeSync(log);
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}
