// Starts the server and the writers of the tail benchmark, each a process of its own as in life, and talks with them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { newRunId } from '../../src/core/ids.ts';
import { basicEnvironment } from '../support/measure-step.ts';
import type { Place } from '../support/place.ts';
import { runProgram } from '../support/processes.ts';
import type { ServeOrder, ServerState, WriteOrder } from '../support/tail-orders.ts';

const serveProgram = fileURLToPath(new URL('../programs/serve-tail.ts', import.meta.url));
const writeProgram = fileURLToPath(new URL('../programs/write-lines.ts', import.meta.url));

export type TailServer = {
  /** Of the WebSocket. */
  readonly url: string;
  /** Of the HTTP API. */
  readonly apiUrl: string;
  /** @param collect garbage before, so that only memory in use is counted; it costs the server a pause */
  readonly state: (collect?: 'collect') => Promise<ServerState>;
  /** A run that nobody has written to yet. */
  readonly newRun: () => string;
  /** Resolves when all is written. @returns how many numbers the journal of the run has then */
  readonly write: (runId: string, lines: WriteOrder['lines']) => Promise<number>;
  /** Removes what was written, too. */
  readonly stop: () => Promise<void>;
};

export async function startTailServer(place: Place): Promise<TailServer> {
  const dataDir = place.folder('data');
  const built = (module: string): string => pathToFileURL(place.built(module)).href;
  const modules = {
    tail: built('api/index'),
    api: built('api/http/index'),
    journal: built('journal/index'),
    runs: built('runs/index'),
  };
  const order: ServeOrder = { modules, dataDir };
  const child = spawn(process.execPath, ['--expose-gc', serveProgram, JSON.stringify(order)], {
    env: basicEnvironment(),
    // What it imports from the packages is found from there.
    cwd: place.root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  const answer = async (): Promise<string> => {
    const { value, done } = await answers.next();
    if (done === true) throw new Error('the server of the tail has ended');
    return value;
  };
  const port = await answer();
  return {
    url: `ws://127.0.0.1:${port}/api/v1/tail`,
    apiUrl: `http://127.0.0.1:${port}`,
    async state(collect) {
      child.stdin.write(`${collect ?? ''}\n`);
      return JSON.parse(await answer()) as ServerState;
    },
    newRun: newRunId,
    async write(runId, lines) {
      const write: WriteOrder = { journal: modules.journal, dataDir, runId, lines };
      const { stdout } = await runProgram(process.execPath, [writeProgram, JSON.stringify(write)], {
        env: basicEnvironment(),
      });
      return Number(stdout);
    },
    async stop() {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
      rmSync(dataDir, { recursive: true });
    },
  };
}
