// The peer: `websocketd tail -F`, which hands what a file grows by to a WebSocket. A Debian package; left out where it is not.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { ageMs } from './watcher.ts';

export type Peer = {
  readonly lateMs: readonly number[];
  /** Processor time of websocketd and of tail so far; NaN if the system does not report it. */
  readonly cpuMs: () => number;
  readonly stop: () => Promise<void>;
};

const program = process.env.WEBSOCKETD ?? 'websocketd';

export function hasPeer(): boolean {
  return spawnSync(program, ['--version']).error === undefined;
}

/** @param file is emptied if it exists */
export async function watchByPeer(file: string): Promise<Peer> {
  writeFileSync(file, '');
  // It takes no port 0, so a free one is looked for.
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  free.close();
  await once(free, 'close');
  const args = [`--port=${port}`, '--address=127.0.0.1', 'tail', '-n', '+1', '-F', file];
  const child = spawn(program, args, { stdio: 'ignore' });
  const kill = (): void => void child.kill();
  process.once('exit', kill);
  const socket = await connect(`ws://127.0.0.1:${port}/`);
  const lateMs: number[] = [];
  socket.on('message', (data) => lateMs.push(ageMs(data.toString(), process.hrtime.bigint())));
  // It starts tail for each connection and says nothing of it, so the first line it passes on is waited for.
  for (let tries = 0; lateMs.length === 0 && tries < 200; tries++) {
    writeFileSync(file, `${process.hrtime.bigint()} is it there?\n`, { flag: 'a' });
    await delay(50);
  }
  await delay(200);
  lateMs.length = 0;
  return {
    lateMs,
    cpuMs: () => cpuMsOf(child.pid ?? 0),
    async stop() {
      process.off('exit', kill);
      const ended = once(child, 'exit');
      socket.terminate();
      kill();
      await ended;
    },
  };
}

async function connect(url: string): Promise<WebSocket> {
  for (let tries = 0; ; tries++) {
    const socket = new WebSocket(url);
    try {
      await once(socket, 'open');
      return socket;
    } catch (error) {
      if (tries === 100) throw error;
      await delay(50);
    }
  }
}

/** Of a process and its children. The kernel counts in 10 ms, of which some seconds of load have many. */
function cpuMsOf(pid: number): number {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return children.reduce(
      (sum, child) => sum + cpuMsOf(Number(child)),
      10 * (Number(fields[11]) + Number(fields[12])),
    );
  } catch {
    return Number.NaN;
  }
}
