// One connection to the tail for one run: subscribes, goes on after a break from the next number, says how it stands.
// Holds no lines. Knows nothing of views.

export type TailFrame = {
  readonly type: string;
  readonly executionId?: string;
  readonly seq?: number;
  readonly timestamp?: string;
  readonly data?: Readonly<Record<string, unknown>>;
};

export type TailStatus = 'connecting' | 'live' | 'reconnecting' | 'ended';

export type TailOptions = {
  readonly url: string;
  readonly executionId: string;
  /** The first number wanted, or `end` for what comes from now on. */
  readonly fromSeq: number | 'end';
  readonly onFrame: (frame: TailFrame) => void;
  readonly onStatus: (status: TailStatus) => void;
  /** Makes the connection; tests give their own. */
  readonly open?: (url: string, protocol: string) => WebSocket;
};

export const tailProtocol = 'stepspan.tail.v1';

/** Soon enough that a restarted hub is not noticed, and rare enough that a hundred pages do not storm it. */
const firstRetryMs = 300;
const longestRetryMs = 5_000;

export function openTail(options: TailOptions): { readonly close: () => void } {
  let socket: WebSocket | undefined;
  let nextSeq = options.fromSeq;
  let failures = 0;
  let closed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const send = (message: object): void => {
    if (socket?.readyState === 1) socket.send(JSON.stringify(message));
  };

  const connect = (): void => {
    const own = (options.open ?? ((url, protocol) => new WebSocket(url, protocol)))(options.url, tailProtocol);
    socket = own;
    own.onopen = () =>
      send({
        type: 'subscribe_execution',
        executionId: options.executionId,
        fromSeq: nextSeq,
        filters: { events: true },
      });
    own.onmessage = ({ data }) => {
      if (closed || socket !== own || typeof data !== 'string') return;
      take(JSON.parse(data) as TailFrame);
    };
    own.onclose = () => {
      if (closed || socket !== own) return;
      options.onStatus('reconnecting');
      timer = setTimeout(connect, Math.min(longestRetryMs, firstRetryMs * 2 ** failures));
      failures += 1;
    };
  };

  const take = (frame: TailFrame): void => {
    switch (frame.type) {
      case 'hello':
      case 'pong':
        return;
      case 'subscribed':
        failures = 0;
        // `end` is pinned now: a break from here on must not skip what was printed meanwhile.
        if (nextSeq === 'end') nextSeq = Number(frame.data?.headSeq ?? frame.data?.fromSeq ?? 0);
        options.onStatus('live');
        break;
      case 'lagging':
        // What was missed is read by range when it is looked at, so there is no need to be sent all of it.
        send({ type: 'jump_to_now', executionId: options.executionId });
        break;
      case 'jumped':
        nextSeq = Number(frame.data?.toSeq ?? nextSeq);
        break;
      case 'progress':
      case 'caught_up':
      case 'error':
        break;
      default:
        nextSeq = Math.max(nextSeq === 'end' ? 0 : nextSeq, lastSeqOf(frame) + 1);
    }
    options.onFrame(frame);
  };

  options.onStatus('connecting');
  connect();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      socket?.close();
    },
  };
}

/** The highest number a frame speaks of: that of its last line where it holds lines. */
function lastSeqOf(frame: TailFrame): number {
  const lines = frame.data?.lines as readonly { readonly seq: number }[] | undefined;
  return lines?.at(-1)?.seq ?? frame.seq ?? -1;
}
