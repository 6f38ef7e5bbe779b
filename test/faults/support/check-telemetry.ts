// Holds what has arrived of Claude Code's own spans and log records to what the journal has of them: each once, and unchanged however
// often it was sent. Injects nothing.
import type { JournalRecord } from '../../../src/core/record.ts';
import { spansIn } from '../../readers/ship/support/json.ts';
import type { OtlpServer } from '../../readers/ship/support/otlp-server.ts';
import { isEvent } from '../../readers/ship/support/protobuf.ts';

type Json = Readonly<Record<string, unknown>>;

/** @param runId whose records these are. @returns what is wrong, in words */
export function telemetryWrongly(
  records: readonly JournalRecord[],
  runId: string,
  server: Pick<OtlpServer, 'logs' | 'traces'>,
): readonly string[] {
  const problems: string[] = [];
  const requests = records.flatMap((record) =>
    record.kind === 'event' && record.event.type === 'claude.telemetry' ? [record.event] : [],
  );
  const spans = requests.flatMap(({ signal, request }) =>
    signal === 'traces' ? partsOf(request, 'resourceSpans', 'scopeSpans', 'spans') : [],
  );
  const ids = spans.map(({ spanId }) => String(spanId));
  if (new Set(ids).size !== ids.length)
    problems.push(`${ids.length - new Set(ids).size} spans are in the journal twice`);
  const arrived = arrivedSpans(server.traces);
  const missing = ids.filter((id) => !arrived.has(id));
  if (missing.length > 0) problems.push(`${missing.length} of ${ids.length} spans of Claude Code have not arrived`);
  // Which copy of a span Tempo shows is not promised, so all have to be the same.
  const changed = [...arrived].filter(([, copies]) => copies.size > 1);
  for (const [id, copies] of changed) problems.push(`span ${id} came in ${copies.size} forms: ${[...copies.values()]}`);

  const logs = requests.flatMap(({ signal, request }) =>
    signal === 'logs' ? partsOf(request, 'resourceLogs', 'scopeLogs', 'logRecords') : [],
  );
  const came = new Set(
    server.logs
      .filter((log) => !isEvent(log) && log.attributes['stepspan.seq'] === undefined)
      .filter(({ attributes }) => attributes['cicd.pipeline.run.id'] === runId)
      .map((log) => JSON.stringify([log.timeNs, log.body, log.attributes], (_, value) => textOf(value))),
  );
  if (came.size !== logs.length) problems.push(`${came.size} log records of Claude Code arrived of ${logs.length}`);
  return problems;
}

function textOf(value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}` : value;
}

/** Spans of all runs by id; of each the different forms in which it came, with its name. */
function arrivedSpans(requests: readonly Buffer[]): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const spans = new Map<string, Map<string, string>>();
  for (const { id, name, form } of requests.flatMap(spansIn)) {
    const copies = spans.get(id) ?? new Map<string, string>();
    spans.set(id, copies.set(form, name));
  }
  return spans;
}

function partsOf(request: unknown, ...path: readonly string[]): readonly Json[] {
  return path.reduce<readonly Json[]>(
    (parts, name) => parts.flatMap((part) => (part[name] as readonly Json[] | undefined) ?? []),
    [request as Json],
  );
}
