// Opens the control channel of a run that has just started, and says in its journal where that cannot be.
import { listenForControl, steer } from '../control/index.ts';
import type { Append } from '../core/record.ts';
import type { RunFolder } from '../journal/index.ts';
import type { RunHandle } from '../run/index.ts';

/** @returns ends it */
export async function openControl(folder: RunFolder, run: RunHandle, append: Append): Promise<() => Promise<void>> {
  const start = await listenForControl(folder, (request) => steer(run, request));
  if (start.kind === 'listening') return start.server.close;
  append.output({
    subject: undefined,
    stream: 'system',
    severity: 'warning',
    lineCount: 1,
    bytes: Buffer.from(`${start.message.replaceAll('\n', ' ')}\n`),
    unterminated: false,
  });
  return async () => undefined;
}
