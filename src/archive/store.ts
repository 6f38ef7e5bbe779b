// What an archive asks of the place where it is kept: whole objects by their names, written only on a condition, so that two writers
// cannot damage each other's work. folder-store.ts and s3-store.ts implement it; everything else of the archive uses only this.

/** An object, or the part of it that was asked for. */
export type StoredObject = {
  readonly bytes: Buffer;
  /** Changes with each change of the object; for `replace`. */
  readonly version: string;
};

export type PutCondition =
  /** There is no object of that name yet. */
  | { readonly kind: 'new' }
  /** The object is still of this version. */
  | { readonly kind: 'replace'; readonly version: string };

export type PutResult =
  | { readonly kind: 'stored'; readonly version: string }
  /** The condition does not hold; nothing was written. */
  | { readonly kind: 'conflict' };

export type ByteRange = { readonly from: number; readonly bytes: number };

/** All functions throw an `ArchiveError`. Names of objects have `/` between their parts, and none at either end. */
export type ArchiveStore = {
  /** The archive as people write it, without credentials. */
  readonly location: string;
  /** Undefined if there is no such object. */
  readonly get: (name: string, options?: GetOptions) => Promise<StoredObject | undefined>;
  readonly put: (name: string, bytes: Buffer, condition: PutCondition, signal?: AbortSignal) => Promise<PutResult>;
  /** The names of the folders directly below `name`, in order. */
  readonly folders: (name: string, signal?: AbortSignal) => Promise<readonly string[]>;
  readonly close: () => void;
};

export type GetOptions = { readonly range?: ByteRange; readonly signal?: AbortSignal | undefined };

export type ArchiveErrorKind =
  /** The store does not answer. */
  | 'unreachable'
  /** It answers that it cannot do so now. */
  | 'busy'
  /** It refuses, and will do so again until somebody changes something. */
  | 'refused'
  /** What is stored is not what was archived. */
  | 'damaged'
  /** The caller has ended the request. */
  | 'aborted';

export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
  readonly kind: ArchiveErrorKind;

  /** @param message which object, what is wrong, and what to do */
  constructor(kind: ArchiveErrorKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

export function isArchiveError(error: unknown): error is ArchiveError {
  return error instanceof Error && error.name === 'ArchiveError';
}
