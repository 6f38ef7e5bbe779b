// The channel on which another process pauses, resumes or cancels a run.
//
// Owns: the socket of a run and its folder, control.json, and the protocol. The run listens (control-server.ts) and carries requests out
// (steer.ts); hub, API and CLI ask (control-client.ts). One JSON line goes in, one comes back.
export { askRun, type ControlReply } from './control-client.ts';
export { type ControlServer, type ControlStart, listenForControl } from './control-server.ts';
export type { ControlAnswer, ControlRequest, Via } from './protocol.ts';
export { steer } from './steer.ts';
