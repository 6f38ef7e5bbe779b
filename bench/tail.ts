// The tail against `websocketd tail -F`: how late a line is, what a stalled watcher costs, whether a thousand miss anything,
// how soon a late joiner has its first line. Server, writer and watchers are processes of their own, as in life.
// Needs websocketd (a Debian package) in PATH or in $WEBSOCKETD for the peer; without it the peer's rows are left out.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { isRunId, newRunId, type RunId } from '../src/event/ids.ts';
import { createJournal, dataFolder, type JournalWriter, reopenJournal } from '../src/journal/index.ts';
import { createTail } from '../src/tail/index.ts';
import type { TailMessage } from '../src/tail/protocol.ts';

/** Lines of the first second: a server that has run for a while has compiled what it runs. Left out for the peer too. */
const warmUp = 1000;

const subject = { step: 'build', attempt: 1 };
const self = fileURLToPath(import.meta.url);
const [role = 'main', root = '', target = '', rate = '1000', seconds = '5', also = ''] = process.argv.slice(2);
if (role === 'serve') serve();
else if (role === 'write') await write();
else await main();

/** Answers each line on stdin with its memory in bytes after a collection. */
function serve(): void {
  const tail = createTail({
    resolveRun: (runId) => dataFolder(root).runDir(runId),
    authorize: () => ({ ok: true, scope: 'read' }),
    version: 'bench',
  });
  const server = createServer();
  server.on('upgrade', tail.handleUpgrade);
  server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
  createInterface(process.stdin)
    .on('line', () => {
      (globalThis as { gc?: () => void }).gc?.();
      const { rss, heapUsed, external } = process.memoryUsage();
      console.log(JSON.stringify({ rss, used: heapUsed + external, cpu: process.cpuUsage() }));
    })
    .on('close', () => process.exit());
}

/** Lines of 100 bytes that begin with the monotonic clock, which all processes share. Into a journal, and into a plain file. */
async function write(): Promise<void> {
  if (!isRunId(target)) throw new Error('no run id');
  const journal = openWriter(root, target);
  const fd = also === '' ? undefined : openSync(also, 'a');
  const draft = { subject, stream: 'stdout', severity: undefined, lineCount: 1 } as const;
  const now = (line: number) => Buffer.from(`${process.hrtime.bigint()} ${line} `.padEnd(99, '.').concat('\n'));
  const started = performance.now();
  const total = Number(rate) * Number(seconds);
  for (let line = 0; line < total; ) {
    for (const due = ((performance.now() - started) / 1000) * Number(rate); line < due && line < total; line++) {
      // Each has its own time, and neither is always the second.
      if (fd !== undefined && line % 2 === 0) writeSync(fd, now(line));
      journal.output({ ...draft, bytes: now(line), unterminated: false });
      if (fd !== undefined && line % 2 === 1) writeSync(fd, now(line));
    }
    await delay(1);
  }
  await journal.close();
}

function openWriter(where: string, runId: RunId): JournalWriter {
  const folder = dataFolder(where).runDir(runId);
  return existsSync(folder.journalDir) ? reopenJournal(folder) : createJournal(folder, { archive: false });
}

/** What was printed long before anybody watches. @returns how many lines */
async function writeHistory(where: string, runId: RunId, size: number): Promise<number> {
  const journal = openWriter(where, runId);
  const bytes = Buffer.from(`0 ${'x'.repeat(97)}\n`.repeat(655));
  const draft = { subject, stream: 'stdout', severity: undefined } as const;
  while (journal.stats().bytes < size) {
    for (let batch = 0; batch < 64; batch++) journal.output({ ...draft, lineCount: 655, bytes, unterminated: false });
    await delay(0);
  }
  await journal.close();
  return journal.nextSeq;
}

async function writeLines(
  where: string,
  runId: RunId,
  perSecond: number,
  forSeconds: number,
  file = '',
): Promise<void> {
  const numbers = [perSecond, forSeconds].map(String);
  const child = spawn(process.execPath, [self, 'write', where, runId, ...numbers, file], { stdio: 'inherit' });
  await once(child, 'close');
}

