// Makes `export --format otlp-json` from the same mapping that ships a run, so that a file holds what a backend gets.
// Here and not in export/, because a reader never imports another reader.
import { JsonLogsSerializer, JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import { isRunId } from '../core/ids.ts';
import { unreachable } from '../core/unreachable.ts';
import type { OtlpMapper } from '../readers/export/index.ts';
import { type Batch, type LogContent, logLimits, type SpanContent, spanLimits } from '../readers/ship/encode/batch.ts';
import { createLogBatcher } from '../readers/ship/encode/log-batcher.ts';
import { createSpanBatcher } from '../readers/ship/encode/readable-batcher.ts';
import { bareContext } from '../readers/ship/map/run-context.ts';
import { startSdk } from '../readers/ship/sdk.ts';
import type { RunState } from '../runs/index.ts';

/** @param version the `stepspanVersion` that the run was made with, as the records name it */
export async function createOtlpMapper(run: RunState, version: string): Promise<OtlpMapper> {
  const { runId } = run;
  if (!isRunId(runId)) throw new Error(`"${runId}" is not the id of a run`);
  // No OTEL_* variables of the exporting user: a file is not sent, and must not depend on where it was written.
  const context = {
    ...bareContext(runId),
    traceId: run.traceId,
    workflow: run.workflow,
    stepNames: new Map(run.steps.map((step) => [step.id, step.name])),
  };
  const sdk = await startSdk({}, { host: run.writer?.host, version, run: context });
  if (sdk === undefined) throw new Error('the SDK is switched off, although no setting was given');
  const spans = createSpanBatcher({ runId, sdk, sendFrom: 0, limits: spanLimits });
  const logs = createLogBatcher('json', context, sdk.logOrigin, logLimits);
  const requestsOf = (batches: Iterable<Batch<LogContent | SpanContent> | undefined>): Uint8Array[] =>
    [...batches].flatMap((batch) => batch?.parts ?? []).map((part) => jsonOf(part.content(0, part.count)));
  return {
    map: (records) => records.flatMap((record) => requestsOf([...spans.push(record), ...logs.push(record)])),
    end: () => requestsOf([spans.take(), logs.take()]),
  };
}

function jsonOf(content: LogContent | SpanContent): Uint8Array {
  switch (content.kind) {
    case 'lines':
      return content.body;
    case 'logs':
      return JsonLogsSerializer.serializeRequest(content.logs) ?? new Uint8Array();
    case 'spans':
      return JsonTraceSerializer.serializeRequest(content.spans) ?? new Uint8Array();
    default:
      return unreachable(content);
  }
}
