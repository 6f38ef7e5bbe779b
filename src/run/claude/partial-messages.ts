// Keeps partial messages out of the journal. With --include-partial-messages Claude Code prints an answer piece by piece, and
// again as a whole: the pieces are a sign of life, but ten times the bytes of the answer. Called by the engine with the raw
// bytes of stdout, before they are recorded; the reader of the messages gets all of them.

export type PartialMessageFilter = {
  /** The bytes to record. A view on `bytes` if nothing is left out. */
  readonly push: (bytes: Buffer) => Buffer;
  /** The end of the stream that could have become a partial message. */
  readonly end: () => Buffer;
  /** How many partial messages were left out. */
  readonly count: () => number;
};

/** As every version that has the flag begins them (seen with 1.0.110 to 2.1.332). A line that begins otherwise is kept. */
const PREFIX = Buffer.from('{"type":"stream_event"');
const LF = 0x0a;
const nothing = Buffer.alloc(0);

/** Of the line that is being read: it begins like a partial message so far, or is kept or left out to its end. */
type State =
  | { readonly kind: 'matching'; readonly matched: number }
  | { readonly kind: 'keeping' }
  | { readonly kind: 'dropping' };

const atLineStart: State = { kind: 'matching', matched: 0 };

export function createPartialMessageFilter(): PartialMessageFilter {
  let state: State = atLineStart;
  let count = 0;

  return {
    push(bytes) {
      const kept: Buffer[] = [];
      let at = 0;
      while (at < bytes.length) {
        if (state.kind === 'matching') {
          const { matched } = state;
          const length = matchingLength(bytes, at, matched);
          if (matched + length === PREFIX.length) {
            state = { kind: 'dropping' };
            count += 1;
            at += length;
          } else if (at + length === bytes.length) {
            state = { kind: 'matching', matched: matched + length };
            at = bytes.length;
          } else {
            // It was not a partial message: what was held back comes before what follows.
            if (matched > 0) kept.push(PREFIX.subarray(0, matched));
            state = { kind: 'keeping' };
          }
          continue;
        }
        const lineEnd = bytes.indexOf(LF, at);
        const end = lineEnd === -1 ? bytes.length : lineEnd + 1;
        if (state.kind === 'keeping') kept.push(bytes.subarray(at, end));
        if (lineEnd !== -1) state = atLineStart;
        at = end;
      }
      return kept.length <= 1 ? (kept[0] ?? nothing) : Buffer.concat(kept);
    },
    end() {
      const held = state.kind === 'matching' ? PREFIX.subarray(0, state.matched) : nothing;
      state = atLineStart;
      return held;
    },
    count: () => count,
  };
}

/** How many bytes from `at` on continue the prefix, of which `matched` bytes came before. */
function matchingLength(bytes: Buffer, at: number, matched: number): number {
  const most = Math.min(PREFIX.length - matched, bytes.length - at);
  let length = 0;
  while (length < most && bytes[at + length] === PREFIX[matched + length]) length += 1;
  return length;
}
