// The public surface of the WebSocket tail for the server that carries it.
export { type TailMessage, tailPath } from './protocol.ts';
export { type Authorized, createTail, noTail, type Tail, type TailNumbers, type TailOptions } from './server.ts';
export type { Scope } from './session.ts';
