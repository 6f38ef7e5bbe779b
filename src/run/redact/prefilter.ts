// Finds the places of a text at which a short anchor may begin, by a program in WebAssembly (prefilter.wat) that looks at 16
// places at once. Called by the scan for anchors, which compares the bytes at each place. Owns the program and its memory.
import { prefilterWasm } from './prefilter-wasm.ts';

// The addresses in the program's memory, as its head describes them.
const TEXT_AT = 1024;
const PREFIXES_AT = 131_072;
const PLACES_AT = 196_608;
/** As much text as the program takes at once. */
export const BLOCK_BYTES = 65_536;
const BUCKETS = 8;
/** How many bytes of an anchor the program looks at. */
const PREFIX_BYTES = 3;

/** The places below `length` of the block that was put at the start of `text`, in ascending order. Valid until the next call. */
export type Prefilter = {
  /** Where the block is put, with `BLOCK_OVERLAP` bytes of what follows it. */
  readonly text: Uint8Array;
  readonly scan: (length: number) => Uint32Array;
};

/** A place within a block is decided by the bytes behind it too. */
export const BLOCK_OVERLAP = PREFIX_BYTES - 1;

/** What is used of it here: the types of Node leave it to those of browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
  ) => {
    readonly exports: { readonly memory: { readonly buffer: ArrayBuffer }; readonly scan: (length: number) => number };
  };
};

let compiled: object | undefined;

/** @param anchors each of 3 bytes or more, of which the first three count */
export function createPrefilter(anchors: readonly Uint8Array[]): Prefilter {
  compiled ??= new WebAssembly.Module(Buffer.from(prefilterWasm, 'base64'));
  const { memory, scan } = new WebAssembly.Instance(compiled).exports;
  const tables = new Uint8Array(memory.buffer, 0, PREFIX_BYTES * 32);
  const prefixes = new Uint8Array(memory.buffer, PREFIXES_AT, 0x10000);
  for (const [index, anchor] of inSimilarOrder(anchors).entries()) {
    // Neighbours share a bucket: the more alike its anchors are, the fewer other bytes it lets through.
    const bucket = 1 << Math.floor((index * BUCKETS) / anchors.length);
    for (let i = 0; i < PREFIX_BYTES; i++) addByte(tables.subarray(i * 32, i * 32 + 32), bucket, anchor[i] ?? 0);
    prefixes[hashOf(anchor)] = 1;
  }
  const places = new Uint32Array(memory.buffer, PLACES_AT);
  return {
    text: new Uint8Array(memory.buffer, TEXT_AT, BLOCK_BYTES + BLOCK_OVERLAP),
    scan: (length) => places.subarray(0, scan(length)),
  };
}

function inSimilarOrder(anchors: readonly Uint8Array[]): readonly Uint8Array[] {
  return [...anchors].sort((a, b) => Buffer.compare(a, b));
}

function addByte(table: Uint8Array, bucket: number, byte: number): void {
  const [low, high] = [byte & 15, 16 + (byte >> 4)];
  table[low] = (table[low] ?? 0) | bucket;
  table[high] = (table[high] ?? 0) | bucket;
}

function hashOf(anchor: Uint8Array): number {
  let hash = 0;
  for (let i = 0; i < PREFIX_BYTES; i++) hash = (hash << 5) ^ (anchor[i] ?? 0);
  return hash & 0xffff;
}
