// Starts fixtures in a temp folder and an environment of their own, keeps what they print, and leaves nobody behind.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import {
  endLeftoverProcesses,
  type LineBatch,
  markerOf,
  type StartedProcess,
  type StartOptions,
  startProcess,
} from '../../src/run/process/index.ts';
import { readStat } from '../../src/run/process/proc-files.ts';

export type Printed = LineBatch & { readonly stream: 'stdout' | 'stderr' };

export type Rig = ReturnType<typeof createRig>;

let runs = 0;

export function createRig() {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'stepspan-test-')));
  const runId = `test-${process.pid}-${++runs}`;
  const marker = markerOf(runId);
  const env = { PATH: process.env.PATH ?? '', STEPSPAN_RUN_ID: runId };
  onTestFinished(async () => {
    await endLeftoverProcesses({ marker, reach: 'own_run' });
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    runId,
    marker,
    env,
    path: (name: string) => join(folder, name),
    async start(file: string, args: readonly string[] = [], extra: Partial<StartOptions> = {}) {
      const printed: Printed[] = [];
      const result = await startProcess({
        file,
        args,
        cwd: folder,
        env,
        marker,
        onOutput: (stream, batch) => printed.push({ ...batch, stream, bytes: Buffer.from(batch.bytes) }),
        ...extra,
      });
      if (result.kind === 'failed') throw new Error(result.message);
      onTestFinished(async () => {
        await result.end({ steps: [] });
        result.release();
      });
      return Object.assign(result, {
        printed,
        text: (stream: Printed['stream'] = 'stdout') => textOf(printed, stream),
      });
    },
    sh(script: string, ...args: string[]) {
      return this.start('sh', ['-c', script, 'sh', ...args]);
    },
  };
}

export type Started = StartedProcess & {
  readonly printed: readonly Printed[];
  readonly text: (stream?: Printed['stream']) => string;
};

export function textOf(printed: readonly Printed[], stream: Printed['stream']): string {
  return bytesOf(printed, stream).toString();
}

export function bytesOf(printed: readonly Printed[], stream: Printed['stream']): Buffer {
  return Buffer.concat(printed.filter((batch) => batch.stream === stream).map((batch) => batch.bytes));
}

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/** Whether the process runs; a zombie does not. */
export function isRunning(pid: number): boolean {
  const state = readStat(pid)?.state;
  return state !== undefined && state !== 'Z' && state !== 'X';
}
