// Sends one batch until every record of it was acknowledged, or was refused on its own and kept aside. At least once:
// whatever ends it early leaves the cursor where it is. Knows nothing of journals and encodings.

import { withJitter } from '../../../core/backoff.ts';
import { unreachable } from '../../../core/unreachable.ts';
import type { Batch, Content, Part } from '../encode/batch.ts';
import type { PipelineState } from '../status.ts';
import { type Pace, waitAfter } from './pace.ts';
import type { Refused } from './refused.ts';
import type { Transport } from './transport.ts';

/** What is counted and said on the way. */
export type DeliveryReport = {
  readonly requested: (bytes: number) => void;
  readonly sent: (items: number, rejected: number, message: string) => void;
  readonly retried: () => void;
  readonly refused: (kept: boolean) => void;
  readonly failed: (message: string) => void;
  readonly contacted: (contact: 'unreachable' | 'answered') => void;
  readonly state: (state: PipelineState) => void;
};

export type DeliveryOptions<C extends Content> = {
  readonly transport: Transport<C>;
  readonly refused: Refused;
  readonly pace: Pace;
  readonly report: DeliveryReport;
  readonly signal: AbortSignal;
  readonly random: () => number;
};

/** @returns false when it was stopped before the end */
export async function deliver<C extends Content>(batch: Batch<C>, options: DeliveryOptions<C>): Promise<boolean> {
  for (const part of batch.parts) if (!(await deliverItems(part, 0, part.count, options))) return false;
  return batch.count > 0 || !options.signal.aborted;
}

async function deliverItems<C extends Content>(
  part: Part<C>,
  from: number,
  to: number,
  options: DeliveryOptions<C>,
): Promise<boolean> {
  const { transport, report, refused, signal } = options;
  const content = part.content(from, to);
  for (let failures = 1; ; failures++) {
    if (signal.aborted) return false;
    report.state({ kind: 'sending' });
    const { answer, bytes } = await transport.send(content, signal);
    if (signal.aborted && answer.kind !== 'accepted') return false;
    report.requested(bytes);
    report.contacted(answer.kind === 'unreachable' && !answer.hasConnected ? 'unreachable' : 'answered');
    switch (answer.kind) {
      case 'accepted':
        report.sent(to - from, answer.rejected, answer.message);
        return true;
      case 'busy': {
        report.failed(`HTTP ${answer.status}: ${answer.message}`);
        const ms = waitAfter(failures, answer.retryAfterMs, options.pace, options.random());
        await wait(ms, 'waiting', `HTTP ${answer.status}: ${answer.message}`, options);
        break;
      }
      case 'unreachable': {
        report.failed(answer.message);
        const ms = waitAfter(failures, undefined, options.pace, options.random());
        await wait(ms, 'waiting', answer.message, options);
        break;
      }
      case 'misconfigured': {
        const why = `HTTP ${answer.status}: ${answer.message}. ${remedyFor(answer.status)}`;
        report.failed(why);
        const ms = withJitter(options.pace.misconfiguredMs, options.random());
        await wait(ms, 'misconfigured', why, options);
        break;
      }
      case 'refused': {
        report.failed(`HTTP ${answer.status}: ${answer.message}`);
        if (to - from === 1) {
          const kept = refused.keep({ ...part.describe(from), status: answer.status, answer: answer.message });
          report.refused(kept);
          return true;
        }
        const middle = from + Math.ceil((to - from) / 2);
        return (await deliverItems(part, from, middle, options)) && deliverItems(part, middle, to, options);
      }
      default:
        return unreachable(answer);
    }
    report.retried();
  }
}

function remedyFor(status: number): string {
  if (status === 415) return 'Set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf, or to http/json.';
  return 'Check the endpoint and the headers (OTEL_EXPORTER_OTLP_*).';
}

async function wait(
  ms: number,
  kind: 'waiting' | 'misconfigured',
  why: string,
  { report, signal }: Pick<DeliveryOptions<Content>, 'report' | 'signal'>,
): Promise<void> {
  if (signal.aborted) return;
  report.state({ kind, untilMs: Date.now() + ms, why });
  await new Promise<void>((resolve) => {
    const timer = setTimeout(end, ms);
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    }
    signal.addEventListener('abort', end);
  });
}
