// Bytes to a server as they are, without a client that would make them right.
import { connect, type Socket } from 'node:net';

export type Raw = {
  readonly socket: Socket;
  readonly text: () => string;
  /** Resolves with everything that came when the server has ended its side or cut. */
  readonly over: Promise<string>;
};

/** Sends the bytes and never hangs up by itself. */
export function send(port: number, bytes: string): Raw {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  const over = new Promise<string>((resolve) => {
    for (const event of ['end', 'close']) socket.once(event, () => resolve(text));
  });
  if (bytes !== '') socket.write(bytes);
  return { socket, text: () => text, over };
}

/** How many answers are in what a server sent. */
export function answersIn(text: string): number {
  return text.split(/HTTP\/1\.1 \d{3} /).length - 1;
}
