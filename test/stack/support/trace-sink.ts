// Takes the place of Tempo in tests that run without one. It takes what the real Collector sends by OTLP/HTTP, keeps the
// first copy of a span id, and counts the others. It proves what left the Collector, and nothing about Tempo. Protobuf is
// refused; collector.ts has the Collector send JSON (TEMPO_OTLP_ENCODING).
import type { IncomingMessage } from 'node:http';
import { bodyOf, serveHttp } from '../../support/http-server.ts';
import { type ResourceSpans, type SinkSpan, spansOf } from './otlp-json.ts';
import { eventually } from './service.ts';

export type { SinkSpan } from './otlp-json.ts';

export interface SpanNode {
  span: SinkSpan;
  /** In order of their start. */
  children: SpanNode[];
}

export interface TraceSink {
  /** For TEMPO_OTLP_ENDPOINT. */
  readonly endpoint: string;
  traceIds(): string[];
  /** The spans of a trace in order of their start; none when the trace is not known. */
  spans(traceId: string): SinkSpan[];
  /** How often a span came again whose id was there already, over all traces. */
  duplicates(): number;
  /** The spans without a parent in the trace, each with what hangs below it. One tree has one of them. */
  tree(traceId: string): SpanNode[];
  /** Waits until the trace passes the check, such as having its root. */
  waitFor(traceId: string, check: (spans: SinkSpan[]) => boolean, timeoutMs?: number): Promise<SinkSpan[]>;
  /** Answers every export with this status from now on and keeps nothing of it; 200 ends that. */
  answerWith(status: number): void;
  close(): Promise<void>;
}

export async function startTraceSink(): Promise<TraceSink> {
  const traces = new Map<string, Map<string, SinkSpan>>();
  let duplicates = 0;
  let status = 200;

  function keep(span: SinkSpan): void {
    const trace = traces.get(span.traceId) ?? new Map<string, SinkSpan>();
    traces.set(span.traceId, trace);
    if (trace.has(span.spanId)) duplicates += 1;
    else trace.set(span.spanId, span);
  }

  const { url, close } = await serveHttp(async (request, response) => {
    // Read first in every case: an answer before the end of the request breaks the connection of a large export.
    const body = await bodyOf(request);
    const refusal = status === 200 ? refusalOf(request) : { status, message: 'This is a played outage.' };
    if (refusal) {
      response.writeHead(refusal.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ message: refusal.message }));
      return;
    }
    const { resourceSpans = [] } = JSON.parse(body.toString('utf8')) as { resourceSpans?: ResourceSpans[] };
    for (const span of spansOf(resourceSpans)) keep(span);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });

  const spans = (traceId: string) => [...(traces.get(traceId)?.values() ?? [])].sort(byStart);
  return {
    endpoint: url,
    close,
    traceIds: () => [...traces.keys()],
    spans,
    duplicates: () => duplicates,
    tree: (traceId) => buildTree(spans(traceId)),
    waitFor: (traceId, check, timeoutMs) => {
      const probe = () => (check(spans(traceId)) ? spans(traceId) : undefined);
      return eventually(`trace ${traceId} is complete in the sink`, probe, timeoutMs);
    },
    answerWith(next) {
      status = next;
    },
  };
}

// 415 is not among the statuses that OTLP retries, so a wrong encoding shows at once in the Collector's output.
function refusalOf(request: IncomingMessage): { status: number; message: string } | undefined {
  if (request.method !== 'POST' || request.url !== '/v1/traces') {
    return { status: 404, message: 'The trace sink takes POST /v1/traces only.' };
  }
  if (!request.headers['content-type']?.startsWith('application/json')) {
    return { status: 415, message: 'The trace sink reads OTLP JSON only; set TEMPO_OTLP_ENCODING=json.' };
  }
  return undefined;
}

function buildTree(spans: SinkSpan[]): SpanNode[] {
  const nodes = new Map(spans.map((span) => [span.spanId, { span, children: [] as SpanNode[] }]));
  const roots: SpanNode[] = [];
  for (const node of nodes.values()) {
    const parent = nodes.get(node.span.parentSpanId ?? '');
    (parent?.children ?? roots).push(node);
  }
  return roots;
}

function byStart(a: SinkSpan, b: SinkSpan): number {
  return a.startNs < b.startNs ? -1 : a.startNs > b.startNs ? 1 : 0;
}
