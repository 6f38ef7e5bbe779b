// The files of a hub in the data folder: its lock, its metrics' state, and where it says how to reach it (hub.json).
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import type { ProcessIdentity } from '../core/event.ts';
import { isObject } from '../core/json.ts';
import {
  type DataFolder,
  isAlive,
  type LockResult,
  processIdentity,
  replaceFileUnsynced,
  tryLockFile,
} from '../journal/index.ts';

/** What hub.json says. */
export type HubRecord = {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly process: ProcessIdentity;
  readonly version: string;
  /** Whether it sends the alerts of runs; a hub of an earlier version does not say so. */
  readonly notifies?: boolean;
  /** ISO 8601. */
  readonly since: string;
};

/** Makes the hub's folder and takes its lock, or says who has it. Throws what the file system throws. */
export function lockHub(data: DataFolder): LockResult {
  mkdirSync(data.runsDir, { recursive: true, mode: 0o700 });
  mkdirSync(data.hub.dir, { recursive: true, mode: 0o700 });
  return tryLockFile(data.hub.lock, `hub of ${data.root}`);
}

export function writeHubRecord(data: DataFolder, record: Omit<HubRecord, 'process' | 'since'>): void {
  const whole: HubRecord = { ...record, process: processIdentity(), since: new Date().toISOString() };
  // After a power cut it would name a process that is gone.
  replaceFileUnsynced(data.hubFile, `${JSON.stringify(whole, undefined, 2)}\n`);
}

export function removeHubRecord(data: DataFolder): void {
  rmSync(data.hubFile, { force: true });
}

/** The hub that runs for this data folder; undefined if none does, also if one was killed and left its file. */
export function runningHub(data: DataFolder): HubRecord | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(data.hubFile, 'utf8'));
    return isHubRecord(record) && isAlive(record.process) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** A hub of another version wrote it, so only what is used of every version is asked for. */
function isHubRecord(value: unknown): value is HubRecord {
  return (
    isObject(value) && typeof value.url === 'string' && isObject(value.process) && typeof value.process.pid === 'number'
  );
}
