// Reads OTLP/protobuf for tests, field by field and apart from everything that writes it.

export type Field = { readonly number: number; readonly value: bigint | Buffer };

export function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw new Error('a varint ends too early');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    switch (tag & 7) {
      case 0:
        fields.push({ number, value: varint() });
        break;
      case 1:
        fields.push({ number, value: message.readBigUInt64LE(at) });
        at += 8;
        break;
      case 2: {
        const length = Number(varint());
        if (at + length > message.length) throw new Error('a field is longer than its message');
        fields.push({ number, value: message.subarray(at, at + length) });
        at += length;
        break;
      }
      case 5:
        fields.push({ number, value: BigInt(message.readUInt32LE(at)) });
        at += 4;
        break;
      default:
        throw new Error(`wire type ${tag & 7}`);
    }
  }
  return fields;
}

export type Value = string | bigint | boolean | number | readonly Value[] | undefined;

export type DecodedLog = {
  readonly resource: Readonly<Record<string, Value>>;
  readonly scope: string;
  readonly timeNs: bigint;
  readonly observedNs: bigint;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: Value;
  readonly attributes: Readonly<Record<string, Value>>;
  readonly flags: number;
  readonly traceId: string;
  readonly spanId: string;
};

/** Every log record of an ExportLogsServiceRequest. */
export function decodeLogs(request: Buffer): DecodedLog[] {
  return messages(request, 1).flatMap((resourceLogs) => {
    const resource = attributesOf(messages(resourceLogs, 1)[0] ?? Buffer.alloc(0), 1);
    return messages(resourceLogs, 2).flatMap((scopeLogs) => {
      const scope = messages(messages(scopeLogs, 1)[0] ?? Buffer.alloc(0), 1)[0]?.toString() ?? '';
      return messages(scopeLogs, 2).map((record) => logOf(record, resource, scope));
    });
  });
}

/** Whether a record says an event of the journal, and not a line. */
export function isEvent({ attributes }: DecodedLog): boolean {
  return attributes['stepspan.event'] !== undefined;
}

function logOf(record: Buffer, resource: DecodedLog['resource'], scope: string): DecodedLog {
  const fields = fieldsOf(record);
  const number = (wanted: number): bigint => (fields.find((field) => field.number === wanted)?.value as bigint) ?? 0n;
  const bytes = (wanted: number): Buffer =>
    (fields.find((field) => field.number === wanted)?.value as Buffer) ?? Buffer.alloc(0);
  return {
    resource,
    scope,
    timeNs: number(1),
    observedNs: number(11),
    severityNumber: Number(number(2)),
    severityText: bytes(3).toString(),
    body: anyValueOf(bytes(5)),
    attributes: attributesOf(record, 6),
    flags: Number(number(8)),
    traceId: bytes(9).toString('hex'),
    spanId: bytes(10).toString('hex'),
  };
}

export function attributesOf(message: Buffer, field: number): Record<string, Value> {
  return Object.fromEntries(
    messages(message, field).map((pair) => [
      messages(pair, 1)[0]?.toString() ?? '',
      anyValueOf(messages(pair, 2)[0] ?? Buffer.alloc(0)),
    ]),
  );
}

function anyValueOf(any: Buffer): Value {
  const field = fieldsOf(any)[0];
  switch (field?.number) {
    case 1:
      return (field.value as Buffer).toString();
    case 2:
      return field.value !== 0n;
    case 3:
      return field.value as bigint;
    case 4: {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(field.value as bigint);
      return bytes.readDoubleLE();
    }
    case 5:
      return messages(field.value as Buffer, 1).map(anyValueOf);
    default:
      return undefined;
  }
}

export function messages(message: Buffer, number: number): Buffer[] {
  return fieldsOf(message).flatMap((field) => (field.number === number ? [field.value as Buffer] : []));
}
