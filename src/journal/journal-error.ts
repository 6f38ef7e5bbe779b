// The one error class of the journal, for calls that cannot do what they promise. Appending never throws it.

export type JournalErrorCode =
  /** The folder holds a journal. */
  | 'exists'
  /** Another process writes this journal. */
  | 'locked'
  /** There is no journal to continue. */
  | 'not_found'
  /** A later stepspan wrote it, in a format that this one must not read. */
  | 'newer_format'
  /** It is compressed in a way that this Node cannot uncompress. */
  | 'no_zstd'
  /** A frame or header does not check out, and the caller does not take problems. */
  | 'corrupt';

export class JournalError extends Error {
  override readonly name = 'JournalError';
  readonly code: JournalErrorCode;
  readonly file: string;
  /** Where in `file`, in bytes of the uncompressed segment; undefined if the whole file is meant. */
  readonly offset: number | undefined;

  /** @param message what is wrong and what to do, as one or two sentences */
  constructor(code: JournalErrorCode, message: string, file: string, offset?: number) {
    super(message);
    this.code = code;
    this.file = file;
    this.offset = offset;
  }
}

/** The refusal of a segment of a later major version. */
export function newerFormat(file: string, major: number, minor: number, ours: number): JournalError {
  return new JournalError(
    'newer_format',
    `${file} is in journal format ${major}.${minor}; this stepspan reads up to ${ours}.x. Use the stepspan that wrote it, or a later one.`,
    file,
  );
}

/** The refusal of an archive in zstd on a Node without it. */
export function zstdIsMissing(file: string): JournalError {
  return new JournalError(
    'no_zstd',
    `${file} is compressed with zstd, which Node ${process.versions.node} does not have. Use Node 22.15 or later.`,
    file,
  );
}
