// A hub as people start it, in a process of its own that can be asked for its processor time, its memory and how long its event loop
// was blocked.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { basicEnvironment } from './measure-step.ts';
import type { Place } from './place.ts';

const watchLoop = fileURLToPath(new URL('../programs/watch-loop.mjs', import.meta.url));

/** What programs/watch-loop.mjs answers. */
export type LoopNumbers = { readonly maxDelayMs: number; readonly cpuMs: number; readonly rssBytes: number };

export type MeasuredHub = {
  readonly url: string;
  /** From the start of the process to its first answer of /healthz. */
  readonly startMs: number;
  /** Of the process up to that answer. */
  readonly startCpuMs: number;
  /** Since the last call. After one with `last`, blocking is not measured: that takes processor time of its own. */
  readonly numbers: (which?: 'next' | 'last') => Promise<LoopNumbers>;
  /** One request of the API, with the token. Throws for a status other than 200. */
  readonly ask: (path: string) => Promise<string>;
  readonly metric: (name: string) => Promise<number>;
  /** Asks every `everyMs`. Asking takes the hub's time, so what is measured in processor time is asked for rarely. */
  readonly until: (isReached: () => Promise<boolean>, everyMs?: number) => Promise<void>;
  readonly stop: () => Promise<void>;
};

export async function startMeasuredHub(
  place: Place,
  dataDir: string,
  options: { readonly args?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<MeasuredHub> {
  const started = performance.now();
  const args = ['--import', watchLoop, place.program, 'serve', '--port', '0', ...(options.args ?? [])];
  const child = spawn(process.execPath, args, {
    env: { ...basicEnvironment(), STEPSPAN_DATA_DIR: dataDir, ...options.env },
    // Its log has a line for each run that it closes.
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
  });
  // If a measurement fails, its hub must not keep writing to the folder that is removed then.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.removeListener('exit', kill));
  const url = await listeningOn(child);
  const health = await fetch(`${url}/healthz`);
  if (health.status !== 200) throw new Error(`/healthz answers ${health.status}`);
  await health.text();
  const startMs = performance.now() - started;

  const numbers = async (which: 'next' | 'last' = 'next'): Promise<LoopNumbers> => {
    const answer = once(child, 'message');
    child.send(which);
    return ((await answer) as [LoopNumbers])[0];
  };
  const ask = async (at: string): Promise<string> => {
    const token = readFileSync(path.join(dataDir, 'token.read'), 'utf8').trim();
    // A connection of its own: a hub closes one that is kept at any moment.
    const headers = { authorization: `Bearer ${token}`, connection: 'close' };
    const answer = await fetch(`${url}${at}`, { headers });
    if (answer.status !== 200) throw new Error(`${at} answers ${answer.status}`);
    return answer.text();
  };
  const metric = async (name: string): Promise<number> => {
    const text = await ask('/metrics');
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  };
  return {
    url,
    startMs,
    startCpuMs: (await numbers()).cpuMs,
    numbers,
    ask,
    metric,
    async until(isReached, everyMs = 100) {
      while (!(await isReached())) await new Promise((resolve) => setTimeout(resolve, everyMs));
    },
    async stop() {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function listeningOn(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const url = /^listening on (\S+)\n/.exec(said)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.once('exit', () => reject(new Error('the hub has ended before it listened')));
  });
}
