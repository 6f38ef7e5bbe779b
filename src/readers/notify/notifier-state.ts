// alerts.json in the folder of a run: what the rules have found, and what the receiver has of its alerts. It is replaced as a whole,
// so it is never half of two. If it is missing or of another version, the journal is read from its start.
import { readFileSync } from 'node:fs';
import { type RunFolder, replaceFile } from '../../journal/index.ts';
import { type AlertEvaluation, alertKey, restoreEvaluation, storeEvaluation } from '../../runs/alerts/index.ts';
import type { Delivery, Refusal } from './deliver/schedule.ts';

export type NotifierState = {
  /** Of all records below `rules.run.nextSeq`. */
  readonly rules: AlertEvaluation;
  /** By the key of the alert. */
  readonly deliveries: Readonly<Record<string, Delivery | Refusal>>;
  /** Whether what a success resolves has been looked for in the other runs of the workflow; see resolve-earlier.ts. */
  readonly areOthersChecked: boolean;
};

/** Whether an alert has ended and the receiver does not know it yet. */
export function hasEndToSend({ rules, deliveries }: NotifierState): boolean {
  return Object.values(rules.alerts).some((alert) => {
    const known = deliveries[alertKey(alert)];
    return alert.endedMs !== undefined && known !== undefined && 'isEndSent' in known && !known.isEndSent;
  });
}

const version = 2;

/** @returns undefined if it is missing or cannot be used */
export function loadNotifierState(folder: RunFolder): NotifierState | undefined {
  try {
    const stored = JSON.parse(readFileSync(folder.alertsFile, 'utf8'));
    const rules = stored.version === version ? restoreEvaluation(stored.rules) : undefined;
    // The field has an older name in the file.
    const { deliveries, hasMetOthers: areOthersChecked } = stored;
    return rules === undefined ? undefined : { rules, deliveries, areOthersChecked };
  } catch {
    return undefined;
  }
}

/** Throws what the file system throws: then nothing may be sent that is not kept. */
export async function saveNotifierState(
  folder: RunFolder,
  { rules, deliveries, areOthersChecked }: NotifierState,
): Promise<void> {
  const stored = { version, rules: storeEvaluation(rules), deliveries, hasMetOthers: areOthersChecked };
  await replaceFile(folder.alertsFile, `${JSON.stringify(stored)}\n`);
}
