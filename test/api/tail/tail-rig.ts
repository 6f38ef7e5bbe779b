// A real http server with the tail on it, over journals in a temp folder, and watchers that remember what they were sent.
import { once } from 'node:events';
import type { Server } from 'node:http';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { createTail, type Tail, type TailOptions } from '../../../src/api/index.ts';
import type { ClientMessage, TailMessage } from '../../../src/api/schema/messages.ts';
import { dataFolder, type RunFolder } from '../../../src/journal/index.ts';
import { createCatalogue } from '../../../src/runs/index.ts';
import { serveHttp } from '../../support/http-server.ts';
import { until } from '../../support/until.ts';
import { messagesSchema } from './message-schema.ts';

export type TailRig = { readonly tail: Tail; readonly server: Server; readonly url: string; readonly port: number };

export async function serveTail(root: string, options: Partial<TailOptions> = {}, port = 0): Promise<TailRig> {
  const data = dataFolder(root);
  const tail = createTail({
    catalogue: createCatalogue({ data }),
    linksOf: () => [],
    runsDir: data.runsDir,
    resolveRun: (runId) => (data.listRunIds().includes(runId) ? data.runDir(runId) : undefined),
    authorize: () => ({ ok: true, scope: 'read' }),
    version: '0.0.0-test',
    ...options,
  });
  const { server, port: at, close } = await serveHttp((_request, response) => response.writeHead(404).end(), port);
  server.on('upgrade', tail.handleUpgrade);
  onTestFinished(async () => {
    await tail.stop();
    await close();
  });
  return { tail, server, url: `ws://127.0.0.1:${at}/api/v1/tail`, port: at };
}

/** Enough to see each type; a test of slow watchers gets a million lines. */
const checkedMessages = 200;

export type Watcher = {
  readonly socket: WebSocket;
  readonly messages: TailMessage[];
  readonly say: (message: ClientMessage | Record<string, unknown>) => void;
  /** Resolves with the first message of this type that `fits`, come or to come. */
  readonly heard: <T extends TailMessage['type']>(
    type: T,
    fits?: (message: Extract<TailMessage, { type: T }>) => boolean,
  ) => Promise<Extract<TailMessage, { type: T }>>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
};

export async function watcher(url: string): Promise<Watcher> {
  const socket = new WebSocket(url, 'stepspan.tail.v1');
  const messages: TailMessage[] = [];
  socket.on('message', (data) => messages.push(JSON.parse(data.toString()) as TailMessage));
  onTestFinished(() => {
    // What a server says is in the schema, whatever the test is about.
    for (const message of messages.slice(0, checkedMessages)) messagesSchema.parse(message);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  );
  onTestFinished(() => socket.terminate());
  socket.on('error', () => undefined);
  await once(socket, 'open');
  return {
    socket,
    messages,
    closed,
    say: (message) => socket.send(JSON.stringify(message)),
    async heard(type, fits = () => true) {
      type Found = Extract<TailMessage, { type: typeof type }>;
      const find = (): Found | undefined =>
        messages.find((one): one is Found => one.type === type && fits(one as Found));
      await until(() => find() !== undefined);
      return find()!;
    },
  };
}

export async function watch(
  url: string,
  folder: RunFolder,
  more: Partial<Extract<ClientMessage, { type: 'subscribe_execution' }>> = {},
): Promise<Watcher> {
  const one = await watcher(url);
  one.say({ type: 'subscribe_execution', executionId: folder.runId, ...more });
  return one;
}

/** One entry a number: lines with their text, events with the type of their message. */
export function entriesOf(messages: readonly TailMessage[]): [number, string][] {
  return messages.flatMap((message): [number, string][] => {
    switch (message.type) {
      case 'output_stream':
        return message.data.lines.map((line) => [line.seq, line.text]);
      case 'log_entry':
        return [[message.seq, message.data.message]];
      case 'hello':
      case 'pong':
      case 'error':
      case 'subscribed':
      case 'caught_up':
      case 'lagging':
      case 'jumped':
      case 'progress':
      case 'alert_triggered':
      case 'alert_resolved':
      case 'run_view':
      case 'run_patch':
      case 'run_list':
      case 'run_list_patch':
        return [];
      default:
        return [[message.seq, message.type]];
    }
  });
}
