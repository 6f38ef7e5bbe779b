// What a batch sends, as the requests that go out.
import { JsonLogsSerializer, JsonTraceSerializer, ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import type { Batch, Content, LogContent, SpanContent } from '../../../../src/readers/ship/encode/batch.ts';

/** An OTLP/protobuf request. */
export function protobufOf(content: LogContent): Buffer {
  return Buffer.from(
    content.kind === 'lines' ? content.body : (ProtobufLogsSerializer.serializeRequest(content.logs) ?? []),
  );
}

/** An OTLP/JSON request; of lines, if they were encoded so. */
export function jsonOf(content: LogContent | SpanContent): string {
  const bytes =
    content.kind === 'lines'
      ? content.body
      : content.kind === 'logs'
        ? JsonLogsSerializer.serializeRequest(content.logs)
        : JsonTraceSerializer.serializeRequest(content.spans);
  return Buffer.from(bytes ?? []).toString();
}

/** Everything that a batch sends, one a request. */
export function contentsOf<C extends Content>(batch: Batch<C> | undefined): C[] {
  return (batch?.parts ?? []).map((part) => part.content(0, part.count));
}
