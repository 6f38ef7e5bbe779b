// Journals of small runs in temporary folders, and the records that tests make them of.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { Event, EventOf } from '../../../../src/core/event.ts';
import { newRunId, type RunId, traceIdOf } from '../../../../src/core/ids.ts';
import type { EventRecord, OutputRecord, Subject } from '../../../../src/core/record.ts';
import { createJournal, dataFolder, type JournalWriter, type RunFolder } from '../../../../src/journal/index.ts';
import { runStarted as runStartedWith } from '../../../runs/journal-of.ts';

export function runStarted(runId: RunId, more: Partial<EventOf<'run.started'>> = {}): EventOf<'run.started'> {
  return runStartedWith([], {
    runId,
    traceId: traceIdOf(runId),
    steps: [
      { id: 'build', name: 'Build it', kind: 'run', needs: [] },
      { id: 'review', name: 'Review', kind: 'claude', needs: ['build'] },
    ],
    cwd: '/repo',
    writer: { pid: 1, startTime: '1', host: 'box' },
    stepspanVersion: '9.9.9',
    ...more,
  });
}

export const runFinished: EventOf<'run.finished'> = {
  type: 'run.finished',
  outcome: { kind: 'success' },
  durationMs: 5,
  pausedMs: 0,
  costUsd: 0,
};

export const build: Subject = { step: 'build', attempt: 1 };

export type TestRun = { readonly folder: RunFolder; readonly journal: JournalWriter; readonly root: string };

/** A new run whose journal holds `run.started`. Its folder is removed after the test. */
export function newRun(
  more: Partial<EventOf<'run.started'>> = {},
  options: Parameters<typeof createJournal>[1] = {},
): TestRun {
  const root = mkdtempSync(path.join(tmpdir(), 'stepspan-ship-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const folder = dataFolder(root).runDir(newRunId());
  const journal = createJournal(folder, options);
  journal.event(runStarted(folder.runId, more));
  return { folder, journal, root };
}

export function print(journal: JournalWriter, lines: readonly string[], subject: Subject | undefined = build): number {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  return journal.output({
    stream: 'stdout',
    severity: undefined,
    subject,
    lineCount: lines.length,
    bytes,
    unterminated: false,
  });
}

/** A finished run of the given lines. */
export async function finishedRun(lines: readonly string[]): Promise<TestRun> {
  const run = newRun();
  // Several records, so that a batch is made of more than one.
  for (let at = 0; at < lines.length; at += 7) print(run.journal, lines.slice(at, at + 7));
  run.journal.event(runFinished);
  await run.journal.close();
  return run;
}

/** Records with running numbers and times, as a journal would give them. */
export function recorder(): {
  readonly event: (event: Event, subject?: Subject) => EventRecord;
  readonly output: (bytes: Buffer | string, more?: Partial<OutputRecord>) => OutputRecord;
} {
  let seq = 0;
  let timeNs = 1_795_000_000_000_000_000n;
  return {
    event(event, subject) {
      timeNs += 1_000_000n;
      return { kind: 'event', seq: seq++, timeNs, subject, event };
    },
    output(text, more = {}) {
      timeNs += 1_000_000n;
      const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text);
      const newlines = bytes.filter((byte) => byte === 10).length;
      const unterminated = more.unterminated ?? (bytes.length === 0 || bytes.at(-1) !== 10);
      const lineCount = newlines + (unterminated ? 1 : 0);
      const record: OutputRecord = {
        kind: 'output',
        seq,
        timeNs,
        subject: build,
        stream: 'stdout',
        severity: undefined,
        lineCount,
        bytes,
        continues: false,
        ...more,
        unterminated,
      };
      seq += lineCount;
      timeNs += BigInt(lineCount);
      return record;
    },
  };
}
