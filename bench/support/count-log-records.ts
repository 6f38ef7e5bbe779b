// Counts the log records in the body of an OTLP/HTTP request, JSON or protobuf, without decoding what is in them.

export function countLogRecords(contentType: string, body: Buffer): number {
  if (!contentType.includes('json')) return countFields(body, 0, body.length, [1, 2, 2]);
  type Request = { resourceLogs?: { scopeLogs?: { logRecords?: unknown[] }[] }[] };
  const request = JSON.parse(body.toString()) as Request;
  const scopes = (request.resourceLogs ?? []).flatMap(({ scopeLogs }) => scopeLogs ?? []);
  return scopes.reduce((sum, { logRecords }) => sum + (logRecords ?? []).length, 0);
}

/**
 * How many messages stand at a path of field numbers. ExportLogsServiceRequest.resource_logs is 1, ResourceLogs.scope_logs
 * 2, ScopeLogs.log_records 2 (opentelemetry-proto, logs/v1).
 */
function countFields(bytes: Buffer, start: number, end: number, path: readonly number[]): number {
  const [field, ...below] = path;
  let count = 0;
  for (let at = start; at < end; ) {
    const tag = varint(bytes, at);
    const isMessage = (tag.value & 7) === 2;
    if (!isMessage) throw new Error(`wire type ${tag.value & 7} where only messages and strings stand`);
    const length = varint(bytes, tag.end);
    at = length.end + length.value;
    if (tag.value >> 3 !== field) continue;
    count += below.length === 0 ? 1 : countFields(bytes, length.end, at, below);
  }
  return count;
}

function varint(bytes: Buffer, start: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let at = start, shift = 0; ; at++, shift += 7) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, end: at + 1 };
  }
}
