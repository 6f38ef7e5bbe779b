// A data folder with runs in it, written by the real journal writer, and the reading commands as real processes over it.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { Command } from 'commander';
import type { CliContext } from '../../src/cli/context.ts';
import { registerCosts } from '../../src/cli/costs.ts';
import { registerExport } from '../../src/cli/export.ts';
import { registerLs } from '../../src/cli/ls.ts';
import { registerSearch } from '../../src/cli/search.ts';
import { registerShow } from '../../src/cli/show.ts';
import { registerTail } from '../../src/cli/tail.ts';
import type { Event, EventOf } from '../../src/core/event.ts';
import { newRunId, type RunId } from '../../src/core/ids.ts';
import { makeRunFolder } from '../../src/data/data-folder.ts';
import {
  createJournal,
  type DataFolder,
  dataFolder,
  type JournalWriter,
  processIdentity,
  type RunFolder,
} from '../../src/journal/index.ts';
import type { Stream } from '../../src/text/stream.ts';
import {
  attemptFinished,
  attemptStarted,
  exit1,
  runFinished,
  runStarted,
  stepFinished,
  success,
} from '../runs/journal-of.ts';
import { compileCache } from '../support/compile-cache.ts';

export type Ended = { readonly stdout: Buffer; readonly stderr: string; readonly code: number | null };

type NewRun = {
  id?: RunId;
  workflow?: string;
  steps?: readonly string[];
  pid?: number;
  started?: Partial<EventOf<'run.started'>>;
};

export type Rig = {
  readonly root: string;
  readonly folderOf: (runId: RunId) => RunFolder;
  readonly start: (run?: NewRun) => WrittenRun;
  /** As a process of its own. */
  readonly run: (...args: readonly string[]) => Promise<Ended>;
  /** In this process, for tests with many calls; a process takes a good part of a second to start. */
  readonly call: (...args: readonly string[]) => Promise<Ended>;
  readonly spawn: (...args: readonly string[]) => ChildProcess;
  readonly remove: () => void;
};

export type WrittenRun = {
  readonly runId: RunId;
  readonly journal: JournalWriter;
  readonly event: (event: Event, step?: string, attempt?: number) => void;
  readonly output: (bytes: string | Buffer, step: string, stream?: Stream, attempt?: number) => void;
  /** Ends every step and the run, well or with exit code 1, and closes the journal. */
  readonly finish: (steps: readonly string[], well?: boolean) => Promise<void>;
};

const program = path.resolve(import.meta.dirname, '../fixtures/reading-cli.ts');

export function createRig(): Rig {
  const root = mkdtempSync(path.join(tmpdir(), 'stepspan-cli-'));
  const data = dataFolder(root);
  // A clean environment: no colours, no settings, and a home of its own.
  const env = { PATH: process.env.PATH ?? '', HOME: root, STEPSPAN_DATA_DIR: root, LANG: 'C.UTF-8', ...compileCache };
  return {
    root,
    folderOf: (runId) => data.runDir(runId),
    start: (run) => writeRun(data, run),
    run: (...args) =>
      new Promise((resolve) => {
        const child = execFile(
          process.execPath,
          [program, ...args],
          { env, cwd: root, encoding: 'buffer', maxBuffer: 2 ** 28 },
          (_error, stdout, stderr) => resolve({ stdout, stderr: stderr.toString(), code: child.exitCode }),
        );
      }),
    async call(...args) {
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      const sink = (chunks: Buffer[]): NodeJS.WriteStream => {
        const write = (chunk: Buffer, _encoding: string, done: () => void): void => {
          chunks.push(Buffer.from(chunk));
          done();
        };
        return new Writable({ write }) as unknown as NodeJS.WriteStream;
      };
      let code = 0;
      await createReadingProgram({
        env,
        cwd: root,
        stdout: sink(out),
        stderr: sink(err),
        now: Date.now,
        setExitCode: (set) => {
          code = set;
        },
        onEnd: () => undefined,
        onSignal: () => () => undefined,
        toOtlp: async () => ({
          map: (records) => records.map(({ seq, kind }) => Buffer.from(JSON.stringify({ seq, kind }))),
          end: () => [],
        }),
      }).parseAsync(args, { from: 'user' });
      return { stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString(), code };
    },
    spawn: (...args) =>
      spawn(process.execPath, [program, ...args], { env, cwd: root, stdio: ['ignore', 'pipe', 'pipe'] }),
    remove: () => rmSync(root, { recursive: true }),
  };
}

/** Opens the journal of a new run and writes `run.started`. */
function writeRun(
  data: DataFolder,
  { id = newRunId(), workflow = 'nightly', steps = ['build'], pid, started }: NewRun = {},
): WrittenRun {
  const folder = data.runDir(id);
  makeRunFolder(folder);
  const journal = createJournal(folder);
  const writer = pid === undefined ? processIdentity() : { ...processIdentity(), pid, startTime: '1' };
  journal.event(runStarted(steps, { runId: id, workflow, writer, ...started }));
  const subject = (step: string | undefined, attempt: number) => (step === undefined ? undefined : { step, attempt });
  const self: WrittenRun = {
    runId: id,
    journal,
    event: (event, step, attempt = 1) => void journal.event(event, subject(step, attempt)),
    output: (bytes, step, stream = 'stdout', attempt = 1) => {
      const buffer = Buffer.from(bytes);
      const unterminated = buffer.at(-1) !== 0x0a;
      const lineCount = buffer.filter((byte) => byte === 0x0a).length + (unterminated ? 1 : 0);
      journal.output({
        subject: { step, attempt },
        stream,
        severity: undefined,
        lineCount,
        bytes: buffer,
        unterminated,
      });
    },
    async finish(ids, well = true) {
      const outcome = well ? success : exit1;
      for (const step of ids) {
        self.event(attemptFinished(outcome), step);
        self.event(stepFinished(outcome), step);
      }
      self.event(runFinished(outcome));
      await journal.close();
    },
  };
  return self;
}

/** The reading commands alone. */
export function createReadingProgram(context: CliContext): Command {
  const program = new Command('stepspan');
  for (const register of [registerLs, registerShow, registerTail, registerExport, registerSearch, registerCosts])
    register(program, context);
  return program;
}

/** Starts the attempt of a step. */
export function startStep(run: WrittenRun, step: string): void {
  run.event({ type: 'step.started' }, step);
  run.event(attemptStarted, step);
}

export const old = '20260101-120000-aaaaaa' as RunId;
export const newer = '20260102-120000-bbbbbb' as RunId;

/** A run with bytes of every kind in it: colours, no UTF-8, a line without end, both streams and raw protocol. */
export const stdoutBytes = Buffer.concat([
  Buffer.from('\u001b[32mgreen\u001b[0m\nplain\n'),
  Buffer.from([0xff, 0x0a]),
  Buffer.from('50 %'),
]);
export async function writeMixed(rig: Rig, id = old): Promise<WrittenRun> {
  const run = rig.start({ id });
  startStep(run, 'build');
  run.output(stdoutBytes, 'build');
  run.output('ERROR: \u001b]52;c;aGk=\u0007bad\nwarn\n', 'build', 'stderr');
  run.output('{"type":"raw"}\n', 'build', 'debug');
  await run.finish(['build'], false);
  return run;
}
