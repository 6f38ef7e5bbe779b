// The control channel of a run: the process that runs it listens, the hub and the command line ask.
export { askRun, type ControlReply } from './control-client.ts';
export { type ControlServer, type ControlStart, listenForControl } from './control-server.ts';
export type { ControlAnswer, ControlRequest } from './protocol.ts';
export { steer } from './steer.ts';
