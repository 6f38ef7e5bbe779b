// The constants of the WebSocket tail: version, limits and close codes. Apart from the schemas of its messages, so that a browser
// imports nothing else.
/** Raised when a message changes its meaning or goes; new messages and new fields do not raise it. */
export const protocolVersion = 1;

/** Offered by a client in `Sec-WebSocket-Protocol`. One that offers nothing is taken to speak version 1. */
export const subprotocol = 'stepspan.tail.v1';

export const tailPath = '/api/v1/tail';

/** The limits of a client. The server sends them in `hello`. */
export const limits = {
  /** Bytes of one message from a client: the longest sensible filter is far below. A larger one closes with 1009. */
  maxMessageBytes: 64 * 1024,
  /** Runs on one connection: a page of tiles. Each may hold a block of a journal, 1 MiB. */
  maxSubscriptions: 64,
  /** Step ids in a filter: no workflow has more steps than people can name. */
  maxFilterSteps: 1_000,
  /** Characters of a step id, an execution id, a request id or a nonce. */
  maxNameLength: 256,
  /** Characters of a search: a line of text, or a regular expression somebody can still read. */
  maxSearchLength: 1_000,
  /** Lines in one `output_stream`; a message of short lines is some tens of kilobytes. */
  maxLines: 1_000,
  /** Bytes of lines in one `output_stream`, but for a single line that is longer. */
  maxLineBytes: 64 * 1024,
  /** Messages that could not be understood, before the connection is closed with 4400: a client that is broken. */
  maxBadMessages: 20,
  /** Answers that wait to be taken, before the connection is closed with 4429: a client that asks and does not read. */
  maxUnreadAnswers: 100,
  /** Between pings of the server, in milliseconds. Proxies drop silent connections after 30 to 60 s. */
  pingMs: 20_000,
  /** Pings in a row that were not answered while nothing waited to be taken; then the connection is cut. */
  maxMissedPings: 2,
} as const;

/** Why a server closes a connection, beside those that RFC 6455 has every server use (1002, 1007). */
export const closeCodes = {
  /** The server stops. Connect again, to the same address, a little later. */
  goingAway: 1001,
  /** A binary frame: messages are text. */
  binary: 1003,
  /** A message above `maxMessageBytes`. */
  tooBig: 1009,
  /** A defect of the server; connect again. */
  internal: 1011,
  /** More than `maxBadMessages` were not understood. Connecting again does not help. */
  badMessages: 4400,
  /** More than `maxUnreadAnswers` wait to be taken. */
  unreadAnswers: 4429,
} as const;
