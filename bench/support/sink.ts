// Starts the null OTLP endpoint of `programs/sink.ts` and asks it what came.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { basicEnvironment } from './measure-step.ts';

export type Sink = {
  readonly url: string;
  /** What has come since it was last asked. Only `keep` knows records. */
  readonly count: () => Promise<{ readonly records: number; readonly bytes: number; readonly requests: number }>;
  readonly stop: () => Promise<void>;
};

const program = fileURLToPath(new URL('../programs/sink.ts', import.meta.url));

export async function startSink(mode: 'keep' | 'discard' | 'refuse'): Promise<Sink> {
  const child = spawn(process.execPath, [program, mode], {
    env: basicEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  const url = `http://127.0.0.1:${port.toString().trim()}`;
  return {
    url,
    async count() {
      const response = await fetch(`${url}/count`);
      return (await response.json()) as { records: number; bytes: number; requests: number };
    },
    async stop() {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}
