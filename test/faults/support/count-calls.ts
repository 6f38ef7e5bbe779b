// How many file operations a stepspan process makes below its data folder, by thread, so that a sweep knows its points.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { startOtlpServer } from '../../readers/ship/support/otlp-server.ts';
import { makeSandbox } from './sandbox.ts';

export async function countCalls(
  args: readonly string[],
  workflow: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly main: number; readonly worker: number }> {
  const count = async (thread: 'main' | 'worker'): Promise<number> => {
    const sandbox = makeSandbox();
    const server = await startOtlpServer();
    try {
      sandbox.write('w.yaml', workflow);
      const log = path.join(sandbox.folder, 'calls');
      const cli = sandbox.start(args, {
        inject: { thread, at: 0, mode: 'before', log },
        env: { OTEL_EXPORTER_OTLP_ENDPOINT: server.url, ...env },
      });
      const { code, output } = await cli.ended;
      if (code !== 0) throw new Error(`the run that only counts ended with ${code}:\n${output}`);
      return loggedCalls(log);
    } finally {
      await server.close();
      await sandbox.remove();
    }
  };
  return { main: await count('main'), worker: await count('worker') };
}

/** Calls in the log of a process that only counted; a thread that made none has left none. */
export function loggedCalls(log: string): number {
  return existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0;
}