type Server = {
  readonly url: string;
  readonly memory: () => Promise<{ rss: number; used: number; cpu: NodeJS.CpuUsage }>;
  readonly stop: () => void;
};

async function startServer(where: string): Promise<Server> {
  const child = spawn(process.execPath, ['--expose-gc', self, 'serve', where], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  const port = (await answers.next()).value;
  return {
    url: `ws://127.0.0.1:${port}/api/v1/tail`,
    async memory() {
      child.stdin.write('\n');
      return JSON.parse((await answers.next()).value as string);
    },
    stop: () => void child.stdin.end(),
  };
}

type Watcher = {
  readonly socket: WebSocket;
  lines: number;
  /** The number that must come next. */
  next: number;
  readonly lateMs: number[];
  caughtUp: boolean;
  wrong: number;
};

async function watch(url: string, runId: RunId, fromSeq: number | 'end' = 0): Promise<Watcher> {
  const socket = new WebSocket(url);
  const one: Watcher = { socket, lines: 0, next: 0, lateMs: [], caughtUp: false, wrong: 0 };
  socket.on('message', (data) => {
    const now = process.hrtime.bigint();
    const message = JSON.parse(data.toString()) as TailMessage;
    if (message.type === 'subscribed') one.next = message.data.fromSeq;
    if (message.type === 'caught_up') one.caughtUp = true;
    if (message.type === 'output_stream') {
      for (const { seq, text } of message.data.lines) {
        if (seq !== one.next) one.wrong += 1;
        one.next = seq + 1;
        one.lines += 1;
        one.lateMs.push(Number(now - BigInt(text.slice(0, text.indexOf(' ')))) / 1e6);
      }
    }
  });
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'subscribe_execution', executionId: runId, fromSeq }));
  while (!one.caughtUp) await delay(1);
  return one;
}

