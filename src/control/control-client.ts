// Asks a running run to pause, resume or cancel, from any process of the same owner.

import { connect } from 'node:net';
import { formatSetDuration } from '../core/duration.ts';
import type { RunFolder } from '../journal/index.ts';
import { readControlFile } from './control-file.ts';
import { type ControlAnswer, type ControlRequest, maxRequestBytes, parseAnswer } from './protocol.ts';

export type ControlReply =
  | ControlAnswer
  /** Nobody listens: the run has ended, its process is gone, or it runs without a control channel. */
  | { readonly ok: undefined; readonly message: string };

/** A run answers within a turn of its event loop, which a busy machine may hold up. */
const answerTimeoutMs = 5_000;

/** Never rejects. */
export function askRun(folder: RunFolder, request: ControlRequest): Promise<ControlReply> {
  const file = readControlFile(folder);
  if (file === undefined) {
    return Promise.resolve({ ok: undefined, message: `run ${folder.runId} listens to nobody` });
  }
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(file.socket);
    const finish = (reply: ControlReply): void => {
      socket.destroy();
      resolve(reply);
    };
    socket.setEncoding('utf8');
    socket.setTimeout(answerTimeoutMs, () =>
      finish({
        ok: undefined,
        message: `run ${folder.runId} does not answer within ${formatSetDuration(answerTimeoutMs)}`,
      }),
    );
    socket.once('connect', () => void socket.write(`${JSON.stringify({ token: file.token, ...request })}\n`));
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > maxRequestBytes) socket.destroy();
    });
    socket.once('error', (error) => finish({ ok: undefined, message: error.message }));
    socket.once('close', () =>
      finish(parseAnswer(text) ?? { ok: undefined, message: `run ${folder.runId} went away without an answer` }),
    );
  });
}
