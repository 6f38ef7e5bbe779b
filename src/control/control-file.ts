// Where a run says how to reach it: runs/<id>/control.json, readable by its owner only. The socket itself lies elsewhere,
// since a data folder may be deep or on a disk that has no sockets. Knows no protocol.
import { readFileSync, rmSync } from 'node:fs';
import type { ProcessIdentity } from '../core/event.ts';
import { isAlive, processIdentity, type RunFolder, replaceFileUnsynced } from '../journal/index.ts';

export type ControlFile = {
  readonly socket: string;
  /** 64 hex digits. Whoever can read this file may steer the run. */
  readonly token: string;
  readonly process: ProcessIdentity;
};

export function writeControlFile(folder: RunFolder, socket: string, token: string): void {
  const content: ControlFile = { socket, token, process: processIdentity() };
  // After a power cut it would name a process that is gone.
  replaceFileUnsynced(folder.controlFile, `${JSON.stringify(content)}\n`);
}

/** Undefined when the run has ended or never listened, and when the process that listened is gone. */
export function readControlFile(folder: RunFolder): ControlFile | undefined {
  try {
    const content = JSON.parse(readFileSync(folder.controlFile, 'utf8')) as ControlFile;
    const isWhole = typeof content.socket === 'string' && typeof content.token === 'string';
    return isWhole && isAlive(content.process) ? content : undefined;
  } catch {
    return undefined;
  }
}

export function removeControlFile(folder: RunFolder): void {
  try {
    rmSync(folder.controlFile, { force: true });
  } catch {
    // A disk that fails keeps the file. It names this process, so that it counts for nothing once the process has ended.
  }
}