function quantiles(values: number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN).toFixed(2);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`;
}

async function settle(all: readonly Watcher[], lines: number): Promise<number> {
  const end = performance.now() + 20_000;
  while (all.some((one) => one.lines < lines) && performance.now() < end) await delay(5);
  return all.filter((one) => one.lines !== lines || one.wrong > 0).length;
}

/** What a watcher of `websocketd tail -F` gets; undefined where there is no websocketd. */
async function watchPeer(file: string): Promise<{ lateMs: number[]; stop: () => void } | undefined> {
  const program = process.env.WEBSOCKETD ?? 'websocketd';
  if (spawnSync(program, ['--version']).error !== undefined) return undefined;
  writeFileSync(file, '');
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  free.close();
  const args = [`--port=${port}`, '--address=127.0.0.1', 'tail', '-n', '+1', '-F', file];
  const child = spawn(program, args, { stdio: 'ignore' });
  // Also when something here throws.
  process.once('exit', () => child.kill());
  await delay(500);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  const lateMs: number[] = [];
  socket.on('message', (data) => {
    const text = data.toString();
    lateMs.push(Number(process.hrtime.bigint() - BigInt(text.slice(0, text.indexOf(' ')))) / 1e6);
  });
  await once(socket, 'open');
  await delay(500);
  return { lateMs, stop: () => void child.kill() };
}

async function main(): Promise<void> {
  const where = mkdtempSync(join(tmpdir(), 'stepspan-bench-'));
  try {
    // `node bench/tail.ts main latency` measures one part.
    for (const [name, part] of Object.entries({ latency, stalled, thousand, late }))
      if (root === '' || root === name) await part(where);
  } finally {
    rmSync(where, { recursive: true });
  }
}

/** Both at once, from one writer, so that whatever else the machine does is done to both. */
async function latency(where: string): Promise<void> {
  const server = await startServer(where);
  const runId = newRunId();
  const file = join(where, 'log');
  const peer = await watchPeer(file);
  const one = await watch(server.url, runId);
  await writeLines(where, runId, 1000, 6, peer === undefined ? '' : file);
  const bad = await settle([one], 6000);
  await delay(500);
  console.log(
    `tail, 1,000 lines/s: ${quantiles(one.lateMs.slice(warmUp))} (${one.lines} lines, ${bad} watchers with a gap)`,
  );
  if (peer === undefined) console.log('websocketd tail -F: not here, so not measured');
  else
    console.log(`websocketd tail -F, beside it: ${quantiles(peer.lateMs.slice(warmUp))} (${peer.lateMs.length} lines)`);
  peer?.stop();
  one.socket.terminate();
  server.stop();
}

async function stalled(where: string): Promise<void> {
  const server = await startServer(where);
  // Once without anybody stalled, so that the heap has its size.
  for (const stall of [false, true]) {
    const runId = newRunId();
    // More than the kernel takes for one socket, so that the stalled one holds up its own reading.
    const history = await writeHistory(where, runId, 30e6);
    const fast = await Promise.all(Array.from({ length: 99 }, () => watch(server.url, runId, 'end')));
    const last = await watch(server.url, runId, 'end');
    const before = await server.memory();
    if (stall) {
      last.lines = 0;
      last.socket.send(JSON.stringify({ type: 'subscribe_execution', executionId: runId, fromSeq: 0 }));
      last.socket.pause();
    }
    await writeLines(where, runId, 1000, 5);
    const kept = fast.reduce((sum, one) => sum + one.lines, 0) / fast.length / 5000;
    const bad = await settle(fast, 5000);
    const after = await server.memory();
    const mb = (bytes: number): string => (bytes / 1e6).toFixed(1);
    console.log(
      `100 watchers, ${stall ? 'one stalled' : 'none stalled'}, 1,000 lines/s: used ${mb(after.used - before.used)} MB more, ` +
        `rss ${mb(after.rss - before.rss)} MB more; the others had ${kept.toFixed(3)} when the writer ended, ${bad} with a gap, ` +
        quantiles(fast.flatMap((one) => one.lateMs)),
    );
    if (stall) {
      last.socket.resume();
      const gap = (await settle([last], history + 5000)) > 0;
      console.log(`the stalled one goes on: ${last.lines} lines, ${gap ? 'A GAP' : 'no gap'}`);
    }
    for (const one of [...fast, last]) one.socket.terminate();
  }
  server.stop();
}

async function thousand(where: string): Promise<void> {
  const server = await startServer(where);
  const runId = newRunId();
  const all: Watcher[] = [];
  while (all.length < 1000)
    all.push(...(await Promise.all(Array.from({ length: 100 }, () => watch(server.url, runId)))));
  const before = (await server.memory()).cpu;
  await writeLines(where, runId, 200, 5);
  const bad = await settle(all, 1000);
  const { cpu, rss } = await server.memory();
  const cores = (cpu.user + cpu.system - before.user - before.system) / 5e6;
  const late = quantiles(all.flatMap((one) => one.lateMs));
  console.log(
    `1,000 watchers, 200 lines/s: ${bad} with a gap, ${late}, ${cores.toFixed(2)} cores, rss ${Math.round(rss / 1e6)} MB`,
  );
  for (const one of all) one.socket.terminate();
  server.stop();
}

async function late(where: string): Promise<void> {
  const runId = newRunId();
  const lines = await writeHistory(where, runId, 1e9);
  const server = await startServer(where);
  for (const share of [0, 0.5, 0.999]) {
    const fromSeq = Math.floor(lines * share);
    const socket = new WebSocket(server.url);
    await once(socket, 'open');
    const started = performance.now();
    socket.send(JSON.stringify({ type: 'subscribe_execution', executionId: runId, fromSeq }));
    let first = '';
    while (!first.includes('"output_stream"')) first = String((await once(socket, 'message'))[0]);
    const ms = performance.now() - started;
    const seq = (JSON.parse(first) as Extract<TailMessage, { type: 'output_stream' }>).data.lines[0]?.seq;
    console.log(
      `late joiner, 1 GB, from ${share}: first line after ${ms.toFixed(1)} ms (${seq === fromSeq ? 'the right one' : 'WRONG'})`,
    );
    socket.terminate();
  }
  server.stop();
}
