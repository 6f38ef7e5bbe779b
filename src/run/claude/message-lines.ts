// Joins the bytes of one stream into lines, one message each. Called by stream-json.ts. Unlike the splitter for the journal it
// keeps a whole line of some MiB, since half a message cannot be read.

/** Of one message. Tool results with images in base64 reach a few MiB; beyond this the line is only kept, not read. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

export type MessageLines = {
  /** Takes bytes as they were read; lines may be split anywhere. The bytes are not kept after the call. */
  readonly push: (bytes: Uint8Array) => void;
  /** The stream has ended: what remains is a line, too. */
  readonly end: () => void;
};

/**
 * @param onLine called with each line without its line end, valid only during the call
 * @param onTooLong called with the size of a line over the bound, in place of `onLine`
 */
export function createMessageLines(
  onLine: (line: Buffer) => void,
  onTooLong: (bytes: number) => void,
  maxBytes = MAX_MESSAGE_BYTES,
): MessageLines {
  const pieces: Buffer[] = [];
  let size = 0;

  function add(piece: Buffer): void {
    size += piece.length;
    if (size > maxBytes) pieces.length = 0;
    else pieces.push(piece);
  }

  function flush(): void {
    const [first] = pieces;
    const whole = first !== undefined && pieces.length === 1 ? first : Buffer.concat(pieces);
    const bytes = size;
    pieces.length = 0;
    size = 0;
    if (bytes > maxBytes) onTooLong(bytes);
    else onLine(whole);
  }

  return {
    push(bytes) {
      const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      let start = 0;
      for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
        add(chunk.subarray(start, end));
        flush();
        start = end + 1;
      }
      if (start < chunk.length) add(Buffer.from(chunk.subarray(start)));
    },
    end: flush,
  };
}
