// A real S3 server on a socket, and in front of it a proxy that misbehaves as a test wants.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveHttp } from '../../support/http-server.ts';
import { until } from '../../support/until.ts';
import { locateBackends } from './backends.ts';

/** 412 is an answer to writes alone: a read goes through. */
export type StoreFault = 'none' | 'reset' | 'slow' | { readonly status: number; readonly code: string };

export type ObjectStore = {
  /** For the environment of a stepspan that uses it. */
  readonly env: Readonly<Record<string, string>>;
  readonly bucket: string;
  /** Method and path of each request so far. */
  readonly requests: readonly string[];
  /** What happens to the next requests, in order; then none. */
  readonly misbehave: (faults: readonly StoreFault[]) => void;
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly close: () => Promise<void>;
};

const key = { id: 'archivekey', secret: 'archivesecretkey' };
const slowMs = 300;

export async function startObjectStore(): Promise<ObjectStore> {
  const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-s3-'));
  const bucket = 'runs';
  const [root, side, socket] = ['root', 'side', 'socket'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(path.join(root, bucket), { recursive: true });
  mkdirSync(side);
  const requests: string[] = [];
  let faults: readonly StoreFault[] = [];
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    await rm(socket, { force: true });
    const args = ['--port', socket, '--quiet', 'posix', '--sidecar', side, root];
    const env = { ...process.env, ROOT_ACCESS_KEY: key.id, ROOT_SECRET_KEY: key.secret };
    const child = spawn(locateBackends().versitygw, args, { env, stdio: 'ignore' });
    server = child;
    await until(() => {
      if (child.exitCode !== null) throw new Error(`the S3 server ended with ${child.exitCode}`);
      return isListening(socket);
    });
  }

  async function kill(): Promise<void> {
    const ended = server;
    server = undefined;
    if (ended === undefined || ended.exitCode !== null) return;
    ended.kill('SIGKILL');
    await once(ended, 'exit');
  }

  const proxy = await serveHttp(async (incoming, response) => {
    requests.push(`${incoming.method} ${incoming.url}`);
    const [fault = 'none'] = faults;
    faults = faults.slice(1);
    if (fault === 'slow') await sleep(slowMs);
    if (fault === 'reset') incoming.socket.destroy();
    else if (typeof fault === 'object' && (fault.status !== 412 || incoming.method === 'PUT')) {
      incoming.resume();
      await once(incoming, 'end');
      response.writeHead(fault.status, { 'content-type': 'application/xml' });
      response.end(`<Error><Code>${fault.code}</Code><Message>made up by the test</Message></Error>`);
    } else pass(incoming, response, socket);
  });
  await start();
  return {
    env: {
      AWS_ENDPOINT_URL_S3: proxy.url,
      AWS_ACCESS_KEY_ID: key.id,
      AWS_SECRET_ACCESS_KEY: key.secret,
      AWS_REGION: 'us-east-1',
    },
    bucket,
    requests,
    misbehave(next) {
      faults = next;
    },
    kill,
    start,
    async close() {
      await kill();
      await proxy.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function pass(incoming: IncomingMessage, response: ServerResponse, socketPath: string): void {
  const { method, url, headers } = incoming;
  const outgoing = request({ socketPath, method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  outgoing.once('error', () => incoming.socket.destroy());
  incoming.pipe(outgoing);
}

async function isListening(socket: string): Promise<boolean> {
  const trial = connect(socket);
  try {
    await once(trial, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    trial.destroy();
  }
}
