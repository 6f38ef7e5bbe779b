// The public surface of the WebSocket tail for the server that carries it.
export type { TailMessage } from './schema/messages.ts';
export { tailPath } from './tail/protocol.ts';
export { type Authorized, createTail, noTail, type Tail, type TailNumbers, type TailOptions } from './tail/server.ts';
export type { Scope } from './tail/session.ts';
