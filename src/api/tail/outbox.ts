// What is sent on one connection, and how much of it may wait: here a slow watcher stops its own reading.
// Messages about the journal wait for room; answers are counted, and too many end the connection. Called by session.ts, which
// makes one for each connection, and by the subscriptions.
import type { Duplex } from 'node:stream';
import { Sender, type WebSocket } from 'ws';
import type { TailMessage } from '../schema/messages.ts';
import { closeCodes, limits } from './protocol.ts';

/**
 * So much may wait in this process for one watcher, beside one message. What a slow watcher has not taken is in the
 * journal, so the bound is about keeping a fast one busy: at 256 KiB and a round trip of 10 ms that is 25 MB/s.
 */
export const defaultBufferBytes = 256 * 1024;

export type Outbox = {
  /** Whether a message about the journal may be sent now. */
  readonly hasRoom: () => boolean;
  /** @param frame of `encode` */
  readonly send: (frame: Buffer) => void;
  /** Sends an answer to what the client asked for, whether there is room or not. */
  readonly answer: (message: TailMessage) => void;
  readonly pong: (data: Buffer) => void;
  /** Calls the listener when there is room again. @returns what stops that */
  readonly onRoom: (listener: () => void) => () => void;
};

/** @param stream the one that `socket` writes its frames to, and whose waiting bytes `socket` counts as buffered */
export function createOutbox(socket: WebSocket, stream: Duplex, bufferBytes: number): Outbox {
  const listeners = new Set<() => void>();
  let full = false;
  let answers = 0;

  const sent = (): void => {
    // At half, so that a watcher at its bound is not woken for every packet.
    if (!full || socket.bufferedAmount > bufferBytes / 2) return;
    full = false;
    for (const listener of listeners) listener();
  };
  const counted = (send: (done: () => void) => void): void => {
    // A burst does no harm while the kernel takes the answers: only what waits here takes memory.
    if (answers >= limits.maxUnreadAnswers && socket.bufferedAmount > 0) {
      socket.close(closeCodes.unreadAnswers, 'too many answers wait to be read');
      return;
    }
    answers += 1;
    send(() => {
      answers -= 1;
      sent();
    });
  };

  return {
    hasRoom() {
      if (socket.bufferedAmount >= bufferBytes) full = true;
      return !full;
    },
    send(frame) {
      // After a close frame nothing may follow.
      if (socket.readyState === socket.OPEN) stream.write(frame, sent);
    },
    answer: (message) => counted((done) => socket.send(JSON.stringify(message), done)),
    pong: (data) => counted((done) => socket.pong(data, false, done)),
    onRoom(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/**
 * A message as the whole frame that a server sends, so that it is framed once however many watch, and written to each at
 * once: ws itself would write its header and its text apart.
 */
export function encode(message: TailMessage): Buffer {
  const text = Buffer.from(JSON.stringify(message));
  return Buffer.concat(Sender.frame(text, textFrame));
}

const textFrame = { fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false } as const;

declare module 'ws' {
  /** Public in ws, and missing in its types. */
  const Sender: { frame(data: Buffer, options: typeof textFrame): Buffer[] };
}
