// A data folder of its own for each test, and short ways to say what goes into a journal and what is in it.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Event } from '../../src/core/event.ts';
import { newRunId } from '../../src/core/ids.ts';
import { type JournalRecord, linesOf, type OutputDraft } from '../../src/core/record.ts';
import { dataFolder, type RunFolder } from '../../src/journal/index.ts';
import { compileCache } from '../support/compile-cache.ts';

export function tempRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'stepspan-journal-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
  return root;
}

export function tempRun(): RunFolder {
  return dataFolder(tempRoot()).runDir(newRunId());
}

export const subject = { step: 'build', attempt: 1 };

/** Output of whole lines, or of the last one without its end. */
export function output(text: string, more: Partial<OutputDraft> = {}): OutputDraft {
  const bytes = Buffer.from(text);
  const unterminated = !text.endsWith('\n');
  const lineCount = text.split('\n').length - (unterminated ? 0 : 1);
  return { subject, stream: 'stdout', severity: undefined, lineCount, bytes, unterminated, ...more };
}

export const stepStarted: Event = { type: 'step.started' };

export const runFinished: Event = {
  type: 'run.finished',
  outcome: { kind: 'success' },
  durationMs: 1,
  pausedMs: 0,
  costUsd: 0,
};

/** One entry a sequence number: the number, and the text of the line or the type of the event. */
export function flat(records: readonly JournalRecord[]): [number, string][] {
  return records.flatMap((record): [number, string][] =>
    record.kind === 'event'
      ? [[record.seq, record.event.type]]
      : [...linesOf(record)].map((line): [number, string] => [line.seq, line.bytes.toString()]),
  );
}

/** Removes the first segments, as somebody who makes room by hand does. @returns how many went */
export function removeOldSegments(folder: RunFolder, kept: number): number {
  const segments = readdirSync(folder.journalDir)
    .filter((name) => name.endsWith('.seg'))
    .sort();
  const going = segments.slice(0, -kept);
  for (const name of going)
    for (const each of [name, name.replace('.seg', '.idx')]) rmSync(join(folder.journalDir, each), { force: true });
  return going.length;
}

const fixtures = new URL('../fixtures/', import.meta.url);

/** A real process that runs a fixture. It is killed when the test ends, whatever happened. */
export function startFixture(name: string, ...args: string[]): ChildProcessByStdio<null, Readable, Readable> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(name, fixtures)), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', HOME: tmpdir(), ...compileCache },
  });
  child.stderr.on('data', (bytes: Buffer) => process.stderr.write(bytes));
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** What a process has printed, when it has ended. */
export async function ended(
  child: ChildProcessByStdio<null, Readable, Readable>,
): Promise<{ out: string; code: number | null }> {
  let out = '';
  child.stdout.on('data', (bytes: Buffer) => {
    out += bytes.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { out, code };
}
