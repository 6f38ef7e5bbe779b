// Where a run says how to reach it: runs/<id>/control.json, readable by its owner only. The socket itself is elsewhere,
// since a data folder may be deep or on a disk that has no sockets. Written by control-server.ts, read by control-client.ts.
import { readFileSync, rmSync } from 'node:fs';
import type { ProcessIdentity } from '../core/event.ts';
import { isObject } from '../core/json.ts';
import { isAlive, processIdentity, type RunFolder, replaceFileUnsynced } from '../journal/index.ts';

export type ControlFile = {
  readonly socket: string;
  /** 64 hex digits. A process that can read this file may steer the run. */
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
    const content: unknown = JSON.parse(readFileSync(folder.controlFile, 'utf8'));
    return isControlFile(content) && isAlive(content.process) ? content : undefined;
  } catch {
    return undefined;
  }
}

/** Written by another process of stepspan; a torn or foreign file counts as none. */
function isControlFile(value: unknown): value is ControlFile {
  if (!isObject(value) || typeof value.socket !== 'string' || typeof value.token !== 'string') return false;
  return isObject(value.process) && typeof value.process.pid === 'number';
}

export function removeControlFile(folder: RunFolder): void {
  try {
    rmSync(folder.controlFile, { force: true });
  } catch {
    // A disk that fails keeps the file. It names this process, so that it counts for nothing once the process has ended.
  }
}
