// Starts a run as a process of its own that outlives the hub, and waits until it has begun or has said why not.

import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { formatSetDuration } from '../core/duration.ts';
import { newRunId, type RunId } from '../core/ids.ts';
import { type DataFolder, openJournal } from '../journal/index.ts';

export type RunStarter = {
  readonly data: DataFolder;
  /** Program and first arguments of `stepspan`. */
  readonly command: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
};

export type RunStarted =
  | { readonly kind: 'started'; readonly runId: RunId }
  /** What the process said on stderr. */
  | { readonly kind: 'failed'; readonly message: string };

/** A cold start takes under a second here; ten times that is a machine that is out of breath. */
const startWithinMs = 15_000;
const lookEveryMs = 50;

/** As much of what it says as a person reads. */
const maxSaidBytes = 8 * 1024;

/** @param args of the command line, `run FILE …` or `resume RUN …`; @param cwd where the process starts */
export async function startRun(
  { data, command, env }: RunStarter,
  args: readonly string[],
  cwd: string,
): Promise<RunStarted> {
  const runId = newRunId();
  const [program, ...first] = command;
  // The hub may have been started within a trace; what it starts later does not belong there.
  const { TRACEPARENT: _parent, TRACESTATE: _state, BAGGAGE: _baggage, ...ownEnv } = env;
  const child = spawn(
    program,
    [...first, ...args, '--run-id', runId, '--data-dir', data.root, '--quiet', '--no-serve'],
    {
      cwd,
      env: ownEnv,
      // A session of its own: neither the hub's end nor a closed terminal reaches it.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let said = '';
  let ended: string | undefined;
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (text: string) => {
    if (said.length < maxSaidBytes) said += text;
  });
  child.once('error', (error) => {
    ended = error.message;
  });
  child.once('close', (code, signal) => {
    ended ??= `it ended with ${signal ?? `exit code ${code}`}`;
  });
  const giveUpAt = performance.now() + startWithinMs;
  try {
    while (performance.now() < giveUpAt) {
      if ((await openJournal(data.runDir(runId)).head()).nextSeq > 0) return { kind: 'started', runId };
      if (ended !== undefined) return { kind: 'failed', message: messageOf(said, ended) };
      await delay(lookEveryMs);
    }
    return { kind: 'failed', message: messageOf(said, `it has not begun within ${formatSetDuration(startWithinMs)}`) };
  } finally {
    // The hub may end before it.
    child.unref();
    // A pipe to a child is a socket, though its type does not say so.
    if (child.stderr instanceof Socket) child.stderr.unref();
  }
}

function messageOf(said: string, otherwise: string): string {
  return (
    said
      .replaceAll(/^stepspan: /gm, '')
      .trim()
      .slice(0, maxSaidBytes) || otherwise
  );
}
