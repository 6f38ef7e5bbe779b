// What the results of the official exporters do not say is read at the agent that they take in their configuration: an agent
// of Node gets each request before it is sent. So the status, Retry-After and the body of an answer are known, and the
// exporter's own repetition ends before it begins: when a request is made again is decided in delivery.ts.
import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { formatSetDuration } from '../../../core/duration.ts';

/** An answer longer than this is not an OTLP answer; the rest is not read. */
const maxAnswerBytes = 64 * 1024;

/** By this method Node hands a request to its agent; it accepts any "agent-like object" that has it. */
type RequestTaker = { addRequest: (request: ClientRequest, options: unknown) => void };

/**
 * Calls `accept` with each request before the agent sends it.
 * @param accept what it returns false for is never sent, and fails
 */
export function guardAgent(agent: Agent, accept: (request: ClientRequest) => boolean): Agent {
  const taker = agent as Agent & RequestTaker;
  const take = taker.addRequest.bind(agent);
  taker.addRequest = (request, options) => {
    if (accept(request)) take(request, options);
    // Not at once: the caller does not have the request yet, and hears no error of it.
    else process.nextTick(() => request.emit('error', new Error('shipping has ended')));
  };
  return agent;
}

export type Watching = {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Bytes of the body on their way out, compressed as set. */
  readonly onBytes: (count: number) => void;
};

export type Answered = { readonly response: IncomingMessage; readonly body: Buffer };

/** The answer to a request that is about to be sent. Rejects if there is none. */
export function watchRequest(request: ClientRequest, { timeoutMs, signal, onBytes }: Watching): Promise<Answered> {
  return new Promise((resolve, reject) => {
    // A limit on the whole exchange and not on silence only, which a server could stretch with a byte now and then.
    const timer = setTimeout(
      () => request.destroy(new Error(`no answer within ${formatSetDuration(timeoutMs)}`)),
      timeoutMs,
    );
    const stop = (): void => void request.destroy(new Error('stopped'));
    signal.addEventListener('abort', stop);
    const settle = (end: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      end();
    };
    const fail = (error: Error): void => settle(() => reject(error));
    // An exporter sends again by itself, after a wait that nothing can end, what failed with 429, 502, 503, 504 or the code of
    // a broken connection. An error without a code ends the export at once.
    const endOfExport = new Error('the answer was read at the agent');
    const endExport = (): void => void request.emit('error', endOfExport);

    request.on('pipe', (body: Readable) => body.on('data', (chunk: Buffer) => onBytes(chunk.length)));
    // Before the listeners of the exporter, so that it hears of the end from us.
    request.prependListener('error', (error) => {
      if (error === endOfExport) return;
      fail(error);
      endExport();
    });
    request.prependListener('response', (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const succeed = (): void => settle(() => resolve({ response, body: Buffer.concat(chunks) }));
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= maxAnswerBytes) chunks.push(chunk);
        else succeed();
      });
      response.on('end', succeed);
      response.on('error', fail);
      // A connection that breaks inside the answer ends with neither `end` nor, at times, `error`.
      response.on('close', () => fail(new Error('the connection broke inside the answer')));
      if ((response.statusCode ?? 0) > 299) endExport();
    });
  });
}
