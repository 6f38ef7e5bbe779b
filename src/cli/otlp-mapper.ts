// Makes `export --format otlp-json` from the same mapping that ships a run, so that a file holds what a backend gets.
// Here and not in export/, because a reader never imports another reader.
import { isRunId } from '../core/ids.ts';
import type { OtlpMapper } from '../readers/export/index.ts';
import { type Batch, logLimits, spanLimits } from '../readers/ship/encode/batch.ts';
import { createJsonLogBatcher } from '../readers/ship/encode/json-log-batcher.ts';
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
  const spans = createSpanBatcher({ runId, sdk, encoding: 'json', sendFrom: 0, limits: spanLimits });
  const logs = createJsonLogBatcher(context, sdk.logOrigin, logLimits);
  const requestsOf = (batches: Iterable<Batch | undefined>): Uint8Array[] =>
    [...batches].flatMap((batch) => (batch === undefined || batch.count === 0 ? [] : [batch.body(0, batch.count)]));
  return {
    map: (records) => records.flatMap((record) => requestsOf([...spans.push(record), ...logs.push(record)])),
    end: () => requestsOf([spans.take(), logs.take()]),
  };
}
