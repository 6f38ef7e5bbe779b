// What an archive member is, whichever way it is compressed, and what a way to compress has to do. Implemented by zstd-member.ts and
// gzip-member.ts, used by archive-member.ts and the archiver.

/** What a member holds. */
export type MemberContent = {
  /** Where in the raw segment it begins. */
  readonly rawOffset: number;
  /** Sequence number and time (Unix ns) of its first frame. */
  readonly seq: number;
  readonly timeNs: bigint;
  /** Bytes of segment header in front of the first frame: none but in the first member. */
  readonly headerBytes: number;
  /** How many of its frames are not output; undefined if the form does not say. */
  readonly eventCount: number | undefined;
};

export type MemberHead = MemberContent & {
  readonly rawBytes: number;
  /** Size of the member in the file, and of the head that it begins with. */
  readonly memberBytes: number;
  readonly headBytes: number;
};

/** How members are compressed, and what is around their compressed bytes. */
export type MemberForm = {
  /** Of the name of a file with such members, behind that of the raw segment. */
  readonly suffix: '.zst' | '.gz';
  readonly firstByte: number;
  /** So many bytes say what a member holds. */
  readonly fixedHeadBytes: number;
  readonly trailerBytes: number;
  /** Whether this Node has what it takes. */
  readonly isSupported: boolean;
  readonly encode: (raw: Buffer, content: MemberContent) => Promise<Buffer>;
  /** Undefined for bytes that are not a head. */
  readonly parseHead: (bytes: Buffer) => MemberHead | undefined;
  /** Both throw for bytes that are damaged. */
  readonly uncompress: (compressed: Buffer, rawBytes: number) => Promise<Buffer>;
  readonly uncompressSync: (compressed: Buffer, rawBytes: number) => Buffer;
  /** The segment header in a first member, without uncompressing all of that; fewer bytes if it is damaged. */
  readonly readHeader: (fd: number, first: Member) => Buffer;
};

export type Member = MemberHead & {
  readonly form: MemberForm;
  /** Where it begins in the file, and where its compressed bytes are. */
  readonly startOffset: number;
  readonly fileOffset: number;
  readonly compressedBytes: number;
  /** The raw offset of its first frame. */
  readonly offset: number;
};

/** Most archive members are smaller; with Node's default, each 16 KiB would be a turn of the thread pool. */
export const compressedAtOnce = 512 * 1024;
