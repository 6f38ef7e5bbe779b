// What people and programs see of runs over the network. This file is the WebSocket tail for the server that carries it; http/index.ts
// is the router of the HTTP API, and tail/client.ts what the page and `stepspan/client` use. Called by src/hub.
//
// schema/ has every request, answer and message; types, checks and documents are made from it. A request of http/ is checked, reads
// a journal by range (whole-lines.ts puts lines together) or takes a view from the catalogue of src/runs, and is answered as JSON.
// A connection of tail/ (session.ts) subscribes to runs (watches.ts): one feed per run reads the live end for all watchers
// (feed.ts), each watcher catches up from the journal at its own pace (subscription.ts), and map.ts turns records into messages.
export type { TailMessage } from './schema/messages.ts';
export { tailPath } from './tail/protocol.ts';
export { type Authorized, createTail, noTail, type Tail, type TailNumbers, type TailOptions } from './tail/server.ts';
export type { Scope } from './tail/session.ts';
