// Protobuf written into one growing buffer: the few wire types that OTLP needs. Knows nothing of OTLP messages but
// attributes, which every message has (opentelemetry/proto/common/v1/common.proto: KeyValue, AnyValue).

export type ByteWriter = {
  /** Everything written is `buffer[0..position)`; the buffer is replaced when it grows. */
  buffer: Buffer;
  view: DataView;
  position: number;
};

export function createByteWriter(size: number): ByteWriter {
  const buffer = Buffer.allocUnsafeSlow(size);
  return { buffer, view: viewOf(buffer), position: 0 };
}

/** Makes room for `more` bytes. */
export function reserve(writer: ByteWriter, more: number): void {
  const needed = writer.position + more;
  if (needed <= writer.buffer.length) return;
  const grown = Buffer.allocUnsafeSlow(Math.max(needed, writer.buffer.length * 2));
  writer.buffer.copy(grown, 0, 0, writer.position);
  writer.buffer = grown;
  writer.view = viewOf(grown);
}

/** Bytes that a varint of a whole number from 0 to 2^53 takes. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Writes without a check for room. */
export function putVarint(writer: ByteWriter, value: number): void {
  const { buffer } = writer;
  let rest = value;
  while (rest >= 128) {
    buffer[writer.position++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  buffer[writer.position++] = rest;
}

/** A field of wire type 2: tag, length, content. */
export function writeBytes(writer: ByteWriter, tag: number, content: Uint8Array): void {
  reserve(writer, 11 + content.length);
  putVarint(writer, tag);
  putVarint(writer, content.length);
  writer.buffer.set(content, writer.position);
  writer.position += content.length;
}

export function writeVarintField(writer: ByteWriter, tag: number, value: number): void {
  reserve(writer, 20);
  putVarint(writer, tag);
  putVarint(writer, value);
}

/**
 * Writes each attribute as a field `tag` of type KeyValue: texts, numbers, truth values and lists of them, which is all that OpenTelemetry
 * has as an attribute. Others are left out.
 */
export function writeAttributes(writer: ByteWriter, tag: number, attributes: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(attributes)) {
    if (!['string', 'number', 'boolean'].includes(typeof value) && !Array.isArray(value)) continue;
    const pair = createByteWriter(64);
    writeBytes(pair, 0x0a, Buffer.from(key));
    writeBytes(pair, 0x12, anyValue(value));
    writeBytes(writer, tag, written(pair));
  }
}

export function written(writer: ByteWriter): Buffer {
  return writer.buffer.subarray(0, writer.position);
}

function anyValue(value: unknown): Buffer {
  const writer = createByteWriter(32);
  if (typeof value === 'string') writeBytes(writer, 0x0a, Buffer.from(value));
  else if (typeof value === 'boolean') writeVarintField(writer, 0x10, value ? 1 : 0);
  else if (typeof value === 'number') writeNumber(writer, value);
  else if (Array.isArray(value)) {
    const list = createByteWriter(64);
    for (const item of value) writeBytes(list, 0x0a, anyValue(item));
    writeBytes(writer, 0x2a, written(list));
  }
  return written(writer);
}

function writeNumber(writer: ByteWriter, value: number): void {
  // A negative varint takes ten bytes in two's complement; none of ours is negative, a double says it as well.
  if (Number.isSafeInteger(value) && value >= 0) {
    writeVarintField(writer, 0x18, value);
    return;
  }
  reserve(writer, 9);
  writer.buffer[writer.position++] = 0x21;
  writer.view.setFloat64(writer.position, value, true);
  writer.position += 8;
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}
